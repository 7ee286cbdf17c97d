"""Has pages read in a process of their own, so that no page stops or harms this one."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from dataclasses import dataclass

from mcp_search.errors import TooMuch, UnreadableDocument
from mcp_search.web.page_wire import (
    MAX_ANSWER,
    Answer,
    PageTask,
    head_of,
    task_length,
    unpacked_answer,
)

_MODULE = "mcp_search.web.page_worker"
_PIECE = 256 * 1024
AT_ONCE = 2
"""Pages; each may take a gigabyte of memory."""
WAIT_S = 30.0
"""For one page."""
_LAST_MOMENTS_S = 0.5
"""The kernel closes the sockets of a process a moment before it says that the process has ended."""


@dataclass(frozen=True, slots=True)
class Forker:
    """The process that forks for each page, and the socket on which it is told to."""

    process: subprocess.Popen[bytes]
    control: socket.socket

    @classmethod
    def start(cls) -> "Forker":
        """Takes a few milliseconds; it is another half second until the first page is read."""
        ours, theirs = socket.socketpair()
        with theirs:
            # An environment of its own: what this process was told in secret, a page's reader need not know.
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", "-X", "utf8", "-m", _MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}, cwd="/", start_new_session=True,
            )  # fmt: skip
        return cls(process, ours)

    @property
    def is_gone(self) -> bool:
        return self.process.poll() is not None

    async def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, or does so in that time."""
        try:
            await asyncio.to_thread(self.process.wait, seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End it; forks that are at work end by their own limits."""
        self.control.close()
        self.process.wait()


class PageProcess:
    """Reads pages one by one, each in a fork. The process is started with the first page, or before by `start`."""

    def __init__(self, forker: Forker | None = None) -> None:
        """`forker`: one that runs already."""
        self._forker = forker
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def read(self, task: PageTask, body: bytes) -> Answer:
        """Never blocks the event loop.

        Raises:
            TooMuch: the page takes too much time or memory, or is too complex. `details`: `limit`.
            UnreadableDocument: what reads it stopped.
        """
        async with self._at_once:
            for _ in range(2):
                forker = self.start()
                try:
                    async with asyncio.timeout(WAIT_S):
                        octets = await _asked(forker, head_of(task, body), body)
                except TimeoutError:
                    raise _too_much("seconds") from None
                if octets is not None:
                    return _told(octets)
                if not await forker.ends_within(_LAST_MOMENTS_S):
                    raise _stopped()  # The fork ended, and what forks goes on: it was the page.
        raise _stopped()

    def start(self) -> Forker:
        """Have the process running."""
        if self._forker is not None and self._forker.is_gone:
            self._forker.close()
            self._forker = None
        if self._forker is None:
            self._forker = Forker.start()
        return self._forker

    async def close(self) -> None:
        """End the process. Pages that are being read are given up."""
        if self._forker is not None:
            await asyncio.to_thread(self._forker.close)
            self._forker = None


async def _asked(forker: Forker, head: bytes, body: bytes) -> bytes | None:
    """The answer's octets. None: whoever should answer is gone."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            socket.send_fds(forker.control, [b"x"], [theirs.fileno()])
        except OSError:
            ours.close()
            await asyncio.to_thread(forker.process.wait)
            return None
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(head)
            for start in range(0, len(body), _PIECE):
                writer.write(body[start : start + _PIECE])
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
