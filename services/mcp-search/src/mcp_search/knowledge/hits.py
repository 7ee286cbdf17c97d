"""What a search gives: passages that belong together, where they stand, and how they were found."""

from dataclasses import dataclass
from typing import Literal

from mcp_search.knowledge.model import Passage

Mode = Literal["hybrid", "keyword", "vector"]
Leg = Literal["dense", "keyword", "both"]
Why = Literal["found", "nothing_close", "no_match"]
"""nothing_close: there were passages, and none that is likely to answer. no_match: there was none."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One or more passages in a row, of one document's version."""

    passages: tuple[Passage, ...]
    """By ordinal; each can be cited by its id."""
    start: int
    end: int
    text: str
    """The document's words from start to end."""
    score: float
    leg: Leg
    """How it was found."""
    same: tuple[Passage, ...] = ()
    """Passages of other documents that say nearly the same, left out of the hits."""

    @property
    def best(self) -> Passage:
        """The first of them, for what is the same of all: document, version, title."""
        return self.passages[0]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search. Without hits it says why."""

    hits: tuple[Hit, ...]
    found: bool
    why: Why
    degraded: tuple[str, ...] = ()
    """In a person's words: what could not take part (an embedder that is away, a collection of another model)."""
