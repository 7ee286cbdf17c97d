"""Sentences and what they cite, judged by hand (citation_pairs.toml), for measuring how citations are checked."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from mcp_search.knowledge.model import Passage, Reader
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


class Given:
    """All passages, in place of a store: everybody may read them."""

    def __init__(self, written: Sequence[_Written]) -> None:
        self.by_id = {_id(one.key): _passage(one) for one in written}

    async def passages(self, _: Reader, ids: Sequence[str]) -> list[Passage]:
        return [self.by_id[id_] for id_ in ids]


def load() -> tuple[Given, list[Pair]]:
    """Passages and pairs of the file."""
    text = (files("steward_dev.bench") / "citation_pairs.toml").read_text()
    written = [_Written.model_validate(one) for one in tomllib.loads(text)["passages"]]
    pairs: list[Pair] = []
    for blind in (False, True):
        pairs += _pairs([one for one in written if one.blind is blind])
    return Given(written), pairs


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
