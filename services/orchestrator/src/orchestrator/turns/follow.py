"""What one viewer of a turn is sent: the stored events it has not seen, then live ones, without gap or repeat."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager

import structlog

from orchestrator.database import Database, DatabaseAway
from orchestrator.turns.log import list_events
from orchestrator.turns.models import TurnRow
from orchestrator.turns.stream import Channel, Entry, TurnStream, encode

log = structlog.get_logger()

PING = b": ping\n\n"
PING_INTERVAL_S = 15.0
MAX_CHUNK_BYTES = 65_536
"""What is handed to a connection at once, unless one event is larger: a reader that does not read holds no more."""
LOOK_INTERVAL_S = 5.0
"""How often stored events are looked up for a turn that runs elsewhere and is silent: the stream may be down."""


class TurnViewer:
    """Yields a turn's events from one number on, each once and in order."""

    def __init__(self, database: Database, stream: TurnStream, turn_id: str, after: int) -> None:
        self._database = database
        self._stream = stream
        self._turn_id = turn_id
        self._applied = after
        self._over = False

    async def chunks(self, stored: Sequence[Entry] | None = None) -> AsyncGenerator[bytes]:
        """Bytes to send, many events in one chunk when they are there; pings while nothing is.

        Ends with the turn, or before that when this process stops or the database is away.
        `stored` spares the first look into the database when the caller knows what it would find.
        """
        with self._ending_quietly(), self._stream.viewing(self._turn_id) as channel:
            entries = await self._load() if stored is None else stored
            for chunk in self._take(entries):
                yield chunk
            silent_s = 0.0
            while not self._over and not self._stream.is_closing:
                applied = self._applied
                for chunk in self._take(await self._next_entries(channel)):
                    yield chunk
                if self._applied > applied:
                    silent_s = 0.0
                    continue
                await channel.changed(LOOK_INTERVAL_S)
                if channel.after(self._applied):
                    continue
                if not channel.runs_here and not await self._look(channel):
                    return
                silent_s += LOOK_INTERVAL_S
                if silent_s >= PING_INTERVAL_S:
                    silent_s = 0.0
                    yield PING

    @contextmanager
    def _ending_quietly(self) -> Generator[None]:
        """The reader finds the turn unfinished and asks again; there is nobody to tell more."""
        try:
            yield
        except DatabaseAway as error:
            log.warning("viewer_left", turn_id=self._turn_id, error=str(error))

    async def _next_entries(self, channel: Channel) -> Sequence[Entry]:
        live = channel.after(self._applied)
        if live and live[0].first > self._applied + 1:
            stored = await self._load()  # something was missed: it is stored, or void by now
            return [*stored, *channel.after(self._applied)]
        return live

    async def _look(self, channel: Channel) -> bool:
        """Put stored events that the stream did not bring into the channel. False: the turn is gone."""
        for entry in await self._load():
            channel.add(entry)
        async with self._database.reading() as session:
            return await session.get(TurnRow, self._turn_id) is not None

    async def _load(self) -> list[Entry]:
        async with self._database.reading() as session:
            return [
                encode(event) for event in await list_events(session, self._turn_id, self._applied)
            ]

    def _take(self, entries: Sequence[Entry]) -> Generator[bytes]:
        """Join what is next, as far as one chunk may go, and remember how far that is."""
        parts: list[bytes] = []
        size = 0
        for entry in entries:
            if entry.n <= self._applied or entry.first > self._applied + 1:
                continue
            if parts and size + len(entry.data) > MAX_CHUNK_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
            parts.append(entry.data)
            size += len(entry.data)
            self._applied = entry.n
            self._over = self._over or entry.is_last
        if parts:
            yield b"".join(parts)
