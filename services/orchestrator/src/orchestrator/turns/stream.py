"""Live events of turns: who runs a turn publishes, any number of viewers on any replica follow.

SQL holds the truth (the stored events); the stream adds what is not stored, the text as it is being written,
and makes it arrive at once. Losing the stream loses nothing: a viewer that finds a gap reads the stored events.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import orjson

from shared.wire.events import Event, TextDelta


class Entry(NamedTuple):
    """One event, encoded once for all who read it."""

    first: int
    n: int
    is_last: bool
    """Nothing follows: the turn is over."""
    data: bytes
    """A complete server-sent event."""


def encode(event: Event) -> Entry:
    """Encode an event as a server-sent event whose id is its number."""
    return _entry(event.first, event.n, event.kind, event.model_dump_json().encode())


def encode_delta(delta: TextDelta) -> Entry:
    """The same for the one kind that is on the hot path."""
    body = orjson.dumps(
        {"n": delta.n, "first": delta.first, "kind": delta.kind, "text": delta.text}
    )
    return _entry(delta.first, delta.n, delta.kind, body)


def _entry(first: int, n: int, kind: str, body: bytes) -> Entry:
    data = b"id: %d\nevent: %b\ndata: %b\n\n" % (n, kind.encode(), body)
    return Entry(first, n, kind == "turn_finished", data)


@dataclass(slots=True, eq=False)
class Channel:
    """What is live of one turn in this process. Viewers read it by position, so a slow one queues nothing."""

    turn_id: str
    entries: list[Entry] = field(default_factory=list[Entry])
    viewers: int = 0
    runs_here: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, entry: Entry) -> None:
        if self.entries and entry.n <= self.entries[-1].n:
            return
        # An event that covers earlier ones makes them unnecessary: finished text replaces its deltas.
        while self.entries and self.entries[-1].n >= entry.first:
            self.entries.pop()
        self.entries.append(entry)
        self.notify()

    def notify(self) -> None:
        """Wake all viewers."""
        self._changed.set()
        self._changed = asyncio.Event()

    def after(self, n: int) -> list[Entry]:
        """Entries a viewer that has applied everything up to `n` still needs."""
        entries = self.entries
        index = len(entries)
        while index and entries[index - 1].n > n:
            index -= 1
        return entries[index:]

    async def changed(self, timeout_s: float) -> None:
        """Return when something was added, or after `timeout_s`."""
        waiting = self._changed
        try:
            async with asyncio.timeout(timeout_s):
                await waiting.wait()
        except TimeoutError:
            return


class Transport(Protocol):
    """Carries entries between replicas. Sending never waits and never fails the sender."""

    def send(self, turn_id: str, entry: Entry) -> None: ...

    def signal(self, turn_id: str) -> None:
        """Tell all replicas that a stop was requested for a turn."""
        ...

    def attach(self, turn_id: str) -> None:
        """Start feeding the turn's channel with what other replicas publish."""
        ...

    def detach(self, turn_id: str) -> None: ...


class SingleProcess:
    """No other replicas: nothing to carry."""

    def send(self, turn_id: str, entry: Entry) -> None: ...

    def signal(self, turn_id: str) -> None: ...

    def attach(self, turn_id: str) -> None: ...

    def detach(self, turn_id: str) -> None: ...


class TurnStream:
    """The channels of this process, joined with other replicas' by a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.is_closing = False
        """This process stops: viewers are to go on elsewhere."""
        self._channels: dict[str, Channel] = {}

    def publish(self, turn_id: str, entry: Entry) -> None:
        channel = self._channels.get(turn_id)
        if channel is not None:
            channel.add(entry)
        self.transport.send(turn_id, entry)

    def receive(self, turn_id: str, entry: Entry) -> None:
        """An entry that another replica published."""
        channel = self._channels.get(turn_id)
        if channel is not None and not channel.runs_here:
            channel.add(entry)

    def notify(self, turn_id: str) -> None:
        """Wake the viewers of a turn that has ended without a last event: it was deleted."""
        channel = self._channels.get(turn_id)
        if channel is not None:
            channel.notify()

    def close(self) -> None:
        """End all streams of events that are read here; their readers ask another replica."""
        self.is_closing = True
        for channel in self._channels.values():
            channel.notify()

    @contextmanager
    def running(self, turn_id: str) -> Generator[None]:
        """While this process runs the turn, its channel is fed from here alone."""
        channel = self._open(turn_id)
        channel.runs_here = True
        self.transport.detach(turn_id)
        try:
            yield
        finally:
            channel.runs_here = False
            if channel.viewers and not (channel.entries and channel.entries[-1].is_last):
                self.transport.attach(turn_id)
            self._close_if_unused(channel)

    @contextmanager
    def viewing(self, turn_id: str) -> Generator[Channel]:
        """The turn's channel, kept while somebody looks."""
        channel = self._open(turn_id)
        channel.viewers += 1
        if channel.viewers == 1 and not channel.runs_here:
            self.transport.attach(turn_id)
        try:
            yield channel
        finally:
            channel.viewers -= 1
            self._close_if_unused(channel)

    def _open(self, turn_id: str) -> Channel:
        return self._channels.setdefault(turn_id, Channel(turn_id))

    def _close_if_unused(self, channel: Channel) -> None:
        if channel.viewers == 0 and not channel.runs_here:
            self._channels.pop(channel.turn_id, None)
            self.transport.detach(channel.turn_id)
