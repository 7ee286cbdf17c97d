"""The paragraphs of a page of a PDF, each character with its number in PDFium.

What a page's text is depends on the page alone, so that a picture of it, made later, finds the same characters again.
"""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from mcp_search.knowledge.parsing.pdf_hidden import Hiding
from shared.untrusted.characters import clean

BETWEEN = "\n\n"
_NEW_PARAGRAPH = 1.35
"""Times the usual distance of lines on the page."""
_DOUBLE_SPACED = 2.4
"""Times the height of letters: what is farther apart never is one paragraph."""
_SAME_SIZE = 0.1
_LINE = re.compile(r"[^\r\n]+")
_WORD = re.compile(r"\S{1,12}")
_SOFT_HYPHENS = "\x02\ufffe\u00ad"
"""What PDFium gives for a hyphen at a line's end that only divides a word."""
_ITEM = re.compile(r"[•▪‣◦●○■–\uf0b7]\s|\(?(?:\d{1,3}|[a-z])[.)]\s")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together, joined."""

    text: str
    indices: Sequence[int]
    """For each character of the text, its number on PDFium's text page."""
    size: float
    """Height of its letters, in points."""

    @property
    def rounded_size(self) -> float:
        return round(self.size * 2) / 2

    @property
    def is_item(self) -> bool:
        """Whether it looks like an item of a list."""
        return _ITEM.match(self.text) is not None


@dataclass(slots=True)
class _Line:
    text: str
    indices: list[int]
    size: float
    top: float
    divides_word: bool


def read_page(page: pdfium.PdfPage) -> tuple[list[Paragraph], int]:
    """What can be seen on the page, and how many characters cannot. Raises PdfiumError."""
    text_page = page.get_textpage()
    try:
        text = _characters(text_page)
        hiding = Hiding(page, text_page)
        lines = [line for line in _lines(text_page, text, hiding) if line.text.strip()]
        return [_paragraph(some) for some in _together(lines)], hiding.count
    finally:
        text_page.close()


def page_text(paragraphs: Sequence[Paragraph]) -> tuple[str, list[int]]:
    """The page's text as `Parsed` has it, and for each character its number in PDFium (-1: between paragraphs)."""
    indices: list[int] = []
    for place, paragraph in enumerate(paragraphs):
        indices += [-1] * (len(BETWEEN) if place else 0)
        indices += paragraph.indices
    return BETWEEN.join(paragraph.text for paragraph in paragraphs), indices


def _characters(text_page: pdfium.PdfTextPage) -> str:
    """One character for each that PDFium counts, so that places are numbers."""
    count = text_page.count_chars()
    if count <= 0:
        return ""
    buffer = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page.raw, 0, count, buffer)
    if written == count + 1:
        text = bytes(memoryview(buffer)[:count]).decode("utf-16-le", "replace")
        if len(text) == count:
            return text
    numbers = (raw.FPDFText_GetUnicode(text_page.raw, place) for place in range(count))
    return "".join(chr(number) if _is_character(number) else "\0" for number in numbers)


def _is_character(number: int) -> bool:
    return 0 < number < 0x110000 and not 0xD800 <= number < 0xE000


def _lines(text_page: pdfium.PdfTextPage, text: str, hiding: Hiding) -> Iterator[_Line]:
    rect = raw.FS_RECTF()
    for found in _LINE.finditer(text):
        places = _visible(found, hiding)
        words = "".join(text[place] for place in places)
        first = next((p for p, c in zip(places, words, strict=True) if not c.isspace()), None)
        if first is None:
            continue
        raw.FPDFText_GetLooseCharBox(text_page.raw, first, ctypes.byref(rect))
        divides = words.rstrip()[-1] in _SOFT_HYPHENS
        cleaned, kept = _cleaned(words, places)
        yield _Line(cleaned, kept, abs(rect.top - rect.bottom), rect.top, divides)


def _visible(line: re.Match[str], hiding: Hiding) -> list[int]:
    """The places of the line's characters without hidden words and the spaces after them."""
    start, end = line.span()
    words = [word.span() for word in _WORD.finditer(line.string, start, end)]
    hidden = [span for span in words if hiding.hides(*span)]
    if not hidden:
        return list(range(start, end))
    gone = {place for span in hidden for place in range(*span)}
    return [place for place in range(start, end) if place not in gone]


def _cleaned(words: str, places: Sequence[int]) -> tuple[str, list[int]]:
    """Without what cannot be seen or is only space around; cleaning takes away or replaces one by one."""
    cleaned = clean(words)
    kept = list(places) if len(cleaned) == len(words) else _aligned(words, cleaned, places)
    left = len(cleaned) - len(cleaned.lstrip())
    stripped = cleaned.strip()
    return stripped, kept[left : left + len(stripped)]


def _aligned(words: str, cleaned: str, places: Sequence[int]) -> list[int]:
    """The place of each character that is left."""
    kept: list[int] = []
    at = 0
    for character in cleaned:
        while at + 1 < len(words) and not _is_same(words[at], character):
            at += 1
        kept.append(places[at])
        at = min(at + 1, len(words) - 1)
    return kept


def _is_same(character: str, cleaned: str) -> bool:
    return character == cleaned or (character.isspace() and cleaned.isspace())


def _together(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Lines of one size, one usual distance below each other."""
    distances = [
        one.top - two.top
        for one, two in pairwise(lines)
        if 0 < one.top - two.top < 4 * max(one.size, 1)
    ]
    usual = sorted(distances)[len(distances) // 4] if distances else 0.0
    some: list[_Line] = []
    for line in lines:
        if some and not _continues(some[-1], line, usual):
            yield some
            some = []
        some.append(line)
    if some:
        yield some


def _continues(before: _Line, line: _Line, usual: float) -> bool:
    distance = before.top - line.top
    return (
        abs(before.size - line.size) <= _SAME_SIZE * max(before.size, line.size)
        and -0.5 * line.size
        <= distance
        <= _NEW_PARAGRAPH * min(max(usual, line.size), _DOUBLE_SPACED * line.size)
        and not _ITEM.match(line.text)
    )


def _paragraph(lines: Sequence[_Line]) -> Paragraph:
    """Lines joined by a space, or by nothing where a hyphen only divided a word."""
    text: list[str] = []
    indices: list[int] = []
    for place, line in enumerate(lines):
        if place and not lines[place - 1].divides_word:
            text.append(" ")
            indices.append(-1)
        text.append(line.text)
        indices += line.indices
    return Paragraph("".join(text), indices, lines[0].size)
