"""Carries live events between replicas over Redis Streams.

One stream a turn, whose entry ids are event numbers: a late writer's lower number is refused by Redis itself.
One reader task a process follows all turns that are looked at here, and the shared stream of stop signals.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

import structlog
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from orchestrator.turns.stream import Entry, TurnStream

STREAM_LIFETIME_S = 3_600
SIGNALS = "steward:signals"
BLOCK_MS = 10_000
RECONNECT_DELAY_S = 0.5
MAX_QUEUED = 50_000
MAX_BATCH = 500

log = structlog.get_logger()
dropped_entries = Counter(
    "orchestrator_stream_dropped_total", "Live events that could not be handed to Redis."
)


class RedisTransport:
    """The transport between replicas. Run `writing()` and `reading()` as tasks for as long as it is used."""

    def __init__(self, commands: Redis, reader: Redis, instance_id: str) -> None:
        self._commands = commands
        self._reader = reader
        self._wake_key = f"steward:wake:{instance_id}"
        self._outgoing: asyncio.Queue[tuple[str, Entry | None]] = asyncio.Queue(MAX_QUEUED)
        self._positions: dict[str, str] = {}
        """Turn id → id of the last stream entry read."""

    def send(self, turn_id: str, entry: Entry) -> None:
        self._enqueue(turn_id, entry)

    def signal(self, turn_id: str) -> None:
        self._enqueue(turn_id, None)

    def _enqueue(self, turn_id: str, entry: Entry | None) -> None:
        try:
            self._outgoing.put_nowait((turn_id, entry))
        except asyncio.QueueFull:
            dropped_entries.inc()

    def attach(self, turn_id: str) -> None:
        if turn_id not in self._positions:
            self._positions[turn_id] = "0"
            self._wake_reader()

    def detach(self, turn_id: str) -> None:
        self._positions.pop(turn_id, None)

    def _wake_reader(self) -> None:
        self._enqueue("", None)

    async def writing(self) -> None:
        """Send what is queued, in order, as few round trips as possible. Runs until cancelled."""
        while True:
            batch = [await self._outgoing.get()]
            while not self._outgoing.empty() and len(batch) < MAX_BATCH:
                batch.append(self._outgoing.get_nowait())
            try:
                await self._write(batch)
            except RedisError as error:
                dropped_entries.inc(len(batch))
                log.warning("stream_write_failed", error=type(error).__name__, entries=len(batch))

    async def _write(self, batch: list[tuple[str, Entry | None]]) -> None:
        pipeline = self._commands.pipeline(transaction=False)
        for turn_id, entry in batch:
            if not turn_id:
                pipeline.xadd(self._wake_key, {"w": "1"}, maxlen=1, approximate=False)
                pipeline.expire(self._wake_key, 60)
            elif entry is None:
                pipeline.xadd(SIGNALS, {"t": turn_id}, maxlen=1_000)
            else:
                key = _key(turn_id)
                fields: dict[Any, Any] = {
                    "f": entry.first,
                    "l": int(entry.is_last),
                    "d": entry.data,
                }
                pipeline.xadd(key, fields, id=f"{entry.n}-0")
                if entry.first == 1 or entry.is_last:
                    pipeline.expire(key, STREAM_LIFETIME_S)
        for result in await pipeline.execute(raise_on_error=False):
            if isinstance(result, ResponseError):
                dropped_entries.inc()  # a lower number than the stream's last: written by a late runner
            elif isinstance(result, RedisError):
                raise result

    async def reading(self, stream: TurnStream, on_signal: Callable[[str], None]) -> None:
        """Feed channels from other replicas and pass stop signals on. Runs until cancelled."""
        control = {self._wake_key: "0"}
        while True:
            keys = {_key(turn_id): last for turn_id, last in self._positions.items()}
            try:
                if SIGNALS not in control:
                    control[SIGNALS] = await self._last_signal()
                found = cast(
                    "list[tuple[bytes, list[Any]]]",
                    await self._reader.xread({**control, **keys}, block=BLOCK_MS, count=200),
                )
            except (RedisError, OSError) as error:
                log.warning("stream_read_failed", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_DELAY_S)
                continue
            for raw_key, entries in found:
                key = raw_key.decode()
                if key in control:
                    control[key] = entries[-1][0].decode()
                if key == SIGNALS:
                    for _, fields in entries:
                        on_signal(fields[b"t"].decode())
                elif key != self._wake_key:
                    self._deliver(stream, key.removeprefix(_key("")), entries)

    async def _last_signal(self) -> str:
        """Where to read on from: `$` would lose what comes between two reads."""
        found: Any = await self._commands.xrevrange(SIGNALS, count=1)
        return found[0][0].decode() if found else "0"

    def _deliver(self, stream: TurnStream, turn_id: str, entries: list[Any]) -> None:
        for entry_id, fields in entries:
            n = int(entry_id.partition(b"-")[0])
            is_last = fields[b"l"] == b"1"
            stream.receive(turn_id, Entry(int(fields[b"f"]), n, is_last, fields[b"d"]))
        if turn_id in self._positions:
            self._positions[turn_id] = entries[-1][0].decode()

    async def problem(self) -> str | None:
        """What is wrong with the connection, None when it works."""
        try:
            await self._commands.ping()  # pyright: ignore[reportUnknownMemberType]
        except (RedisError, OSError):
            return "Redis does not answer"
        return None

    async def close(self) -> None:
        for client in (self._commands, self._reader):
            with contextlib.suppress(RedisError):
                await client.aclose()


def _key(turn_id: str) -> str:
    return f"steward:turn:{turn_id}"
