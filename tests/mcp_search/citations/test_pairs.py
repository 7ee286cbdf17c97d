"""The check against pairs that were judged by hand: what `make bench-citations` measures, by words alone."""

import pytest

from mcp_search.knowledge.citations.checker import CitationChecker
from mcp_search.knowledge.citations.sentences import Sentence
from steward_dev.bench.citation_pairs import MISCITED, load


@pytest.mark.parametrize(("blind", "caught", "supported"), [(False, 0.95, 0.85), (True, 0.9, 0.6)])
async def test_figures_are_not_worse_than_documented(
    blind: bool, caught: float, supported: float
) -> None:
    """Of the mis-cited, how many are not said to be supported; of the right ones, how many are."""
    given, pairs = load()
    some = [pair for pair in pairs if pair.blind is blind]
    sentences = [Sentence(0, 1, pair.sentence, (pair.passage,)) for pair in some]
    checks = await CitationChecker(given).check(sentences, given.by_id)
    said = [(pair.kind, check.support) for pair, check in zip(some, checks, strict=True)]
    miscited = [support != "supported" for kind, support in said if kind in MISCITED]
    right = [support == "supported" for kind, support in said if kind == "supported"]
    assert len(pairs) >= 120
    assert sum(miscited) / len(miscited) >= caught
    assert sum(right) / len(right) >= supported
