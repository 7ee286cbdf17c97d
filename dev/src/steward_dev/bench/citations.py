"""How well sentences are held against what they cite: run over citation_pairs.toml, printed as tables."""

import asyncio
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from mcp_search.config import Embeddings
from mcp_search.knowledge.citations.checker import Checked, CitationChecker
from mcp_search.knowledge.citations.sentences import Sentence
from mcp_search.knowledge.embedding.making import make_embedder
from mcp_search.knowledge.model import Passage, Reader
from mcp_search.knowledge.ports import Embedder
from shared.wire.knowledge import Support

Kind = Literal["supported", "partly", "number", "name", "negation", "other passage"]
TRUTH: dict[Kind, Support] = {
    "supported": "supported",
    "partly": "partly",
    "number": "partly",
    "name": "partly",
    "negation": "partly",
    "other passage": "not_found",
}
MISCITED: frozenset[Kind] = frozenset({"number", "name", "negation", "other passage"})
AWAY = (1, 5)
"""Which of the following passages a right sentence is cited to, too."""
MOVED = 2
"""Right sentences of each passage that are."""


class _Written(BaseModel):
    key: str
    text: Annotated[str, Field(min_length=1)]
    blind: bool = False
    """Written after the thresholds were set."""
    supported: list[str]
    partly: list[str]
    number: list[str]
    name: list[str]
    negation: list[str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, what it cites, and how it stands."""

    kind: Kind
    sentence: str
    passage: str
    blind: bool


class _Given:
    """The passages, in place of a store."""

    def __init__(self, written: Sequence[_Written]) -> None:
        self.by_id = {_id(one.key): _passage(one) for one in written}

    async def passages(self, _: Reader, ids: Sequence[str]) -> list[Passage]:
        return [self.by_id[id_] for id_ in ids]


def load() -> tuple[_Given, list[Pair]]:
    """Passages and pairs of the file."""
    text = (files("steward_dev.bench") / "citation_pairs.toml").read_text()
    written = [_Written.model_validate(one) for one in tomllib.loads(text)["passages"]]
    pairs: list[Pair] = []
    for blind in (False, True):
        pairs += _pairs([one for one in written if one.blind is blind])
    return _Given(written), pairs


def _pairs(written: Sequence[_Written]) -> Iterator[Pair]:
    for place, one in enumerate(written):
        sentences: dict[Kind, list[str]] = {
            "supported": one.supported,
            "partly": one.partly,
            "number": one.number,
            "name": one.name,
            "negation": one.negation,
        }
        for kind, said in sentences.items():
            for sentence in said:
                yield Pair(kind, sentence, _id(one.key), one.blind)
        for sentence in one.supported[:MOVED]:
            for step in AWAY:
                other = written[(place + step) % len(written)]
                yield Pair("other passage", sentence, _id(other.key), one.blind)


async def measure(given: _Given, pairs: Sequence[Pair], embedder: Embedder | None) -> list[Checked]:
    """Each pair as if its sentence were the whole answer."""
    checker = CitationChecker(given, embedder)
    checks: list[Checked] = []
    for pair in pairs:
        sentence = Sentence(0, len(pair.sentence), pair.sentence, (pair.passage,))
        checks += await checker.check([sentence], given.by_id)
    return checks


def main() -> None:
    """Measure with and without vectors, on the pairs that thresholds were set by and on those that are blind."""
    given, pairs = load()
    for blind in (False, True):
        some = [pair for pair in pairs if pair.blind is blind]
        for name, embedder in (
            ("words and vectors", make_embedder(Embeddings())),
            ("words alone", None),
        ):
            started = time.perf_counter()
            checks = asyncio.run(measure(given, some, embedder))
            each_ms = (time.perf_counter() - started) * 1_000 / len(some)
            title = "Blind pairs" if blind else "Pairs that thresholds were set by"
            print(f"\n{title} ({len(some)}), {name}, {each_ms:.1f} ms each\n")
            _print_verdicts(some, checks)
            _print_classes(some, checks)


def _print_verdicts(pairs: Sequence[Pair], checks: Sequence[Checked]) -> None:
    seen = Counter((pair.kind, check.support) for pair, check in zip(pairs, checks, strict=True))
    verdicts: tuple[Support, ...] = get_args(Support)
    print("| what was done to the sentence | supported | partly | not found |")
    print("| --- | --- | --- | --- |")
    for kind in TRUTH:
        print(f"| {kind} | " + " | ".join(str(seen[kind, verdict]) for verdict in verdicts) + " |")


def _print_classes(pairs: Sequence[Pair], checks: Sequence[Checked]) -> None:
    said = [(pair, check.support) for pair, check in zip(pairs, checks, strict=True)]
    print("\n| class | precision | recall |")
    print("| --- | --- | --- |")
    verdicts: tuple[Support, ...] = get_args(Support)
    for verdict in verdicts:
        right = sum(TRUTH[pair.kind] == verdict == support for pair, support in said)
        given = sum(support == verdict for _, support in said)
        wanted = sum(TRUTH[pair.kind] == verdict for pair, _ in said)
        print(f"| {verdict} | {_share(right, given)} | {_share(right, wanted)} |")
    # Of all that is said not to be supported, how much is not; of all that is mis-cited, how much is caught.
    doubted = [pair for pair, support in said if support != "supported"]
    miscited = [support for pair, support in said if pair.kind in MISCITED]
    rightly = sum(TRUTH[pair.kind] != "supported" for pair in doubted)
    caught = sum(support != "supported" for support in miscited)
    print(f"| mis-cited | {_share(rightly, len(doubted))} | {_share(caught, len(miscited))} |")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f} ({part}/{whole})" if whole else "none"


def _id(key: str) -> str:
    return f"{key:a<10}"[:10]


def _passage(one: _Written) -> Passage:
    return Passage(
        id=_id(one.key),
        document_id=one.key,
        version=1,
        collection_id="bench",
        title=one.key,
        name=f"{one.key}.md",
        page=None,
        headings=(),
        start=0,
        end=len(one.text),
        text=one.text,
        ordinal=0,
        uploaded_by_name="",
        uploaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        sha256=one.key,
    )


if __name__ == "__main__":
    main()
