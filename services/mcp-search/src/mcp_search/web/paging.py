"""Cuts long texts into pieces that lose nothing, and finds the passages of one that answer a question. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
PASSAGE = 800
"""Characters up to which paragraphs are put together."""
MAX_PASSAGES = 10
_K1, _B = 1.2, 0.75
"""Okapi BM25's usual parameters."""
_STOP = frozenset(
    """
    a an and are as at be by can do does for from has have how i in is it its me my of on or our that the their there
    this to was we were what when where which who why will with you your
    der die das den dem des ein eine einen einem einer und sind war wie was wer wo wann warum im in zu von mit
    """.split()  # noqa: SIM905 - read as lines of words
)


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of a text. All pieces together are the text."""

    text: str
    start: int
    next_start: int | None
    """Where to go on. None: this was the end."""
    total_chars: int


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that has words of a question."""

    text: str
    start: int
    """Where it stands in the text."""
    score: float
    """BM25 among the passages of this text; above 0."""


def piece_of(text: str, start: int, max_chars: int) -> Slice:
    """At most `max_chars` (at least 1) from `start` on. Ends after a paragraph, a line or a word where it can."""
    end = start + max_chars
    if end >= len(text):
        return Slice(text[start:], start, None, len(text))
    half = start + max_chars // 2
    for mark in ("\n\n", "\n", " "):
        cut = text.rfind(mark, half, end)
        if cut >= 0:
            end = cut + len(mark)
            break
    return Slice(text[start:end], start, end, len(text))


def passages_of(text: str, question: str, max_chars: int) -> tuple[Found, ...]:
    """Those that have most of the question's rarest words, best first, together at most `max_chars`.

    Purely by words: no passage means that the words are not there, not that the answer is not.
    """
    words = [word for word in _words(question) if word not in _STOP] or _words(question)
    passages = _passages(text)
    scores = _bm25([_words(text[start:end]) for start, end in passages], sorted(set(words)))
    ranked = sorted(zip(scores, passages, strict=True), key=lambda one: (-one[0], one[1]))
    found: list[Found] = []
    left = max_chars
    for score, (start, end) in ranked[:MAX_PASSAGES]:
        if score <= 0 or left <= 0:
            break
        words_there = text[start : min(end, start + left)]
        found.append(Found(words_there, start, round(score, 3)))
        left -= len(words_there)
    return tuple(found)


def _words(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.casefold())]


def _stem(word: str) -> str:
    """Plurals of English are the same word; more is not claimed."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _passages(text: str) -> list[tuple[int, int]]:
    """Spans of whole paragraphs of about PASSAGE characters; longer ones are cut at lines or words."""
    spans: list[tuple[int, int]] = []
    start = 0
    borders = [end.end() for end in _PARAGRAPH_END.finditer(text)]
    last = 0
    for border in [*borders, len(text)]:
        if border - start > PASSAGE and last > start:
            spans.append((start, last))
            start = last
        while border - start > 2 * PASSAGE:
            next_start = piece_of(text, start, PASSAGE).next_start or border
            spans.append((start, next_start))
            start = next_start
        last = border
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def _bm25(passages: Sequence[Sequence[str]], words: Sequence[str]) -> list[float]:
    counts = [Counter(passage) for passage in passages]
    mean = sum(map(len, passages)) / max(1, len(passages)) or 1
    holding = {word: sum(word in count for count in counts) for word in words}
    return [
        sum(
            math.log(1 + (len(counts) - holding[word] + 0.5) / (holding[word] + 0.5))
            * count[word]
            * (_K1 + 1)
            / (count[word] + _K1 * (1 - _B + _B * len(passage) / mean))
            for word in words
            if count[word]
        )
        for count, passage in zip(counts, passages, strict=True)
    ]
