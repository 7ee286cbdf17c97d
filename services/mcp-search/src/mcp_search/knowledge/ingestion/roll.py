"""Which processes that work on jobs are still there. They hold locks, which end with them, whatever ended them.

A lock beats a heartbeat written to a table: it needs no clock that two machines agree on and no time after which the
silent count as dead, and taking over under it cannot be done by two at once.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg

KEEPALIVES = (
    "SET tcp_keepalives_idle = 15",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)
"""In seconds and tries: the server takes the lock of a machine that vanished away within half a minute."""


class Roll(Protocol):
    """Its methods block, and are called by one thread at a time."""

    def enter(self, executor: str) -> None:
        """Be there from now on. Raises OSError, psycopg.Error: the lock cannot be had."""
        ...

    def stay(self) -> None:
        """Enter again where the lock was lost, as it is when the database was started anew."""
        ...

    def gone(self, executor: str) -> AbstractContextManager[bool]:
        """Whether that process has ended. Until the context ends, nobody else hears that it has."""
        ...

    def leave(self) -> None: ...


class FileRoll:
    """For processes on one machine: a locked file each, in a folder of theirs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[Path, int] | None = None

    def enter(self, executor: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(executor)
        opened = _open(path)
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._held = (path, opened)

    def stay(self) -> None:
        """Nothing takes a file's lock away."""

    @contextmanager
    def gone(self, executor: str) -> Generator[bool]:
        path = self._path(executor)
        opened = _open(path)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            yield False
            return
        try:
            yield True
            # Whoever opened it before this waits for nothing, and finds the work taken over already.
            path.unlink(missing_ok=True)
        finally:
            os.close(opened)

    def leave(self) -> None:
        if self._held is not None:
            path, opened = self._held
            self._held = None
            path.unlink(missing_ok=True)
            os.close(opened)

    def _path(self, executor: str) -> Path:
        return self._folder / hashlib.sha256(executor.encode()).hexdigest()[:32]


def _open(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


class PostgresRoll:
    """For processes on any machines: an advisory lock each, held by a connection of its own.

    It needs a connection that stays the same one: PgBouncer must pool sessions, not transactions.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._executor = ""
        self._connection: psycopg.Connection | None = None

    def enter(self, executor: str) -> None:
        connection = psycopg.connect(self._url, autocommit=True)
        try:
            for setting in KEEPALIVES:
                connection.execute(setting)
            # It waits for a lock that a connection of ours, lost a moment ago, still seems to hold.
            connection.execute("SELECT pg_advisory_lock(%s)", [_key(executor)])
        except psycopg.Error:
            connection.close()
            raise
        self._executor, self._connection = executor, connection

    def stay(self) -> None:
        try:
            self._on_duty().execute("SELECT 1")
        except psycopg.OperationalError:
            self._on_duty().close()
            self.enter(self._executor)

    @contextmanager
    def gone(self, executor: str) -> Generator[bool]:
        # A session gets every lock it holds once more, so it must not be asked for its own.
        connection = self._on_duty()
        if executor == self._executor:
            yield False
            return
        with connection.transaction():
            row = connection.execute(
                "SELECT pg_try_advisory_xact_lock(%s)", [_key(executor)]
            ).fetchone()
            yield bool(row and row[0])

    def leave(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                # A server that hears of a connection's end lets go of its locks a little later.
                self._connection.execute("SELECT pg_advisory_unlock_all()")
            self._connection.close()
            self._connection = None

    def _on_duty(self) -> psycopg.Connection:
        if self._connection is None:
            raise RuntimeError("Whoever looks at the roll enters first.")
        return self._connection


def _key(executor: str) -> int:
    """64 bits, signed: what advisory locks have for names."""
    digest = hashlib.sha256(f"mcp-search {executor}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def roll_at(url: str) -> Roll:
    """The roll for jobs that are kept at `sqlite:///PATH` or `postgresql://…`."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return FileRoll(path.with_name(f"{path.name}.alive"))
    return PostgresRoll(url)
