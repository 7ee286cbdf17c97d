"""How the two legs of a search become one order. Weights and thresholds are measured: docs/retrieval.md."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_search.knowledge.hits import Leg
from mcp_search.knowledge.model import Passage, Scored

_IDENTIFIER = re.compile(r"[^\W\d_]\d|\d[^\W\d_]|\w[_.=(]\w|[a-z][A-Z]|\b[A-Z]{3,}")
"""E1042, read_only, os.path, camelCase, NASA."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of one embedding model."""

    keyword: float = 0.1
    """What the best match by words adds to its cosine similarity; others add in proportion to their BM25."""
    identifier: float = 0.2
    """The same for a question that names a code or the like, which words find better than meaning."""
    good_enough: float | None = None
    """Closeness (judging.py) below which nothing is said to be found. None: it was not measured, all is shown."""

    def of(self, query: str) -> float:
        """The weight of the words for this question."""
        return self.identifier if _IDENTIFIER.search(query) else self.keyword


MEASURED: Mapping[str, Weights] = {"all-MiniLM-L6-v2-onnx-int8": Weights(good_enough=0.48)}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage in the fused order."""

    passage: Passage
    score: float
    leg: Leg


def weights_of(model: str) -> Weights:
    """Those measured for the model, or the common ones without a threshold."""
    return MEASURED.get(model, Weights())


def fuse(dense: Sequence[Scored], keyword: Sequence[Scored], weight: float) -> list[Ranked]:
    """By cosine + weight * BM25 / largest BM25, best first.

    A passage that only the words found is taken to be as near as the farthest that the vectors found: it was not
    among them, so it is not nearer.
    """
    passages = {one.passage.id: one.passage for one in (*keyword, *dense)}
    near = {one.passage.id: one.score for one in dense}
    said = {one.passage.id: one.score for one in keyword}
    floor = min(near.values(), default=0.0)
    largest = max(said.values(), default=0.0) or 1.0
    ranked = [
        Ranked(
            passage,
            near.get(key, floor) + weight * said.get(key, 0.0) / largest,
            _leg(is_near=key in near, is_said=key in said),
        )
        for key, passage in passages.items()
    ]
    return sorted(ranked, key=lambda one: -one.score)


def _leg(*, is_near: bool, is_said: bool) -> Leg:
    if is_near and is_said:
        return "both"
    return "dense" if is_near else "keyword"
