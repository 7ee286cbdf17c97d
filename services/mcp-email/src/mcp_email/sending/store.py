"""Where the ledger is kept: one SQLite file, or PostgreSQL when several replicas send.

Each store also knows whether the process that wrote a row still lives. Not by a clock, which a busy or suspended
process outlives, but by a lock that the kernel, or the database, gives up at the moment the process ends.
"""

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString, Protocol

import psycopg

from mcp_email.errors import LedgerAway
from shared.errors import BadSetup

SCHEMA: tuple[LiteralString, ...] = (
    """
    CREATE TABLE IF NOT EXISTS sends (
      send_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT NOT NULL, account TEXT NOT NULL,
      idempotency_key TEXT NOT NULL, digest TEXT NOT NULL, message_id TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN
        ('reserved', 'confirmed', 'data_started', 'sent', 'partial', 'failed_clean', 'unknown')),
      worker TEXT NOT NULL, tries INTEGER NOT NULL, result TEXT, sent_copy TEXT NOT NULL DEFAULT 'none'
        CHECK (sent_copy IN ('none', 'kept', 'failed')),
      reserved_at_s DOUBLE PRECISION NOT NULL, data_started_at_s DOUBLE PRECISION, ended_at_s DOUBLE PRECISION,
      UNIQUE (tenant, person, account, idempotency_key)
    )
    """,
    "CREATE INDEX IF NOT EXISTS sends_of_person ON sends (tenant, person, reserved_at_s)",
    "CREATE INDEX IF NOT EXISTS sends_by_message_id ON sends (message_id)",
    """
    CREATE TABLE IF NOT EXISTS sends_to (
      send_id TEXT NOT NULL REFERENCES sends (send_id), address TEXT NOT NULL, domain TEXT NOT NULL,
      PRIMARY KEY (send_id, address)
    )
    """,
    "CREATE TABLE IF NOT EXISTS tries (tenant TEXT NOT NULL, person TEXT NOT NULL, at_s DOUBLE PRECISION NOT NULL)",
    "CREATE INDEX IF NOT EXISTS tries_of_person ON tries (tenant, person, at_s)",
    "CREATE TABLE IF NOT EXISTS confirmations (token TEXT PRIMARY KEY, send_id TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, content TEXT NOT NULL)",
)


WITHIN_S = 10.0
"""How long a statement may wait, for a lock too, and a transaction of a replica that stands still may hold one."""
_DURABLE_AND_BOUNDED: LiteralString = """
    SET LOCAL synchronous_commit = on;
    SET LOCAL statement_timeout = '10s';
    SET LOCAL idle_in_transaction_session_timeout = '10s'
"""


class Transaction(Protocol):
    """Statements that count together or not at all. Values are bound as `?`."""

    def rows(self, sql: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds."""
        ...

    def change(self, sql: LiteralString, *values: object) -> int:
        """How many rows a statement touched."""
        ...


class Store(Protocol):
    """A database with the ledger's tables. Its methods block and may be called from any thread."""

    def worker(self) -> str:
        """The id of this process for as long as it lives. Raises LedgerAway."""
        ...

    def is_alive(self, worker: str) -> bool:
        """Whether the process with this id still lives. Raises LedgerAway."""
        ...

    def transaction(self, one_at_a_time: str = "") -> AbstractContextManager[Transaction]:
        """A durable transaction; those with the same name follow one another. Raises LedgerAway."""
        ...

    def close(self) -> None:
        """Give the worker's lock up: nothing is under way here any more."""
        ...


class SqliteStore:
    """One file, for the processes of one machine."""

    def __init__(self, path: Path) -> None:
        """Make the file if it is not there, for its owner's eyes only. Raises BadSetup."""
        self._path = path
        self._workers = path.with_name(f"{path.name}.workers")
        self._lock: tuple[str, int] | None = None
        self._starting = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._workers.mkdir(mode=0o700, exist_ok=True)
            connection = self._connect()
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                for statement in SCHEMA:
                    connection.execute(statement)
            finally:
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise BadSetup(f"The ledger {path} cannot be written: {error}.") from None

    def worker(self) -> str:
        with self._starting:
            try:
                while self._lock is None:
                    self._lock = self._new_lock()
            except OSError as error:
                raise _away(error) from error
            return self._lock[0]

    def _new_lock(self) -> tuple[str, int] | None:
        """A worker's id and its lock; None when somebody tidied the file away before it was locked."""
        worker = secrets.token_hex(8)
        path = self._workers / worker
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if path.exists():
            return worker, descriptor
        os.close(descriptor)
        return None

    def is_alive(self, worker: str) -> bool:
        path = self._workers / worker
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _away(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(OSError):  # Where it cannot be removed it stays, and free.
                path.unlink()
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextmanager
    def transaction(self, one_at_a_time: str = "") -> Generator[Transaction]:
        """SQLite has one writer at a time in any case."""
        del one_at_a_time
        try:
            connection = self._connect()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield _SqliteTransaction(connection)
                connection.execute("COMMIT")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise _away(error) from error

    def close(self) -> None:
        if self._lock is not None:
            worker, descriptor = self._lock
            with suppress(OSError):
                (self._workers / worker).unlink()
            os.close(descriptor)
            self._lock = None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=WITHIN_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, values).fetchall()

    def change(self, sql: LiteralString, *values: object) -> int:
        return self._connection.execute(sql, values).rowcount


class PostgresStore:
    """A database that replicas share. A replica lives as long as its session there."""

    def __init__(self, url: str) -> None:
        """Make the tables if they are not there. Raises BadSetup."""
        self._url = url
        self._session: tuple[str, psycopg.Connection[Any]] | None = None
        self._starting = threading.Lock()
        try:
            with _connected(url) as connection:
                connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('mcp_email', 0))")
                for statement in SCHEMA:
                    connection.execute(statement)
        except psycopg.Error as error:
            raise BadSetup(
                f"The ledger's database cannot be used ({type(error).__name__})."
            ) from None

    def worker(self) -> str:
        """A new id after the session was lost: others take the processes of lost sessions for dead."""
        with self._starting:
            try:
                if self._session is not None and _answers(self._session[1]):
                    return self._session[0]
                session = _connected(self._url, autocommit=True)
                worker = str(secrets.randbits(62))
                session.execute("SELECT pg_advisory_lock(%s)", [int(worker)])
            except psycopg.Error as error:
                raise _away(error) from error
            self._session = worker, session
            return worker

    def is_alive(self, worker: str) -> bool:
        with self.transaction() as transaction:
            [(is_free,)] = transaction.rows(
                "SELECT pg_try_advisory_xact_lock(CAST(? AS bigint))", worker
            )
            return not is_free

    @contextmanager
    def transaction(self, one_at_a_time: str = "") -> Generator[Transaction]:
        try:
            with _connected(self._url) as connection:
                connection.execute(_DURABLE_AND_BOUNDED)
                if one_at_a_time:
                    connection.execute(
                        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [one_at_a_time]
                    )
                yield _PostgresTransaction(connection)
        except psycopg.Error as error:
            raise _away(error) from error

    def close(self) -> None:
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session[1].close()
            self._session = None


class _PostgresTransaction:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def rows(self, sql: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.replace("?", "%s"), values).fetchall()

    def change(self, sql: LiteralString, *values: object) -> int:
        return self._connection.execute(sql.replace("?", "%s"), values).rowcount


def open_store(place: str | Path) -> SqliteStore | PostgresStore:
    """By what the place is: a `postgresql://` URL or a file. Raises BadSetup."""
    if isinstance(place, str) and place.startswith(("postgresql://", "postgres://")):
        return PostgresStore(place)
    return SqliteStore(Path(place))


def _connected(url: str, *, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A connection that notices within seconds that nobody answers at its other end any more."""
    return psycopg.connect(
        url,
        autocommit=autocommit,
        connect_timeout=int(WITHIN_S),
        keepalives_idle=int(WITHIN_S),
        keepalives_interval=3,
        keepalives_count=3,
        tcp_user_timeout=int(WITHIN_S * 1000),
    )


def _answers(session: psycopg.Connection[Any]) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _away(error: Exception) -> LedgerAway:
    return LedgerAway(
        f"The record of what was sent cannot be used ({type(error).__name__}), so nothing is sent.",
        hint="Try again later.",
    )
