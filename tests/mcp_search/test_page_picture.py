"""A cited page is drawn, and the very words that are cited are marked on it."""

import pytest
from support.documents import Text, docx, lines, paragraph, pdf, png_pixels

from mcp_search.errors import TooMuch, UnreadableDocument, UnsupportedType
from mcp_search.knowledge.page_picture import page_picture
from mcp_search.knowledge.parsing.process import parse

WIDTH = 612
"""Of the page in points: one pixel each."""


def marked(png: bytes) -> set[tuple[int, int]]:
    """The pixels that are yellow."""
    _, height, rows = png_pixels(png)
    depth = len(rows[0]) // WIDTH
    return {
        (x, y)
        for y in range(height)
        for x in range(WIDTH)
        if rows[y][x * depth] > 200 and rows[y][x * depth + 2] < 150
    }


async def marks_of(content: bytes, words: str, page: int) -> set[tuple[int, int]]:
    """What is marked for a quote, found by where the words stand in the document's text."""
    parsed = await parse(content, "x.pdf")
    start = parsed.text.index(words) - parsed.pages[page - 1].start
    picture = await page_picture(content, page, (start, start + len(words)), width_px=WIDTH)
    pixels = marked(picture.png)
    _, height, _ = png_pixels(picture.png)
    rows = {y for _, y in pixels}
    assert picture.mark == pytest.approx((min(rows) / height, (max(rows) + 1) / height))
    return pixels


async def test_the_quoted_words_are_marked_where_they_stand() -> None:
    content = pdf(
        lines("Page one."),
        [
            Text("hidden first", 740, colour="1 1 1"),
            *lines("The notice period is", "three months to the end of a quarter.", top=700),
        ],
    )
    pixels = await marks_of(content, "three months", 2)
    assert pixels
    xs, ys = {x for x, _ in pixels}, {y for _, y in pixels}
    baseline = 792 - (700 - 14.4)
    assert min(ys) > baseline - 14
    assert max(ys) < baseline + 6
    assert 70 <= min(xs) <= 74
    assert 125 <= max(xs) <= 145


async def test_words_over_two_lines_are_marked_on_both() -> None:
    content = pdf(lines("The notice period is", "three months."))
    rows = sorted({y for _, y in await marks_of(content, "period is three", 1)})
    assert rows[-1] - rows[0] > 20


async def test_a_page_that_is_turned_is_marked_where_the_words_are_seen() -> None:
    content = pdf(lines("Turned words.")).replace(b"/MediaBox", b"/Rotate 180 /MediaBox")
    pixels = await marks_of(content, "Turned", 1)
    assert min(x for x, _ in pixels) > 450
    assert max(y for _, y in pixels) < 792
    assert min(y for _, y in pixels) > 700


async def test_nothing_is_marked_without_a_span_or_beyond_the_page() -> None:
    content = pdf(lines("Hello."))
    for span in ((0, 0), (5_000, 6_000)):
        picture = await page_picture(content, 1, span, width_px=WIDTH)
        assert not marked(picture.png)
        assert picture.mark is None


async def test_a_huge_page_is_drawn_small() -> None:
    content = pdf(lines("Hello.")).replace(b"[0 0 612 792]", b"[0 0 9000 9000]")
    width, height, _ = png_pixels((await page_picture(content, 1, width_px=4_000)).png)
    assert width * height <= 8_100_000


@pytest.mark.parametrize(
    ("content", "page", "refusal"),
    [
        (pdf(lines("Hello.")), 2, TooMuch),
        (b"%PDF-1.7 broken", 1, UnreadableDocument),
        (docx(paragraph("Hello.")), 1, UnsupportedType),
    ],
)
async def test_what_cannot_be_drawn_is_refused(
    content: bytes, page: int, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await page_picture(content, page)
