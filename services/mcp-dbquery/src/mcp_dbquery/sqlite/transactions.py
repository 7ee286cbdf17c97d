"""Transactions of declared actions: on connections of the server's own process, never on its event loop.

They use the standard library's SQLite; the workers, which use another one, are other processes. (Two SQLite libraries
in one process would break each other's locks on a file: sqlite.org/howtocorrupt.html, section 2.2.1.)
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import JsonValue

from mcp_dbquery.engine import ChangeTransaction
from mcp_dbquery.errors import ActionFailed
from mcp_dbquery.sqlite.file import open_for_actions, open_read_only
from shared.errors import BadSetup

T = TypeVar("T")

OPS_BETWEEN_CHECKS = 10_000


@asynccontextmanager
async def looking(path: Path, timeout_s: float) -> AsyncGenerator[ChangeTransaction]:
    """A read-only transaction. Raises ActionFailed."""
    try:
        async with _connection(path, open_read_only) as connection:
            await _in_thread(lambda: connection.execute("BEGIN"), connection.interrupt)
            yield _Transaction(connection, timeout_s)
    except sqlite3.Error as error:
        raise ActionFailed(f"It cannot be shown now: {_reason(error)}.") from error


@asynccontextmanager
async def changing(path: Path, timeout_s: float) -> AsyncGenerator[ChangeTransaction]:
    """A write transaction: committed at the end, rolled back when the block raises. Raises ActionFailed."""
    try:
        # Closing rolls back what was not committed.
        async with _connection(path, open_for_actions) as connection:
            await _in_thread(lambda: connection.execute("BEGIN IMMEDIATE"), connection.interrupt)
            yield _Transaction(connection, timeout_s)
            connection.set_progress_handler(None, 0)
            await _to_its_end(asyncio.to_thread(connection.execute, "COMMIT"))
    except sqlite3.IntegrityError:
        raise ActionFailed(
            "Nothing was changed: the values break a rule of the database."
        ) from None
    except sqlite3.Error as error:
        raise ActionFailed(f"Nothing was changed: {_reason(error)}.") from error


def check_action(path: Path, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
    """Compile a statement of an action; the names of the columns it gives. Raises BadSetup."""
    text = (
        f"SELECT * FROM ({sql.rstrip().removesuffix(';')}\n) LIMIT 0"  # noqa: S608 - the owner's statement
        if reads
        else f"EXPLAIN {sql}"
    )
    try:
        with closing(open_read_only(path)) as connection:
            shown = connection.execute(text, dict.fromkeys(names))
            return [column[0] for column in shown.description] if reads else []
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise BadSetup(f"the database does not accept it: {error}") from None


@dataclass(frozen=True, slots=True)
class _Transaction:
    connection: sqlite3.Connection
    timeout_s: float
    """Of one statement."""

    async def rows(self, sql: str, values: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        def fetch() -> list[dict[str, Any]]:
            found = self.connection.execute(sql, values).fetchmany(limit)
            return [{name: _as_json(row[name]) for name in row.keys()} for row in found]  # noqa: SIM118 - no mapping

        return await self._timed(fetch)

    async def execute(self, sql: str, values: Mapping[str, Any]) -> int:
        return await self._timed(lambda: self.connection.execute(sql, values).rowcount)

    async def _timed(self, work: Callable[[], T]) -> T:
        deadline = time.monotonic() + self.timeout_s
        is_cancelled = threading.Event()

        def is_over() -> int:
            return int(is_cancelled.is_set() or time.monotonic() > deadline)

        # Not `interrupt`: called before the thread has begun its statement, it would do nothing.
        self.connection.set_progress_handler(is_over, OPS_BETWEEN_CHECKS)
        return await _in_thread(work, is_cancelled.set)


@asynccontextmanager
async def _connection(
    path: Path, opened: Callable[[Path], sqlite3.Connection]
) -> AsyncGenerator[sqlite3.Connection]:
    connection = await asyncio.to_thread(opened, path)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        await _to_its_end(asyncio.to_thread(connection.close))


async def _in_thread(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Cancelling this stops the work, and waits until the thread is out of the connection."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop()
        with contextlib.suppress(sqlite3.Error, asyncio.CancelledError):
            await running
        raise


async def _to_its_end(work: Any) -> None:
    """Nobody can call it off half-way: whether a commit happened must not be left open."""
    running = asyncio.ensure_future(work)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise


def _as_json(value: Any) -> JsonValue:
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, float) and value in {float("inf"), float("-inf")}:
        return str(value)
    return value


def _reason(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return "the database is busy; try again in a moment"
    if code == sqlite3.SQLITE_INTERRUPT:
        return "it took too long"
    return "the database refused the statement"
