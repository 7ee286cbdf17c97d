"""How far passages support a sentence, by words and by vectors. Pure: whoever asks brings the vectors.

Each part of a sentence (a clause that says something of its own) must be in the passages. A number, name, denial or
opposite that the passages have otherwise makes the sentence at most partly supported, however alike the words are.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mcp_search.knowledge.citations.amounts import Amount, find_amounts, find_codes
from mcp_search.knowledge.citations.sentences import split
from mcp_search.knowledge.citations.wording import Wording, read_wording
from shared.wire.knowledge import Support

_BETWEEN_PARTS = re.compile(r"\s*;\s+|,?\s+(?:and|but|while|whereas|und|aber|sondern)\s+|,\s+")
_PIECES = re.compile(r"(?<=[;:])\s+")
MIN_PART_STEMS = 2
"""A part with fewer words of its own is told together with the one before it."""
WINDOW = 3
"""Sentences in a row of a passage that may together say what a part says."""
RELEVANT = 0.6
"""With this much of the best sentence's share of the words, another is about the same thing."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Measured (docs/retrieval.md)."""

    by_words: float = 0.66
    """Share of a part's words from which it is in the passage, whatever its vector says."""
    by_both: float = 0.44
    """Mean of share and cosine similarity from which it is, too."""


MEASURED = {"all-MiniLM-L6-v2-onnx-int8": Thresholds()}
"""By embedding model. Similarities of others mean something else: there, words alone decide."""


@dataclass(frozen=True)
class Told:
    """A sentence of a passage, or a part of the sentence that cites."""

    text: str
    sentence: str = ""
    """The whole one that a piece of a passage is of."""

    @cached_property
    def wording(self) -> Wording:
        return read_wording(self.text)

    @cached_property
    def amounts(self) -> list[Amount]:
        return find_amounts(self.text)

    @cached_property
    def sides(self) -> frozenset[tuple[int, int]]:
        """Of opposites, in the whole sentence: “…; both are mandatory” speaks of what is before it."""
        return read_wording(self.sentence or self.text).sides

    @cached_property
    def codes(self) -> set[str]:
        return find_codes(self.text)


Passage = tuple[Told, ...]
"""By its sentences."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a sentence."""

    support: Support
    score: float
    """0 to 1: of the part that is least in the passages."""
    by_vectors: bool
    """Words alone would not have found it."""


def read_passage(text: str) -> Passage:
    """A passage as it is compared."""
    return tuple(
        Told(piece, sentence.text)
        for sentence in split(text)
        for piece in _PIECES.split(sentence.text)
        if piece
    )


def parts_of(sentence: str) -> list[Told]:
    """The clauses of a sentence that say something of their own."""
    parts: list[str] = []
    place = 0
    for match in (*_BETWEEN_PARTS.finditer(sentence), None):
        end = match.start() if match else len(sentence)
        part = sentence[place:end]
        if parts and (_is_slight(part) or _is_slight(parts[-1])):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
        place = match.end() if match else end
    return [Told(part) for part in parts]


def _is_slight(part: str) -> bool:
    return len(read_wording(part).stems) < MIN_PART_STEMS


def judge(
    sentence: str, passages: Sequence[Passage], similarity: Callable[[str], float] | None
) -> Judged:
    """`similarity`: the highest cosine similarity of a text to a sentence of the passages; None without vectors."""
    parts = parts_of(sentence)
    shares = [_share_of_words(part, passages) for part in parts]
    limits = Thresholds()
    by_words = [share >= limits.by_words for share in shares]
    scores = list(shares)
    held = list(by_words)
    if similarity is not None and not all(by_words):
        for place, part in enumerate(parts):
            if not by_words[place]:
                scores[place] = (shares[place] + max(similarity(part.text), 0.0)) / 2
                held[place] = scores[place] >= limits.by_both
    doubtful = _is_contradicted(Told(sentence), parts, passages)
    if all(held):
        support: Support = "partly" if doubtful else "supported"
    else:
        support = "partly" if any(held) else "not_found"
    if doubtful and not any(by_words):
        support = "not_found"
    return Judged(support, round(min(scores), 3), by_vectors=held != by_words)


def _share_of_words(part: Told, passages: Sequence[Passage]) -> float:
    """The most of a part's words and amounts that sentences in a row of one passage have."""
    amounts = _claimed(part)
    all_of_it = len(part.wording.stems) + len(amounts)
    if not all_of_it:
        return 1.0
    best = 0
    for passage in passages:
        for start in range(len(passage)):
            window = passage[start : start + WINDOW]
            stems = frozenset[str]().union(*(told.wording.stems for told in window))
            there = [amount for told in window for amount in told.amounts]
            found = len(part.wording.stems & stems)
            best = max(best, found + sum(amount.is_in(there) for amount in amounts))
    return best / all_of_it


def _claimed(part: Told) -> list[Amount]:
    """Those that must be in the passages: who says “one” need not count."""
    return [amount for amount in part.amounts if 1.0 not in amount.values]


def _is_contradicted(sentence: Told, parts: Sequence[Told], passages: Sequence[Passage]) -> bool:
    """The sentence has a number, name, denial or opposite that the passages have not, or have otherwise."""
    told = [one for passage in passages for one in passage]
    return _misses_facts(sentence, told) or any(_is_at_odds(part, told) for part in parts)


def _misses_facts(sentence: Told, told: Sequence[Told]) -> bool:
    amounts = [amount for one in told for amount in one.amounts]
    words = frozenset[str]().union(*(one.wording.all_words for one in told))
    codes = {code for one in told for code in one.codes}
    return (
        not all(amount.is_in(amounts) for amount in _claimed(sentence))
        or not sentence.codes <= codes
        or not _names_in(sentence) <= words
    )


def _is_at_odds(part: Told, told: Sequence[Told]) -> bool:
    """The sentences that are about the same have something else in its place."""
    about = _about_the_same(part, told)
    if not about:
        return False
    of_subject = [one for one in about if part.wording.subject in one.wording.stems] or about
    turned = _is_denied_otherwise(part.wording, [one.wording for one in of_subject])
    opposed = _is_opposed(part, about)
    # Both together say the same again: “is closed” for “does not open”.
    if turned != opposed or _has_other_amounts(part, about):
        return True
    return _has_other_names(part, about, _names_of(told))


def _about_the_same(part: Told, told: Sequence[Told]) -> list[Told]:
    wanted = part.wording.stems
    shared = [len(wanted & one.wording.stems) for one in told]
    best = max(shared, default=0)
    if not best:
        return []
    return [one for one, count in zip(told, shared, strict=True) if count >= RELEVANT * best]


def _is_denied_otherwise(part: Wording, about: Sequence[Wording]) -> bool:
    if part.turns or any(one.turns for one in about):
        return False
    if part.denies:
        stated = any(part.denied & one.affirmed for one in about)
        return stated and not any(one.denies for one in about)
    return any(
        all(stem in one.denied for one in about if stem in one.stems)
        for stem in part.affirmed
        if any(stem in one.stems for one in about)
    )


def _is_opposed(part: Told, about: Sequence[Told]) -> bool:
    there = frozenset[tuple[int, int]]().union(*(one.sides for one in about))
    pairs = {number for number, _ in there}
    return any(number in pairs and (number, side) not in there for number, side in part.sides)


def _has_other_amounts(part: Told, about: Sequence[Told]) -> bool:
    """Of the same kind, and none of the part's: what it says stands with something else."""
    there = [amount for one in about for amount in one.amounts]
    claimed = _claimed(part)
    return any(
        any(amount.may_stand_for(other) for other in there)
        and not any(one.is_in(there) for one in claimed if one.may_stand_for(amount))
        for amount in claimed
    )


def _names_in(sentence: Told) -> frozenset[str]:
    wording = sentence.wording
    return frozenset() if wording.is_title_like else wording.capitals


def _names_of(told: Sequence[Told]) -> frozenset[str]:
    if sum(one.wording.is_title_like for one in told) > len(told) / 2:
        return frozenset()
    return frozenset[str]().union(*(one.wording.capitals for one in told))


def _has_other_names(part: Told, about: Sequence[Told], known: frozenset[str]) -> bool:
    """None of the part's names, but others. A name that begins a sentence is known by another place."""
    words = frozenset[str]().union(*(one.wording.all_words for one in about))
    mine = _names_in(part) | {part.wording.initial} & known
    return bool(mine) and not mine & words and bool(words & known)
