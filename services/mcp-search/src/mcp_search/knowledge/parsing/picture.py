"""Draws a page of a PDF and marks characters of its text on it."""

import ctypes
import struct
import zlib
from collections.abc import Iterable, Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from mcp_search.knowledge.parsing.kinds import kind_of
from mcp_search.knowledge.parsing.pdf import open_pdf
from mcp_search.knowledge.parsing.pdf_drawing import Drawing, draw
from mcp_search.knowledge.parsing.pdf_page import page_text, read_page
from mcp_search.knowledge.parsing.task import Picture, Wanted
from mcp_search.knowledge.parsing.trouble import damaged, too_much, unsupported

MAX_PIXELS = 8_000_000
_MARK = (255, 226, 89)
"""Marks multiply: dark letters on it stay dark."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""
Pixels = tuple[int, int, int, int]
"""Left, upper, right, lower."""


def picture_of(content: bytes, wanted: Wanted) -> Picture:
    """Raises NoText."""
    if kind_of(content, None) != "pdf":
        raise unsupported("Only pages of a PDF can be drawn.", "application/octet-stream")
    document = open_pdf(content)
    if wanted.page > len(document):
        raise too_much("page", len(document), f"The PDF has {len(document):,} pages.")
    try:
        page = document[wanted.page - 1]
        return _drawn(page, wanted)
    except pdfium.PdfiumError:
        raise damaged("PDF") from None


def _drawn(page: pdfium.PdfPage, wanted: Wanted) -> Picture:
    width, height = page.get_size()
    scale = min(wanted.width / max(width, 1), (MAX_PIXELS / max(width * height, 1)) ** 0.5)
    boxes = list(_boxes(page, wanted))
    drawing = draw(page, scale, is_grey=False)
    marks = [_on_picture(page, drawing, box) for box in boxes]
    pixels = bytearray(drawing.octets)
    for mark in marks:
        _mark(pixels, drawing, mark)
    return Picture(_png(drawing, bytes(pixels)), _place_of(marks, drawing.height))


def _place_of(marks: Sequence[Pixels], height: int) -> tuple[float, float] | None:
    if not marks:
        return None
    return min(mark[1] for mark in marks) / height, max(mark[3] for mark in marks) / height


def _boxes(page: pdfium.PdfPage, wanted: Wanted) -> Iterable[Box]:
    """One rectangle for each line of the span."""
    paragraphs, _ = read_page(page)
    _, indices = page_text(paragraphs)
    text_page = page.get_textpage()
    line: Box | None = None
    rect = raw.FS_RECTF()
    for index in indices[wanted.start : wanted.end]:
        if index < 0 or not raw.FPDFText_GetLooseCharBox(text_page.raw, index, ctypes.byref(rect)):
            continue
        box = (rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top))
        if box[1] == box[3]:
            continue  # A space that PDFium has put between words: it is no border between boxes.
        if line is not None and _is_same_line(line, box):
            line = (
                min(line[0], box[0]),
                min(line[1], box[1]),
                max(line[2], box[2]),
                max(line[3], box[3]),
            )
            continue
        if line is not None:
            yield line
        line = box
    if line is not None:
        yield line


def _is_same_line(line: Box, box: Box) -> bool:
    overlap = min(line[3], box[3]) - max(line[1], box[1])
    height = min(line[3] - line[1], box[3] - box[1])
    return overlap > 0.5 * height and box[0] >= line[2] - height


def _on_picture(page: pdfium.PdfPage, drawing: Drawing, box: Box) -> Pixels:
    """Within the picture; PDFium knows the page's rotation."""
    x, y = ctypes.c_int(), ctypes.c_int()
    refs = ctypes.byref(x), ctypes.byref(y)
    across: list[int] = []
    down: list[int] = []
    for place in (box[:2], box[2:]):
        raw.FPDF_PageToDevice(page.raw, 0, 0, drawing.width, drawing.height, 0, *place, *refs)
        across.append(max(0, min(x.value, drawing.width)))
        down.append(max(0, min(y.value, drawing.height)))
    return min(across), min(down), max(across), max(down)


def _mark(pixels: bytearray, drawing: Drawing, mark: Pixels) -> None:
    left, upper, right, lower = mark
    tints = [bytes(value * tint // 255 for value in range(256)) for tint in _MARK]
    for row in range(upper, lower):
        start = row * drawing.stride
        for channel, tint in enumerate(tints):
            first, last = start + left * drawing.channels, start + right * drawing.channels
            places = slice(first + channel, last, drawing.channels)
            pixels[places] = pixels[places].translate(tint)


def _png(drawing: Drawing, pixels: bytes) -> bytes:
    """PNG (W3C, third edition): 8 bits a channel, no filter."""
    colour = {3: 2, 4: 6}[drawing.channels]
    header = struct.pack(">IIBBBBB", drawing.width, drawing.height, 8, colour, 0, 0, 0)
    rows = range(0, len(pixels), drawing.stride)
    data = zlib.compress(b"".join(b"\0" + pixels[row : row + drawing.stride] for row in rows), 6)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
