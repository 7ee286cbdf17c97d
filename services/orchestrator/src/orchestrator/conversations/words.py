"""Words of texts as search compares them, and the snippet around what was found. Pure.

The same on every database: case and accents make no difference, and everything that is no letter or digit parts words.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from shared.wire.api import SnippetPart

SNIPPET_CHARACTERS = 200
_BEFORE_CHARACTERS = 60
_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")
_MARKS = re.compile(r"[\u0300-\u036f]+")
_LONGEST_WORD = 100
"""Of longer ones (a key, an encoded file) only the beginning counts."""


@dataclass(frozen=True, slots=True)
class Query:
    """Words that must all occur; the last one may be unfinished."""

    words: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """The words of what a person typed. There is no syntax: operators and quotes are only text."""
        return cls(tuple(_words(text)))

    def finds(self, word: str) -> bool:
        return word in self.words or word.startswith(self.words[-1])


def folded(text: str) -> str:
    """The words of a text, as they are put into an index."""
    return " ".join(_words(text))


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        yield from _fold(match.group())


def _fold(word: str) -> list[str]:
    """Usually one word; more when a character stands for several, as in `½`."""
    if word.isascii():
        return [word[:_LONGEST_WORD].lower()]
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", word)).casefold()
    return [part[:_LONGEST_WORD] for part in _WORD.findall(plain)]


def snippet(text: str, query: Query) -> list[SnippetPart]:
    """A line of the text around the longest word that was looked for, with all that was found in it marked."""
    start = max(0, _place_of(text, query) - _BEFORE_CHARACTERS)
    if start:
        start = _after_blank(text, start)
    end = start + SNIPPET_CHARACTERS
    parts: list[SnippetPart] = []
    shown_to = start
    for match in _WORD.finditer(text, start, end):
        if any(query.finds(word) for word in _fold(match.group())):
            parts += [_part(text[shown_to : match.start()]), _part(match.group(), found=True)]
            shown_to = match.end()
    parts.append(_part(text[shown_to:end] + ("…" if end < len(text) else "")))
    if start:
        parts.insert(0, SnippetPart(text="…"))
    return [part for part in parts if part.text]


def _place_of(text: str, query: Query) -> int:
    longest = Query((max(query.words, key=len),))
    return next(_places(text, longest), None) or next(_places(text, query), 0)


def _places(text: str, query: Query) -> Iterator[int]:
    for match in _WORD.finditer(text):
        if any(query.finds(word) for word in _fold(match.group())):
            yield match.start()


def _after_blank(text: str, start: int) -> int:
    """The next beginning of a word, unless that is far away."""
    blank = text.find(" ", start, start + _BEFORE_CHARACTERS // 2)
    return start if blank < 0 else blank + 1


def _part(text: str, *, found: bool = False) -> SnippetPart:
    return SnippetPart(text=re.sub(r"\s+", " ", text), found=found)
