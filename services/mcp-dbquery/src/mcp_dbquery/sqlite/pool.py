"""A few warm worker processes; each runs one statement at a time and is killed rather than waited for."""

import asyncio
import contextlib
import os
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from mcp_dbquery.errors import DatabaseAway, TooLarge

KILL_AFTER_S = 1.0
"""How long after its own deadline a worker may still be silent."""
START_TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
FEWEST, MOST = 2, 8


def default_workers() -> int:
    """One for each processor, within reason: more would only wait for one another."""
    return min(max(os.cpu_count() or FEWEST, FEWEST), MOST)


@dataclass(eq=False, slots=True)
class Worker:
    """A process and the sessions that it has ready."""

    process: asyncio.subprocess.Process
    sessions: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class WorkerPool:
    """Runs requests in worker processes, at most `size` at once, in the order they came. Belongs to one event loop."""

    path: Path
    size: int
    memory_mb: int
    _idle: list[Worker] = field(default_factory=list[Worker], init=False)
    _alive: set[Worker] = field(default_factory=set[Worker], init=False)
    """All that were started and not yet seen to end."""
    _places: asyncio.Semaphore = field(init=False)
    _replacements: set[asyncio.Task[None]] = field(
        default_factory=set["asyncio.Task[None]"], init=False
    )
    _is_closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.size)

    async def warm_up(self) -> None:
        """Start all workers, so that the first queries need not wait for one."""
        missing = self.size - len(self._idle)
        self._idle.extend(await asyncio.gather(*(self._start() for _ in range(missing))))

    async def run(self, session: str, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The worker's answer. Cancelling this kills the worker and the statement with it.

        Raises:
            TooLarge: the worker died, as it does when a statement outgrows its memory.
            DatabaseAway: no worker could be started.
        """
        async with self._places:
            worker = await self._take(session)
            has_answered = False
            try:
                async with asyncio.timeout(timeout_s + KILL_AFTER_S):
                    answer = await _exchange(worker.process, {"session": session, **request})
                has_answered = True
            except TimeoutError:
                return {"problem": {"kind": "timeout"}}
            except (asyncio.IncompleteReadError, ConnectionError):
                raise TooLarge(
                    "The statement was ended: what ran it stopped, most likely for want of memory.",
                    hint="Aggregate more or select less.",
                ) from None
            finally:
                # Whatever came between, cancellation above all: only a worker that answered is used again.
                if has_answered:
                    worker.sessions.add(session)
                    self._idle.append(worker)
                else:
                    _end(worker)
                    self._replace()
            return answer

    async def close(self) -> None:
        """End all workers, and with them what they still work on. Returns when they are gone."""
        self._is_closed = True
        self._idle.clear()
        for task in self._replacements:
            task.cancel()
        await asyncio.gather(*self._replacements, return_exceptions=True)
        for worker in self._alive:
            _end(worker)
        await asyncio.gather(*(worker.process.wait() for worker in self._alive))
        self._alive.clear()

    async def _take(self, session: str) -> Worker:
        """An idle worker, rather one that knows the session; a new one when there is none."""
        self._idle = [worker for worker in self._idle if worker.process.returncode is None]
        if not self._idle:
            return await self._start()
        knows = (worker for worker in reversed(self._idle) if session in worker.sessions)
        worker = next(knows, self._idle[-1])
        self._idle.remove(worker)
        return worker

    def _replace(self) -> None:
        """Start another worker at once, so that the next statement need not wait for it."""
        if self._is_closed:
            return
        task = asyncio.get_running_loop().create_task(self._add())
        self._replacements.add(task)
        task.add_done_callback(self._replacements.discard)

    async def _add(self) -> None:
        with contextlib.suppress(DatabaseAway):  # who needs it next tries again, and is told
            worker = await self._start()
            if len(self._idle) < self.size:
                self._idle.append(worker)
            else:
                _end(worker)

    async def _start(self) -> Worker:
        """A new worker that is ready: its start must not count as the statement's time."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mcp_dbquery.sqlite.worker",
            str(self.path),
            str(self.memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_ANSWER_BYTES,
        )
        worker = Worker(process)
        self._alive = {known for known in self._alive if known.process.returncode is None} | {
            worker
        }
        is_ready = False
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await _read(process)
            is_ready = True
        except (TimeoutError, asyncio.IncompleteReadError):
            raise DatabaseAway("No worker could be started for the query. Try again.") from None
        finally:
            if not is_ready:
                _end(worker)
        return worker


async def _exchange(process: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    body = orjson.dumps(request)
    process.stdin.write(struct.pack(">I", len(body)) + body)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
    if length > MAX_ANSWER_BYTES:
        raise ConnectionError("The worker's answer is too large.")
    return orjson.loads(await process.stdout.readexactly(length))


def _end(worker: Worker) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.process.kill()
