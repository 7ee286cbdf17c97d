"""What the server itself must remember: which actions were done under which key, and people's saved queries.

One SQLite file for one server, one PostgreSQL database for several replicas; the statements are the same. The store
is ours, the data that actions change is the customer's, and no transaction spans both.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from mcp_dbquery.errors import NameTaken, StoreAway, TooManySaved
from shared.errors import BadSetup
from shared.service_tokens import Principal

KEPT = timedelta(days=90)
"""How long a key is remembered. Nobody repeats a request after that."""
PRUNED_EVERY = timedelta(days=1)
MAX_SAVED_QUERIES = 200
"""Of one person."""
WAIT_S = 5
"""For a connection, a lock and the answer to a statement."""
_SCHEMA_LOCK = 0x57_44_42_51
"""An advisory lock's number of our own: CREATE TABLE IF NOT EXISTS fails when two sessions run it at once."""
_TABLES = (
    """CREATE TABLE IF NOT EXISTS action_keys (
  tenant TEXT NOT NULL, person TEXT NOT NULL, idempotency_key TEXT NOT NULL, action TEXT NOT NULL,
  arguments_digest TEXT NOT NULL, result TEXT, claimed_at TEXT NOT NULL, done_at TEXT,
  PRIMARY KEY (tenant, person, idempotency_key)
)""",
    "CREATE INDEX IF NOT EXISTS action_keys_by_age ON action_keys (claimed_at)",
    """CREATE TABLE IF NOT EXISTS saved_queries (
  tenant TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL, database_name TEXT NOT NULL, title TEXT NOT NULL,
  sql TEXT NOT NULL, parameters TEXT NOT NULL, saved_at TEXT NOT NULL,
  PRIMARY KEY (tenant, person, name)
)""",
)
_SQLITE = "sqlite:///"
_CONNECTION: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": WAIT_S,
    "prepare_threshold": None,  # which would fail behind PgBouncer
}
_PLACEHOLDER = re.compile(r":([a-z_]+)")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a key. `result` is None when it was claimed and not ended, or not yet."""

    action: str
    arguments_digest: str
    result: str | None
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """A query that a person saved."""

    name: str
    database: str
    title: str
    sql: str
    parameters_json: str
    """Name → parameter, as JSON."""


class Backend(Protocol):
    """Runs single statements that bind :name, each in a transaction of its own. Raises StoreAway."""

    async def start(self) -> None:
        """Make what is not there. Raises BadSetup."""
        ...

    async def close(self) -> None: ...

    async def run(self, sql: str, values: Mapping[str, str]) -> Sequence[Row]:
        """The rows that the statement gives, none for one that gives none."""
        ...


def open_store(url: str) -> "Store":
    """The store at `sqlite:////absolute/path.db` or `postgresql://…`; nothing is opened before `start`.

    Raises:
        BadSetup: the URL names neither. The text does not repeat it: it may hold a password.
    """
    path = sqlite_path_of(url)
    if path is not None:
        return Store(SqliteBackend(path))
    if url.startswith(("postgresql://", "postgres://")):
        return Store(PostgresBackend(url))
    raise BadSetup(
        "The store's URL is not understood; it is sqlite:////absolute/path.db or postgresql://user@host/name."
    )


def sqlite_path_of(url: str) -> Path | None:
    """The file that a store's URL names, None when it names none. Spaces and the like are written as %20."""
    path = unquote(url.removeprefix(_SQLITE))
    return Path(path) if url.startswith(_SQLITE) and path else None


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Store:
    """Every method may raise StoreAway. Belongs to one event loop."""

    backend: Backend
    now: Callable[[], datetime] = _utc_now
    _pruned_at: datetime | None = field(default=None, init=False)

    async def start(self) -> None:
        """Make the tables where they are not. Safe with several replicas at once.

        Raises:
            BadSetup: the store cannot be reached or written.
        """
        await self.backend.start()
        try:
            await self._prune_if_due()
        except StoreAway as error:
            raise BadSetup(str(error)) from error

    async def close(self) -> None:
        """Let connections go."""
        await self.backend.close()

    async def problem(self) -> str | None:
        """Why the store cannot be used right now, for the readiness check."""
        try:
            await self.backend.run("SELECT count(*) FROM saved_queries WHERE tenant = ''", {})
        except StoreAway as error:
            return str(error)
        return None

    async def claim(
        self, caller: Principal, key: str, action: str, arguments_digest: str
    ) -> Entry | None:
        """Take a key. None: it was new and is now the caller's; else what is known of it."""
        await self._prune_if_due()
        values = _of(caller, key) | {
            "action": action,
            "digest": arguments_digest,
            "now": _text(self.now()),
        }
        while True:
            taken = await self.backend.run(
                "INSERT INTO action_keys (tenant, person, idempotency_key, action, arguments_digest, claimed_at) "
                "VALUES (:tenant, :person, :key, :action, :digest, :now) ON CONFLICT DO NOTHING RETURNING action",
                values,
            )
            if taken:
                return None
            known = await self.find(caller, key)
            if known is not None:  # Else it was given back between the two statements.
                return known

    async def find(self, caller: Principal, key: str) -> Entry | None:
        """What is known of a key, which is left as it is."""
        found = await self.backend.run(
            "SELECT action, arguments_digest, result, claimed_at FROM action_keys "
            "WHERE tenant = :tenant AND person = :person AND idempotency_key = :key",
            _of(caller, key),
        )
        if not found:
            return None
        name, digest, result, claimed_at = found[0]
        return Entry(name, digest, result, datetime.fromisoformat(claimed_at))

    async def end(self, caller: Principal, key: str, result: str) -> None:
        """Note that the action was done, with its result."""
        await self.backend.run(
            "UPDATE action_keys SET result = :result, done_at = :now "
            "WHERE tenant = :tenant AND person = :person AND idempotency_key = :key",
            _of(caller, key) | {"result": result, "now": _text(self.now())},
        )

    async def release(self, caller: Principal, key: str) -> None:
        """Give a key back: nothing was done under it."""
        await self.backend.run(
            "DELETE FROM action_keys WHERE tenant = :tenant AND person = :person AND idempotency_key = :key "
            "AND result IS NULL",
            _of(caller, key),
        )

    async def save_query(self, owner: Principal, query: StoredQuery) -> None:
        """Keep a query under its name.

        Raises:
            NameTaken: this person has one of that name; it is left as it is.
            TooManySaved: this person has as many as one may have.
        """
        saved = await self.backend.run(
            "SELECT name FROM saved_queries WHERE tenant = :tenant AND person = :person",
            _person(owner),
        )
        if len(saved) >= MAX_SAVED_QUERIES:
            raise TooManySaved(
                f"You have {MAX_SAVED_QUERIES} saved queries, which is the most.",
                hint="Delete one first.",
            )
        taken = await self.backend.run(
            "INSERT INTO saved_queries (tenant, person, name, database_name, title, sql, parameters, saved_at) "
            "VALUES (:tenant, :person, :name, :database, :title, :sql, :parameters, :now) "
            "ON CONFLICT DO NOTHING RETURNING name",
            _person(owner)
            | {
                "name": query.name,
                "database": query.database,
                "title": query.title,
                "sql": query.sql,
                "parameters": query.parameters_json,
                "now": _text(self.now()),
            },
        )
        if not taken:
            raise NameTaken(
                f"You have saved a query {query.name} already.",
                hint="Take another name, or delete it first.",
            )

    async def list_queries(self, owner: Principal) -> list[StoredQuery]:
        """This person's queries, by name."""
        rows = await self.backend.run(
            "SELECT name, database_name, title, sql, parameters FROM saved_queries "
            "WHERE tenant = :tenant AND person = :person ORDER BY name",
            _person(owner),
        )
        return [StoredQuery(*row) for row in rows]

    async def find_query(self, owner: Principal, name: str) -> StoredQuery | None:
        """This person's query of that name."""
        rows = await self.backend.run(
            "SELECT name, database_name, title, sql, parameters FROM saved_queries "
            "WHERE tenant = :tenant AND person = :person AND name = :name",
            _person(owner) | {"name": name},
        )
        return StoredQuery(*rows[0]) if rows else None

    async def remove_query(self, owner: Principal, name: str) -> bool:
        """Forget a query. False: there was none of that name."""
        removed = await self.backend.run(
            "DELETE FROM saved_queries WHERE tenant = :tenant AND person = :person AND name = :name RETURNING name",
            _person(owner) | {"name": name},
        )
        return bool(removed)

    async def remove_tenant(self, tenant: str) -> None:
        """Forget what any person of the tenant has done and saved."""
        values = {"tenant": tenant}
        await self.backend.run("DELETE FROM action_keys WHERE tenant = :tenant", values)
        await self.backend.run("DELETE FROM saved_queries WHERE tenant = :tenant", values)

    async def _prune_if_due(self) -> None:
        now = self.now()
        if self._pruned_at is not None and now - self._pruned_at < PRUNED_EVERY:
            return
        await self.backend.run(
            "DELETE FROM action_keys WHERE claimed_at < :oldest", {"oldest": _text(now - KEPT)}
        )
        self._pruned_at = now


class SqliteBackend:
    """One file. Every call opens and closes it: calls are rare, and threads differ."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def start(self) -> None:
        """Make the file if it is not there, for its owner's eyes only: results are kept in it. Raises BadSetup."""
        await asyncio.to_thread(self._make)

    async def close(self) -> None:
        """Nothing is open between calls."""

    async def run(self, sql: str, values: Mapping[str, str]) -> Sequence[Row]:
        return await asyncio.to_thread(self._run, sql, values)

    def _make(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            with closing(self._connect("rwc")) as connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise BadSetup(f"The store {self.path} cannot be written: {error}.") from None

    def _run(self, sql: str, values: Mapping[str, str]) -> list[Row]:
        try:
            with closing(self._connect("rw")) as connection:
                return connection.execute(sql, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            raise StoreAway("The server's own store cannot be used right now.") from error

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None)


class PostgresBackend:
    """A small pool to one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = AsyncConnectionPool(
            url,
            kwargs=_CONNECTION,
            min_size=1,
            max_size=4,
            timeout=WAIT_S,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
            name="store",
            open=False,
        )

    async def start(self) -> None:
        """Make the tables if they are not there; a login without CREATE will do when they are. Raises BadSetup."""
        try:
            # Not from the pool, which would try again and again before it says that there is nobody.
            connection = await psycopg.AsyncConnection.connect(self._url, **_CONNECTION)
            async with connection, connection.transaction():
                await _make_tables(connection)
        except psycopg.Error as error:
            state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
            raise BadSetup(
                f"The store on PostgreSQL cannot be reached or written{state}."
            ) from error
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    async def run(self, sql: str, values: Mapping[str, str]) -> Sequence[Row]:
        try:
            async with self._pool.connection() as connection:
                statement = _PLACEHOLDER.sub(r"%(\1)s", sql).encode()
                cursor = await connection.execute(statement, values)
                return await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, PoolTimeout, PoolClosed, UnicodeError) as error:
            raise StoreAway("The server's own store cannot be used right now.") from error


async def _make_tables(connection: psycopg.AsyncConnection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
    found = await connection.execute(
        "SELECT to_regclass('action_keys') IS NOT NULL AND to_regclass('saved_queries') IS NOT NULL"
    )
    if await found.fetchone() == (True,):
        return
    for statement in _TABLES:
        await connection.execute(statement.encode())


async def _configure(connection: psycopg.AsyncConnection) -> None:
    # A claim that a crash could undo would let an action be done twice, whatever the database's default is.
    await connection.execute("SET synchronous_commit = on")
    await connection.execute(f"SET statement_timeout = '{WAIT_S}s'".encode())


def _person(caller: Principal) -> dict[str, str]:
    return {"tenant": caller.tenant, "person": caller.subject}


def _of(caller: Principal, key: str) -> dict[str, str]:
    return _person(caller) | {"key": key}


def _text(moment: datetime) -> str:
    """In one width, so that texts compare as their moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
