"""Splits a stream of server-sent events into numbered events, without looking into their JSON. Pure."""

from typing import NamedTuple

MAX_PENDING_BYTES = 8 * 1024 * 1024


class RelayedEvent(NamedTuple):
    """One event: its number and its JSON."""

    n: int
    data: str


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
    number: bytes | None = None
    data: bytes | None = None
    for line in block.split(b"\n"):
        if line.startswith(b"id: "):
            number = line[4:]
        elif line.startswith(b"data: "):
            data = line[6:]
    if data is None:
        return None
    if number is None or not number.isdigit():
        raise StreamGarbled
    return RelayedEvent(int(number), data.decode())
