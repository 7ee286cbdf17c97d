"""Splits a stream of server-sent events into numbered events, without looking into their JSON. Pure."""

from typing import NamedTuple

MAX_PENDING_BYTES = 8 * 1024 * 1024
LAST = b"turn_finished"


class RelayedEvent(NamedTuple):
    """One event: its number and its JSON."""

    n: int
    data: str
    is_last: bool = False
    """Nothing follows in this turn."""


class StreamGarbled(Exception):
    """What arrives is no stream of events."""


class EventSplitter:
    """Feed it bytes as they come, in pieces of any size."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[RelayedEvent]:
        """Events that these bytes complete; comments are skipped. Raises StreamGarbled."""
        blocks = (self._pending + data).split(b"\n\n")
        self._pending = blocks.pop()
        if len(self._pending) > MAX_PENDING_BYTES:
            raise StreamGarbled
        return [event for block in blocks if (event := _read(block)) is not None]


def _read(block: bytes) -> RelayedEvent | None:
    number = kind = b""
    data: bytes | None = None
    for line in block.split(b"\n"):
        if line.startswith(b"id: "):
            number = line[4:]
        elif line.startswith(b"data: "):
            data = line[6:]
        elif line.startswith(b"event: "):
            kind = line[7:]
    if data is None:
        return None
    if not number.isdigit():
        raise StreamGarbled
    try:
        return RelayedEvent(int(number), data.decode(), kind == LAST)
    except ValueError:
        raise StreamGarbled from None
