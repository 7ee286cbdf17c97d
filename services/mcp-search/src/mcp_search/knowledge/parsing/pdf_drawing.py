"""Draws pages of a PDF: PDFium's bitmap as plain octets."""

from dataclasses import dataclass
from typing import Any, cast

import pypdfium2 as pdfium


@dataclass(frozen=True, slots=True)
class Drawing:
    """Rows of pixels from above, without anything between them."""

    octets: bytes
    width: int
    height: int
    channels: int
    """1: grey. 3: red, green, blue. 4: the last is not used."""

    @property
    def stride(self) -> int:
        """Octets of a row."""
        return self.width * self.channels


def draw(page: pdfium.PdfPage, scale: float, *, is_grey: bool) -> Drawing:
    """Without annotations, which are no part of the text. `scale` is pixels a point. Raises PdfiumError."""
    bitmap: Any = cast("Any", page).render(
        scale=scale, grayscale=is_grey, rev_byteorder=not is_grey, draw_annots=False
    )
    width, height, channels = int(bitmap.width), int(bitmap.height), int(bitmap.n_channels)
    row_octets, stride = width * channels, int(bitmap.stride)
    octets = bytes(bitmap.buffer)
    bitmap.close()
    rows = (octets[row * stride : row * stride + row_octets] for row in range(height))
    return Drawing(b"".join(rows), width, height, channels)
