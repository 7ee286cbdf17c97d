"""A few warm worker processes; each runs one statement at a time and is killed rather than waited for."""

import asyncio
import json
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_dbquery.errors import QueryFailed

KILL_AFTER_S = 1.0
"""How long after its own deadline a worker may still be silent."""
START_TIMEOUT_S = 30.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class WorkerPool:
    """Runs requests in worker processes, at most `size` at once. Belongs to one event loop."""

    path: Path
    size: int
    memory_mb: int
    _idle: list[asyncio.subprocess.Process] = field(
        default_factory=list[asyncio.subprocess.Process]
    )
    _places: asyncio.Semaphore | None = None

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """The worker's answer. Cancelling this kills the worker and the statement with it.

        Raises:
            QueryFailed: the worker died, as it does when a statement outgrows its memory.
        """
        if self._places is None:
            self._places = asyncio.Semaphore(self.size)
        async with self._places:
            worker = await self._take()
            try:
                async with asyncio.timeout(request["timeout_s"] + KILL_AFTER_S):
                    answer = await _exchange(worker, request)
            except TimeoutError:
                await _kill(worker)
                return {"timeout": True}
            except (asyncio.IncompleteReadError, ConnectionError):
                await _kill(worker)
                raise QueryFailed(
                    "The statement was ended: it needs more memory than it may have."
                ) from None
            except asyncio.CancelledError:
                await _kill(worker)
                raise
            self._idle.append(worker)
            return answer

    async def close(self) -> None:
        while self._idle:
            await _kill(self._idle.pop())

    async def _take(self) -> asyncio.subprocess.Process:
        while self._idle:
            worker = self._idle.pop()
            if worker.returncode is None:
                return worker
        return await self._start()

    async def _start(self) -> asyncio.subprocess.Process:
        """A new worker that is ready: its start must not count as the statement's time."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mcp_dbquery.worker",
            str(self.path),
            str(self.memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await _read(worker)
        except (TimeoutError, asyncio.IncompleteReadError):
            await _kill(worker)
            raise QueryFailed("No worker could be started for the query. Try again.") from None
        except asyncio.CancelledError:
            await _kill(worker)
            raise
        return worker


async def _exchange(worker: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
    assert worker.stdin is not None  # noqa: S101 - it is a pipe
    body = json.dumps(request).encode()
    worker.stdin.write(struct.pack(">I", len(body)) + body)
    await worker.stdin.drain()
    return await _read(worker)


async def _read(worker: asyncio.subprocess.Process) -> dict[str, Any]:
    assert worker.stdout is not None  # noqa: S101 - it is a pipe
    (length,) = struct.unpack(">I", await worker.stdout.readexactly(4))
    if length > MAX_ANSWER_BYTES:
        raise ConnectionError("The worker's answer is too large.")
    return json.loads(await worker.stdout.readexactly(length))


async def _kill(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        worker.kill()
    await asyncio.shield(worker.wait())
