"""Runs steps on the one file of the knowledge base (WAL): several processes may have it open. Off the event loop."""

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import apsw
import sqlite_vec

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.store.sqlite.index import SqliteIndex
from mcp_search.knowledge.store.sqlite.moving import from_version_1
from mcp_search.knowledge.store.steps import Ask, Duplicate, Row, Steps, T, bindable
from mcp_search.knowledge.store.upgrades import UPGRADES, VERSION
from shared.errors import BadSetup

THREADS = 4
BUSY_MS = 10_000
CACHE_KB = 16_000
"""Of each connection; what is read from the file beyond it is the system's to keep."""
MAPPED_BYTES = 1 << 30


class SqliteEngine:
    """A few threads, each with a connection while it works."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before `start`."""
        self._path = path
        self._idle: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="knowledge-store")
        self.index = SqliteIndex()

    async def start(self) -> None:
        """Make the file when it is not there, for its owner's eyes only. Raises BadSetup."""
        try:
            await self._in_thread(self._open)
        except (OSError, apsw.Error) as error:
            raise BadSetup(
                f"The file of the knowledge base {self._path} cannot be used: {error}."
            ) from None

    async def close(self) -> None:
        """Wait for what runs, then let go of the file."""
        await asyncio.to_thread(self._threads.shutdown)
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    async def read(self, steps: Steps[T]) -> T:
        """Raises KnowledgeAway, and what the steps raise."""
        return await self._in_thread(lambda: self._transaction(steps, "BEGIN"))

    async def write(self, steps: Steps[T]) -> T:
        """Raises KnowledgeAway, and what the steps raise."""
        return await self._in_thread(lambda: self._transaction(steps, "BEGIN IMMEDIATE"))

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        connection = self._connect()
        _prepare(connection)
        self._idle.put(connection)

    def _transaction(self, steps: Steps[T], begin: str) -> T:
        try:
            connection = self._take()
        except apsw.Error as error:
            raise _away(error) from None
        try:
            _rows(connection, Ask(begin))
            try:
                result = _run(connection, steps)
                _rows(connection, Ask("COMMIT"))
            except BaseException:
                if connection.in_transaction:
                    _rows(connection, Ask("ROLLBACK"))
                raise
        except apsw.Error as error:
            connection.close()
            raise _away(error) from None
        except BaseException:
            self._idle.put(connection)
            raise
        self._idle.put(connection)
        return result

    def _take(self) -> apsw.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connect()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(BUSY_MS)
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        connection.enable_load_extension(False)
        for setting in (
            "foreign_keys = ON",
            "synchronous = FULL",
            "secure_delete = ON",  # what was removed is not to be found in the file's free pages
            f"cache_size = -{CACHE_KB}",
            f"mmap_size = {MAPPED_BYTES}",
            "temp_store = MEMORY",
        ):
            _rows(connection, Ask(f"PRAGMA {setting}"))
        return connection


def _run(connection: apsw.Connection, steps: Steps[T]) -> T:
    try:
        ask = next(steps)
        while True:
            try:
                rows = _rows(connection, ask)
            except apsw.ConstraintError as error:
                if _extended(error) not in _NOT_UNIQUE:
                    raise
                ask = steps.throw(Duplicate())
            else:
                ask = steps.send(rows)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def _extended(error: apsw.ConstraintError) -> int:
    """Which constraint it was; the attribute is missing from apsw's types."""
    return cast("Any", error).extendedresult


_NOT_UNIQUE = {apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY}


def _rows(connection: apsw.Connection, ask: Ask) -> list[Row]:
    cursor: Any = connection.cursor()  # apsw's types know no mapping of values
    if ask.many is not None:
        cursor.executemany(ask.sql, map(bindable, ask.many))
        return []
    return list(cursor.execute(ask.sql, bindable(ask.values)))


def _prepare(connection: apsw.Connection) -> None:
    _rows(connection, Ask("PRAGMA journal_mode = WAL"))
    _rows(connection, Ask("BEGIN IMMEDIATE"))
    [(version,)] = _rows(connection, Ask("PRAGMA user_version"))
    if version == 0:
        schema = files("mcp_search.knowledge.store.sqlite") / "schema.sql"
        # All of it: a script is run as far as its rows are asked for.
        _rows(connection, Ask(schema.read_text()))
    elif version > VERSION:
        raise apsw.SQLError(f"it is of another version ({version})")
    elif version == 1:
        _rows(connection, Ask(UPGRADES[version]))
        _run(connection, from_version_1(SqliteIndex()))
    _rows(connection, Ask(f"PRAGMA user_version = {VERSION}"))
    _rows(connection, Ask((files("mcp_search.knowledge.store") / "uploads.sql").read_text()))
    _rows(connection, Ask("COMMIT"))


def _away(error: apsw.Error) -> KnowledgeAway:
    if isinstance(error, apsw.BusyError):
        return KnowledgeAway("The knowledge base is busy.", hint="Try again in a moment.")
    return KnowledgeAway(f"The knowledge base's file cannot be used ({type(error).__name__}).")
