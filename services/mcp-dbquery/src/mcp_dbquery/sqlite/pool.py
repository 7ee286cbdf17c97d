"""A few warm worker processes; each runs one statement at a time and is killed rather than waited for."""

import asyncio
import contextlib
import json
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_dbquery.errors import DatabaseAway, TooLarge

KILL_AFTER_S = 1.0
"""How long after its own deadline a worker may still be silent."""
START_TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024

Worker = asyncio.subprocess.Process


@dataclass(slots=True)
class WorkerPool:
    """Runs requests in worker processes, at most `size` at once. Belongs to one event loop."""

    path: Path
    size: int
    memory_mb: int
    _idle: list[Worker] = field(default_factory=list[Worker], init=False)
    _alive: set[Worker] = field(default_factory=set[Worker], init=False)
    """All that were started and not yet seen to end."""
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.size)

    async def warm_up(self) -> None:
        """Start all workers, so that the first queries need not wait for one."""
        missing = self.size - len(self._idle)
        self._idle.extend(await asyncio.gather(*(self._start() for _ in range(missing))))

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer. Cancelling this kills the worker and the statement with it.

        Raises:
            TooLarge: the worker died, as it does when a statement outgrows its memory.
            DatabaseAway: no worker could be started.
        """
        async with self._places:
            worker = await self._take()
            has_answered = False
            try:
                async with asyncio.timeout(request["timeout_s"] + KILL_AFTER_S):
                    answer = await _exchange(worker, request)
                has_answered = True
            except TimeoutError:
                return {"timeout": True}
            except (asyncio.IncompleteReadError, ConnectionError):
                raise TooLarge(
                    "The statement was ended: what ran it stopped, most likely for want of memory.",
                    hint="Aggregate more or select less.",
                ) from None
            finally:
                # Whatever came between, cancellation above all: only a worker that answered is used again.
                if has_answered:
                    self._idle.append(worker)
                else:
                    _end(worker)
            return answer

    async def close(self) -> None:
        """End all workers, and with them what they still work on. Returns when they are gone."""
        self._idle.clear()
        for worker in self._alive:
            _end(worker)
        await asyncio.gather(*(worker.wait() for worker in self._alive))
        self._alive.clear()

    async def _take(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.returncode is None:
                return worker
        return await self._start()

    async def _start(self) -> Worker:
        """A new worker that is ready: its start must not count as the statement's time."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mcp_dbquery.sqlite.worker",
            str(self.path),
            str(self.memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._alive = {known for known in self._alive if known.returncode is None} | {worker}
        is_ready = False
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await _read(worker)
            is_ready = True
        except (TimeoutError, asyncio.IncompleteReadError):
            raise DatabaseAway("No worker could be started for the query. Try again.") from None
        finally:
            if not is_ready:
                _end(worker)
        return worker


async def _exchange(worker: Worker, request: dict[str, Any]) -> dict[str, Any]:
    assert worker.stdin is not None  # noqa: S101 - it is a pipe
    body = json.dumps(request).encode()
    worker.stdin.write(struct.pack(">I", len(body)) + body)
    await worker.stdin.drain()
    return await _read(worker)


async def _read(worker: Worker) -> dict[str, Any]:
    assert worker.stdout is not None  # noqa: S101 - it is a pipe
    (length,) = struct.unpack(">I", await worker.stdout.readexactly(4))
    if length > MAX_ANSWER_BYTES:
        raise ConnectionError("The worker's answer is too large.")
    return json.loads(await worker.stdout.readexactly(length))


def _end(worker: Worker) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
