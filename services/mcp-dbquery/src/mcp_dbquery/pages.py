"""Cursors: where the next page of a result begins, for the person who asked, and for a while."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from mcp_dbquery.errors import PageGone
from mcp_dbquery.results import Format

ID_BYTES = 16
KEY_BYTES = 32
_FORMATS: tuple[Format, ...] = get_args(Format)
_BODY = struct.Struct(f">{ID_BYTES}sIHBI")
_MAC_BYTES = 16


def new_query_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_hex(ID_BYTES)


@dataclass(frozen=True, slots=True)
class Place:
    """The next page: of which result, after how many rows, and how it is to look."""

    query_id: str
    offset: int
    page_rows: int
    format: Format


@dataclass(frozen=True, slots=True)
class Cursors:
    """Seals places with HMAC-SHA-256 over the place, its end, and who may go there."""

    key: bytes
    """At least 32 bytes; the same for all replicas."""
    clock: Callable[[], float] = field(default=time.time)

    def seal(self, place: Place, person: str, lifetime_s: float) -> str:
        """A cursor that only `person` can use."""
        body = _BODY.pack(
            bytes.fromhex(place.query_id),
            place.offset,
            place.page_rows,
            _FORMATS.index(place.format),
            int(self.clock() + lifetime_s),
        )
        return _text(body + self._mac(body, person))

    def open(self, cursor: str, person: str) -> Place | None:
        """Where the cursor leads. None: it was not made here, is for somebody else, or has expired."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, mac = sealed[: _BODY.size], sealed[_BODY.size :]
        is_whole = len(body) == _BODY.size and _text(sealed) == cursor
        if not is_whole or not hmac.compare_digest(mac, self._mac(body, person)):
            return None
        unpacked: tuple[bytes, int, int, int, int] = _BODY.unpack(body)
        query_id, offset, page_rows, number, ends_at = unpacked
        if ends_at < self.clock():
            return None
        return Place(query_id.hex(), offset, page_rows, _FORMATS[number])

    def _mac(self, body: bytes, person: str) -> bytes:
        return hmac.digest(self.key, body + person.encode(), hashlib.sha256)[:_MAC_BYTES]


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def page_gone() -> PageGone:
    """The one answer to every cursor that leads nowhere."""
    return PageGone(
        "There is no such page any more.",
        hint="Run the query again; its pages are kept for a while.",
    )
