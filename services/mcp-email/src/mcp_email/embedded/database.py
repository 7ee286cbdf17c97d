"""The one file of all embedded mailboxes (SQLite, WAL): several processes may have it open. Off the event loop."""

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from mcp_email.errors import MailboxAway
from shared.errors import BadSetup

CONNECTIONS = 4
BUSY_MS = 10_000
VERSION = 1

Result = TypeVar("Result")


class Database:
    """A few connections, each used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before `open`."""
        self._path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._is_open = False

    def open(self) -> None:
        """Make the file when it is not there, for its owner's eyes only. Raises BadSetup."""
        if self._is_open:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            connection = self._connect()
            _prepare(connection)
        except (OSError, sqlite3.Error) as error:
            raise BadSetup(
                f"The file of the embedded mailboxes {self._path} cannot be used: {error}."
            ) from None
        self._idle.put(connection)
        self._is_open = True

    def close(self) -> None:
        """Close what is not in use; what is closes when its thread is done."""
        self._is_open = False
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    async def read(self, query: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run it on one state of the file. Raises MailboxAway, and what it raises."""
        return await self._run(query, "BEGIN")

    async def write(self, change: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run it as one transaction: all of it or nothing. Raises MailboxAway, and what it raises."""
        return await self._run(change, "BEGIN IMMEDIATE")

    async def _run(self, act: Callable[[sqlite3.Connection], Result], begin: str) -> Result:
        async with self._slots:
            return await asyncio.to_thread(self._transaction, act, begin)

    def _transaction(self, act: Callable[[sqlite3.Connection], Result], begin: str) -> Result:
        try:
            connection = self._take()
        except sqlite3.Error as error:
            raise _away(error) from None
        try:
            connection.execute(begin)
            try:
                result = act(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            connection.close()
            raise _away(error) from None
        except BaseException:
            self._give_back(connection)
            raise
        self._give_back(connection)
        return result

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._is_open:
            self._idle.put(connection)
        else:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16000")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        for statement in _statements((files("mcp_email.embedded") / "schema.sql").read_text()):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        raise sqlite3.DatabaseError(f"it is of another version ({version})")
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [one for one in "\n".join(lines).split(";") if one.strip()]


def _away(error: sqlite3.Error) -> MailboxAway:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return MailboxAway("The mailbox is busy.", hint="Try again in a moment.")
    return MailboxAway(f"The mailbox's file cannot be used ({type(error).__name__}).")
