"""Undoes the content codings of a response piece by piece, and stops at a bound. Pure."""

import zlib
from collections.abc import Iterator

MAX_CODINGS = 2
MAX_MEMBERS = 50
"""Of one gzip. To go on after each, all that follows is copied: a million empty ones would take hours."""
CODINGS = "gzip, deflate"
"""What is asked for. Brotli and Zstandard are not: nothing installed here undoes them within a bound."""


class NotUnpackable(Exception):
    """The response is in a coding that was not asked for, or is not in the one it says."""


class TooLarge(Exception):
    """More came out than is taken."""


class Unpacker:
    """Turns the octets of the wire into those of the content."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """Raises NotUnpackable."""
        codings = [one.strip().lower() for one in content_encoding.split(",")]
        codings = [one for one in codings if one not in {"", "identity"}]
        if len(codings) > MAX_CODINGS or any(one not in _WINDOWS for one in codings):
            raise NotUnpackable
        self._stages = [_Stage(coding, max_bytes) for coding in reversed(codings)]
        self._left = max_bytes

    @property
    def is_plain(self) -> bool:
        """There is nothing to undo."""
        return not self._stages

    def feed(self, octets: bytes) -> bytes:
        """What comes out of these; may take a tenth of a second. Raises NotUnpackable, TooLarge."""
        for stage in self._stages:
            octets = stage.feed(octets)
        self._left -= len(octets)
        if self._left < 0:
            raise TooLarge
        return octets


_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's `wbits`."""
_RAW_DEFLATE = -15


class _Stage:
    """One coding. What comes out of it is bounded, too: two gzips, one in the other, multiply."""

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._wbits = _WINDOWS[coding]
        self._state = zlib.decompressobj(self._wbits)
        self._left = max_bytes
        self._members_left = MAX_MEMBERS
        self._has_begun = False

    def feed(self, octets: bytes) -> bytes:
        out = b"".join(self._pieces(octets))
        self._has_begun = self._has_begun or bool(octets)
        return out

    def _pieces(self, octets: bytes) -> Iterator[bytes]:
        while octets:
            piece = self._inflated(octets)
            self._left -= len(piece)
            if self._left < 0:
                raise TooLarge
            yield piece
            octets = self._state.unconsumed_tail
            if self._state.eof:
                octets = self._state.unused_data
                if not octets.strip(b"\0"):
                    return
                self._members_left -= 1
                if self._wbits != _WINDOWS["gzip"] or not self._members_left:
                    raise NotUnpackable
                self._state = zlib.decompressobj(
                    self._wbits
                )  # The next member (RFC 1952 section 2.2).

    def _inflated(self, octets: bytes) -> bytes:
        try:
            return self._state.decompress(octets, self._left + 1)
        except zlib.error:
            if self._has_begun or self._wbits != _WINDOWS["deflate"]:
                raise NotUnpackable from None
        # Some servers leave the zlib header out of "deflate" (RFC 9110 section 8.4.1.2).
        self._wbits = _RAW_DEFLATE
        self._state = zlib.decompressobj(self._wbits)
        try:
            return self._state.decompress(octets, self._left + 1)
        except zlib.error:
            raise NotUnpackable from None
