"""What belongs together in a result: passages that say the same, and passages that follow one another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mcp_search.knowledge.fusion import Ranked
from mcp_search.knowledge.model import Passage
from mcp_search.knowledge.store.words import folded

SHINGLE = 4
"""Words in a row by which texts are compared."""
NEARLY_SAME = 0.85
"""Of two texts' shingles, the share that both have."""
LONGEST_RUN = 4
"""Passages joined into one hit: more would be most of a document."""


@dataclass(slots=True)
class Group:
    """One hit in the making."""

    ranked: list[Ranked]
    same: list[Passage] = field(default_factory=list[Passage])

    @property
    def score(self) -> float:
        return max(one.score for one in self.ranked)


def collapse(ranked: Sequence[Ranked]) -> list[Group]:
    """The best of those that say nearly the same, with the others beside it; in the order given."""
    groups: list[Group] = []
    seen: list[frozenset[str]] = []
    for one in ranked:
        shingles = _shingles(one.passage.text)
        place = next((i for i, other in enumerate(seen) if _is_same(shingles, other)), None)
        if place is None:
            groups.append(Group([one]))
            seen.append(shingles)
        elif groups[place].ranked[0].passage.document_id != one.passage.document_id:
            groups[place].same.append(one.passage)
        # Said twice in one document: it is shown once.
    return groups


def join_neighbours(groups: Sequence[Group]) -> list[Group]:
    """Passages that follow one another in a document become one group, at the place of the better one."""
    joined: list[Group] = []
    for group in groups:
        home = next((other for other in joined if _touches(other, group)), None)
        if home is None:
            joined.append(Group(list(group.ranked), list(group.same)))
        else:
            home.ranked += group.ranked
            home.same += group.same
    for group in joined:
        group.ranked.sort(key=lambda one: one.passage.ordinal)
    return joined


def text_of(passages: Sequence[Passage]) -> str | None:
    """The document's words from the first passage's start to the last one's end; None when some are missing between."""
    whole = passages[0].text
    for one, following in pairwise(passages):
        if following.start > one.end:
            return None
        whole += following.text[one.end - following.start :]
    return whole


def _touches(group: Group, other: Group) -> bool:
    if len(group.ranked) + len(other.ranked) > LONGEST_RUN:
        return False
    [candidate] = other.ranked
    return any(
        one.passage.document_id == candidate.passage.document_id
        and one.passage.version == candidate.passage.version
        and abs(one.passage.ordinal - candidate.passage.ordinal) == 1
        for one in group.ranked
    )


def _shingles(text: str) -> frozenset[str]:
    words = folded(text).split()
    return frozenset(
        " ".join(words[place : place + SHINGLE])
        for place in range(max(len(words) - SHINGLE + 1, 1))
    )


def _is_same(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= NEARLY_SAME * len(one | other)
