"""Reads a file in a process of its own and says in plain words why that does not work."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import structlog

from mcp_search.errors import TooMuch, UnreadableDocument, UnsupportedType
from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing import frames
from mcp_search.knowledge.parsing.kinds import hint_of
from mcp_search.knowledge.parsing.limits import Limits
from mcp_search.knowledge.parsing.task import OUT_OF_MEMORY, Task
from shared.mcp_server import Problem
from shared.untrusted.characters import clean_line

_MODULE = "mcp_search.knowledge.parsing.worker"
_PIPE_BYTES = 1024 * 1024
_SPOKEN_CHARACTERS = 500
_OVERHEAD_BYTES = 256 * 1024 * 1024
"""Beside the text: blocks, of which tiny ones may be many."""

log = structlog.get_logger()

Frames = list[tuple[bytes, bytes]]


async def parse(content: bytes | Path, name: str, limits: Limits | None = None) -> Parsed:
    """The text of a file. What it is, its content decides; `name` only tells apart kinds of plain text.

    Takes about a quarter of a second and no more than the limits allow. Cancelling it ends the work at once. A path is
    read by the other process, not by this one; it must stay until this returns.

    Raises:
        UnsupportedType: the file is of a kind without readable text. `details`: `media_type`.
        UnreadableDocument: its text cannot be had. `details`: `reason`, one of encrypted, damaged, no_pages,
            only_pictures, empty, bomb, too_complex, stopped.
        TooMuch: a limit. `details`: `limit` (bytes, pages, characters, parts, seconds, memory) and the `value` allowed.
    """
    bounds = limits or Limits()
    answer = await answer_of(content, Task(bounds, hint_of(name)))
    try:
        return await asyncio.to_thread(frames.join, answer)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _stopped() from error


async def answer_of(content: bytes | Path, task: Task) -> Frames:
    """The frames that the process answers with. Raises as `parse` does."""
    if isinstance(content, bytes) and len(content) > task.limits.octets:
        raise too_large(task.limits)
    async with _process(content, task) as process:
        try:
            async with asyncio.timeout(task.limits.wall_s):
                feeding = asyncio.create_task(_feed(process, content))
                try:
                    answer = await _read(process, 4 * task.limits.characters + _OVERHEAD_BYTES)
                    status = await process.wait()
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
        except TimeoutError:
            raise _too_slow(task.limits) from None
    _raise_problem(answer, status, task.limits)
    return answer


@asynccontextmanager
async def _process(content: bytes | Path, task: Task) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Ended with all that it started when the block is left, however it is left."""
    with contextlib.ExitStack() as stack:
        source = asyncio.subprocess.PIPE
        if isinstance(content, Path):
            source = stack.enter_context(content.open("rb"))
        # An environment of its own: what this process was told in secret, a file's reader need not know.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-X", "utf8", "-m", _MODULE, task.as_json(),
            stdin=source, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"}, cwd="/", start_new_session=True, limit=_PIPE_BYTES,
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _feed(process: asyncio.subprocess.Process, content: bytes | Path) -> None:
    if isinstance(content, Path) or process.stdin is None:
        return
    with contextlib.suppress(
        ConnectionError
    ):  # it ended before it had read all; its status says why
        for start in range(0, len(content), _PIPE_BYTES):
            process.stdin.write(content[start : start + _PIPE_BYTES])
            await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process, max_bytes: int) -> Frames:
    """All frames up to the end; those that came when it ended before."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    answer: Frames = []
    left = max_bytes
    with contextlib.suppress(asyncio.IncompleteReadError):
        while True:
            header = await process.stdout.readexactly(frames.HEADER.size)
            tag, length = frames.HEADER.unpack(header)
            left -= length
            if left < 0:
                break
            answer.append((tag, await process.stdout.readexactly(length)))
            if tag == frames.END:
                break
    return answer


def _raise_problem(answer: Frames, status: int, limits: Limits) -> None:
    for tag, body in answer:
        if tag == frames.PROBLEM:
            raise _told(body)
    if answer and answer[-1][0] == frames.END:
        return
    if status == -signal.SIGXCPU:
        raise _too_slow(limits)
    if status == OUT_OF_MEMORY:
        raise TooMuch(
            f"Reading the file takes more than {limits.memory_bytes // 1024 // 1024:,} MB of memory.",
            hint="Divide it and try again.",
            limit="memory",
            value=limits.memory_bytes,
        )
    where = b"".join(body for tag, body in answer if tag == frames.CRASH)
    log.warning(
        "document_reader_stopped", status=status, where=where[:500].decode(errors="replace")
    )
    raise _stopped()


def _told(body: bytes) -> Problem:
    """What the process says; its words are ours, but it has read a foreign file since."""
    try:
        said = orjson.loads(body)
        text = clean_line(str(said["text"]), _SPOKEN_CHARACTERS)
        details = {str(name): value for name, value in said["details"].items()}
        match said["trouble"]:
            case "unsupported":
                return UnsupportedType(text, media_type=str(details["media_type"])[:100])
            case "too_much":
                return TooMuch(text, limit=str(details["limit"]), value=int(details["value"]))
            case _:
                return UnreadableDocument(text, reason=str(details["reason"])[:100])
    except (ValueError, KeyError, TypeError, AttributeError):
        return _stopped()


def too_large(limits: Limits) -> TooMuch:
    """For content that need not be looked at."""
    return TooMuch(
        f"The file is larger than {limits.octets / 1024 / 1024:g} MB.",
        limit="bytes",
        value=limits.octets,
    )


def _too_slow(limits: Limits) -> TooMuch:
    return TooMuch(
        f"Reading the file takes longer than {limits.cpu_s} seconds.",
        hint="Divide it and try again.",
        limit="seconds",
        value=limits.cpu_s,
    )


def _stopped() -> UnreadableDocument:
    return UnreadableDocument(
        "The file cannot be read: what reads it stopped. It is damaged, or needs too much memory.",
        reason="stopped",
    )
