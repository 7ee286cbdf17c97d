"""How well sentences are held against what they cite: measured over citation_pairs.toml, printed as tables."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import get_args

from mcp_search.config import Embeddings
from mcp_search.knowledge.citations.checker import Checked, CitationChecker
from mcp_search.knowledge.citations.sentences import Sentence
from mcp_search.knowledge.embedding.making import make_embedder
from mcp_search.knowledge.ports import Embedder
from shared.wire.knowledge import Support
from steward_dev.bench.citation_pairs import MISCITED, TRUTH, Given, Pair, load


async def measure(given: Given, pairs: Sequence[Pair], embedder: Embedder | None) -> list[Checked]:
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


if __name__ == "__main__":
    main()
