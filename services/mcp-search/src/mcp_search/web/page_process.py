"""Has pages read in a process of their own, so that no page stops or harms this one."""

import asyncio
import contextlib
import socket
import sys
from dataclasses import dataclass, field

from mcp_search.errors import TooMuch, UnreadableDocument
from mcp_search.web.page_wire import (
    MAX_ANSWER,
    Answer,
    PageTask,
    packed_task,
    task_length,
    unpacked_answer,
)

_MODULE = "mcp_search.web.page_worker"
_PIECE = 256 * 1024
AT_ONCE = 2
"""Pages; each may take a gigabyte of memory."""
WAIT_S = 30.0
"""For one page."""


@dataclass(slots=True)
class _Running:
    process: asyncio.subprocess.Process
    control: socket.socket


@dataclass(slots=True)
class PageProcess:
    """One process that forks for each page. Started with the first page, or before by `start`."""

    _running: _Running | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def read(self, task: PageTask, body: bytes) -> Answer:
        """Never blocks the event loop.

        Raises:
            TooMuch: the page takes too much time or memory, or is too complex. `details`: `limit`.
            UnreadableDocument: what reads it stopped.
        """
        async with self._at_once:
            for _ in range(2):
                running = await self.start()
                try:
                    async with asyncio.timeout(WAIT_S):
                        octets = await _asked(running, packed_task(task, body))
                except TimeoutError:
                    raise _too_much("seconds") from None
                if octets is not None:
                    return _told(octets)
                if running.process.returncode is None:
                    raise _stopped()  # The fork ended, and what forks goes on: it was the page.
        raise _stopped()

    async def start(self) -> _Running:
        """Have the process running."""
        async with self._starting:
            if self._running is not None and self._running.process.returncode is not None:
                self._running.control.close()
                self._running = None
            if self._running is None:
                self._running = await _started()
            return self._running

    async def close(self) -> None:
        """End the process. Pages that are being read are given up."""
        if self._running is not None:
            self._running.control.close()
            await self._running.process.wait()
            self._running = None


async def _started() -> _Running:
    ours, theirs = socket.socketpair()
    with theirs:
        # An environment of its own: what this process was told in secret, a page's reader need not know.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-X", "utf8", "-m", _MODULE, str(theirs.fileno()),
            pass_fds=[theirs.fileno()], stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}, cwd="/", start_new_session=True,
        )  # fmt: skip
    return _Running(process, ours)


async def _asked(running: _Running, request: bytes) -> bytes | None:
    """The answer's octets. None: whoever should answer is gone."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            socket.send_fds(running.control, [b"x"], [theirs.fileno()])
        except OSError:
            ours.close()
            await running.process.wait()
            return None
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(request), _PIECE):
                writer.write(request[start : start + _PIECE])
                await writer.drain()
        length = task_length(await reader.readexactly(8))
        return await reader.readexactly(length) if length <= MAX_ANSWER else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    finally:
        writer.close()


def _told(octets: bytes) -> Answer:
    try:
        answer = unpacked_answer(octets)
    except (ValueError, KeyError, TypeError) as error:
        raise _stopped() from error
    if answer.kind == "too_complex":
        raise _too_much("elements")
    if answer.kind == "memory":
        raise _too_much("memory")
    return answer


def _too_much(limit: str) -> TooMuch:
    return TooMuch(
        "The page is too large or too complex to be read within the limits.",
        hint="Look for another source, or for a smaller page of that site.",
        limit=limit,
    )


def _stopped() -> UnreadableDocument:
    return UnreadableDocument(
        "The page cannot be read: it needs too much time or memory, or is damaged.",
        hint="Look for another source.",
        reason="stopped",
    )
