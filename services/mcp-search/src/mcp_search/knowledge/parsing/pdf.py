"""Text of a PDF, page by page, with the headings that its font sizes or its bookmarks show."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing.pdf_page import Paragraph, read_page
from mcp_search.knowledge.parsing.trouble import NoText, damaged, too_much, unreadable
from mcp_search.knowledge.parsing.writing import Writer, hidden_warning
from shared.untrusted.characters import clean_line

PASSWORD_WANTED = 4
"""FPDF_ERR_PASSWORD."""
BIGGER = 1.15
"""Than the usual letters: what a heading's are at least."""
HEADING_CHARACTERS = 200
LEVELS = 4
MOST_HEADINGS = 0.25
"""Of all characters. Where more is large, size does not tell headings."""
MAX_BOOKMARKS = 5_000
ENOUGH_FOUND = 0.6
"""Of the bookmarks, so that they tell the headings."""
_NO_PAGES = re.compile(rb"/Type\s*/Pages\b[^<>]{0,200}/Count\s+0\b")
"""PDFium calls such a file damaged."""
_UNTITLED = {"untitled", "unbenannt", "document1", "dokument1", "title"}


def open_pdf(content: bytes) -> pdfium.PdfDocument:
    """Raises NoText."""
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if cast("Any", error).err_code == PASSWORD_WANTED:
            raise unreadable(
                "encrypted",
                "The PDF is protected by a password. Save it without one and try again.",
            ) from None
        if _NO_PAGES.search(content):
            raise _no_pages() from None
        raise damaged("PDF") from None


def _no_pages() -> NoText:
    return unreadable("no_pages", "The PDF has no pages.")


def read_pdf(content: bytes, writer: Writer, max_pages: int) -> Parsed:
    """Raises NoText."""
    document = open_pdf(content)
    count = len(document)
    if count == 0:
        raise _no_pages()
    if count > max_pages:
        raise too_much(
            "pages", max_pages, f"The PDF has {count:,} pages; {max_pages:,} are allowed."
        )
    writer.title = _title(document)
    pages = _Pages()
    for number in range(1, count + 1):
        pages.add(document, number)
    if not any(pages.paragraphs):
        raise _without_text(document, pages)
    _write(writer, pages, _bookmarks(document))
    if b"%%EOF" not in content[-2048:]:
        writer.warnings.append("The file ends early; pages may be missing.")
    writer.warnings += pages.warnings()
    return writer.parsed("application/pdf")


class _Pages:
    """What was read, and what of it could not be."""

    def __init__(self) -> None:
        self.paragraphs: list[list[Paragraph]] = []
        self.hidden = 0
        self.broken: list[int] = []
        self.without: list[int] = []

    def add(self, document: pdfium.PdfDocument, number: int) -> None:
        try:
            page = document[number - 1]
            try:
                paragraphs, hidden = read_page(page)
            finally:
                page.close()
        except pdfium.PdfiumError:
            paragraphs, hidden = [], 0
            self.broken.append(number)
        else:
            if not paragraphs:
                self.without.append(number)
        self.paragraphs.append(paragraphs)
        self.hidden += hidden

    def warnings(self) -> Iterable[str]:
        if self.without:
            yield f"Without text, perhaps pictures: {_ranges(self.without)}."
        if self.broken:
            yield f"Damaged and left out: {_ranges(self.broken)}."
        if self.hidden:
            yield hidden_warning(self.hidden)


def _without_text(document: pdfium.PdfDocument, pages: _Pages) -> NoText:
    if len(pages.broken) == len(document):
        return damaged("PDF")
    for number in pages.without[:50]:
        page = document[number - 1]
        if raw.FPDFPage_CountObjects(page.raw) > 0:
            return unreadable(
                "only_pictures",
                "The PDF has only pictures, no text. Run OCR over it (text recognition) and try again.",
            )
    return unreadable("empty", "The pages of the PDF are empty.")


def _ranges(numbers: Sequence[int]) -> str:
    """Such as `pages 2, 4 to 7`."""
    told: list[str] = []
    first = last = numbers[0]
    for number in [*numbers[1:], 0]:
        if number == last + 1:
            last = number
            continue
        told.append(f"{first}" if first == last else f"{first} to {last}")
        first = last = number
    more = " …" if len(told) > 20 else ""
    return f"{'page' if len(numbers) == 1 else 'pages'} {', '.join(told[:20])}{more}"


def _title(document: pdfium.PdfDocument) -> str:
    title = clean_line(str(cast("Any", document).get_metadata_value("Title")), 300)
    title = title.removeprefix("Microsoft Word - ").removeprefix("Microsoft PowerPoint - ")
    return "" if title.lower() in _UNTITLED else title


@dataclass(frozen=True, slots=True)
class _Bookmark:
    level: int
    title: str
    page: int


def _bookmarks(document: pdfium.PdfDocument) -> list[_Bookmark]:
    found: list[_Bookmark] = []
    marks: Iterable[Any] = cast("Any", document).get_toc(max_depth=6)
    for mark in islice(marks, MAX_BOOKMARKS):
        target = mark.get_dest()
        index = target.get_index() if target is not None else None
        if index is not None:
            found.append(_Bookmark(mark.level, mark.get_title(), index + 1))
    return sorted(found, key=lambda one: one.page)  # stable: those of a page stay in their order


def _write(writer: Writer, pages: _Pages, bookmarks: list[_Bookmark]) -> None:
    """Headings are what bookmarks lead to; else what is written large; else the bookmarks stand for them."""
    marked = _marked(pages.paragraphs, bookmarks)
    sizes = {} if marked else _levels(pages.paragraphs)
    path: dict[int, str] = {}
    for number, paragraphs in enumerate(pages.paragraphs, start=1):
        writer.page = number
        start = writer.length
        if not marked and not sizes:
            _follow(path, [mark for mark in bookmarks if mark.page == number])
            writer.set_path(path[level] for level in sorted(path))
        for place, paragraph in enumerate(paragraphs):
            level = marked.get((number, place))
            if level is None and _may_be_heading(paragraph):
                level = sizes.get(paragraph.rounded_size)
            if level is not None:
                writer.heading_exact(level, paragraph.text)
            else:
                writer.add_exact("list" if paragraph.is_item else "text", paragraph.text)
        writer.end_page(number, start)


def _marked(
    pages: Sequence[Sequence[Paragraph]], bookmarks: Sequence[_Bookmark]
) -> dict[tuple[int, int], int]:
    """Page and place of the paragraphs that bookmarks lead to, with their levels. Empty where few are found."""
    found: dict[tuple[int, int], int] = {}
    for mark in bookmarks:
        words = _letters(mark.title)
        paragraphs = pages[mark.page - 1] if mark.page <= len(pages) else ()
        for place, paragraph in enumerate(paragraphs):
            is_free = (mark.page, place) not in found and _may_be_heading(paragraph)
            if words and is_free and _letters(paragraph.text).endswith(words):
                found[mark.page, place] = mark.level + 1
                break
    return found if len(found) >= max(2, ENOUGH_FOUND * len(bookmarks)) else {}


def _letters(text: str) -> str:
    """What is compared of titles: numbers, spaces and signs are often written differently."""
    return "".join(filter(str.isalpha, text)).casefold()


def _follow(path: dict[int, str], marks: Iterable[_Bookmark]) -> None:
    for mark in marks:
        for level in [level for level in path if level >= mark.level]:
            del path[level]
        path[mark.level] = mark.title


def _levels(pages: Sequence[Sequence[Paragraph]]) -> dict[float, int]:
    """The font sizes of headings and their levels, from 1."""
    sizes = Counter[float]()
    for paragraphs in pages:
        for paragraph in paragraphs:
            sizes[paragraph.rounded_size] += len(paragraph.text)
    usual = sizes.most_common(1)[0][0]
    large = sorted((size for size in sizes if size >= usual * BIGGER), reverse=True)
    of_headings = {
        paragraph.rounded_size
        for paragraphs in pages
        for paragraph in paragraphs
        if paragraph.rounded_size in large and _may_be_heading(paragraph)
    }
    large = [size for size in large if size in of_headings]
    if sum(sizes[size] for size in large) > MOST_HEADINGS * sizes.total():
        return {}
    return {size: min(place, LEVELS) for place, size in enumerate(large, start=1)}


def _may_be_heading(paragraph: Paragraph) -> bool:
    return len(paragraph.text) <= HEADING_CHARACTERS and any(map(str.isalpha, paragraph.text))
