"""Finds text of a PDF that nobody sees: tiny, beside the page, or without any ink where it stands."""

import ctypes
import math
from functools import cached_property
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from mcp_search.knowledge.parsing.pdf_drawing import Drawing, draw

TINY = 2.0
"""Points."""
_LIGHT = 190
_FAINT = 40
"""Of 255."""
_CONTRAST = 16
"""Steps of grey between the lightest and the darkest point, below which nothing is read."""
_MARGIN = 0.2
_MAX_PIXELS = 1_500
_UNPAINTED = {raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP}


class Hiding:
    """Answers for words of one page. Objects that look suspicious are looked up in a picture of the page.

    So a scan keeps the invisible text that OCR lays over it, and white letters on a dark bar stay, while white letters
    on white go.
    """

    def __init__(self, page: pdfium.PdfPage, text_page: pdfium.PdfTextPage) -> None:
        self._page = page
        self._text = text_page.raw
        self._suspicious: dict[int, bool] = {}
        self.count = 0

    def hides(self, start: int, end: int) -> bool:
        """Whether the word at these characters is unseen; those are counted."""
        handle = raw.FPDFText_GetTextObject(self._text, start)
        if not handle:
            return False
        address = ctypes.addressof(handle.contents)
        is_suspicious = self._suspicious.get(address)
        if is_suspicious is None:
            is_suspicious = self._suspicious[address] = self._looks_odd(handle, start)
        if is_suspicious and self._is_unseen(start, end):
            self.count += end - start
            return True
        return False

    def _looks_odd(self, handle: Any, place: int) -> bool:
        if raw.FPDFTextObj_GetTextRenderMode(handle) in _UNPAINTED:
            return True
        red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
        refs = [ctypes.byref(one) for one in (red, green, blue, alpha)]
        if raw.FPDFPageObj_GetFillColor(handle, *refs) and (
            alpha.value < _FAINT or min(red.value, green.value, blue.value) > _LIGHT
        ):
            return True
        left, bottom, right, top = self._box(place)
        if abs(top - bottom) < TINY:
            return True
        x0, y0, x1, y1 = self._bounds
        return right <= x0 or left >= x1 or top <= y0 or bottom >= y1

    def _is_unseen(self, start: int, end: int) -> bool:
        first, last = self._box(start), self._box(end - 1)
        left, bottom = min(first[0], last[0]), min(first[1], last[1])
        right, top = max(first[2], last[2]), max(first[3], last[3])
        if top - bottom < TINY:
            return True
        margin = (top - bottom) * _MARGIN  # where lines above and below reach into this one
        top, bottom = top - margin, bottom + margin
        picture, scale = self._picture
        x0, _, _, y1 = self._bounds
        columns = range(
            max(0, math.floor((left - x0) * scale)),
            min(picture.width, math.ceil((right - x0) * scale)),
        )
        rows = range(
            max(0, math.floor((y1 - top) * scale)),
            min(picture.height, math.ceil((y1 - bottom) * scale)),
        )
        if not columns or not rows or self._page.get_rotation():
            return not columns or not rows
        seen = b"".join(
            picture.octets[row * picture.width + columns.start : row * picture.width + columns.stop]
            for row in rows
        )
        return max(seen) - min(seen) < _CONTRAST

    def _box(self, place: int) -> tuple[float, float, float, float]:
        rect = raw.FS_RECTF()
        raw.FPDFText_GetLooseCharBox(self._text, place, ctypes.byref(rect))
        return rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top)

    @cached_property
    def _bounds(self) -> tuple[float, float, float, float]:
        return self._page.get_bbox()

    @cached_property
    def _picture(self) -> tuple[Drawing, float]:
        x0, y0, x1, y1 = self._bounds
        scale = min(1.0, _MAX_PIXELS / max(x1 - x0, y1 - y0, 1))
        return draw(self._page, scale, is_grey=True), scale
