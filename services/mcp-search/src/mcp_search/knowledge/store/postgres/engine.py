"""Runs steps in a PostgreSQL database, in a schema of its own, on a pool of connections."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import psycopg
from pgvector.psycopg import register_vector_async
from psycopg import AsyncConnection, IsolationLevel, errors
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.store.postgres.index import PostgresIndex
from mcp_search.knowledge.store.steps import Ask, Duplicate, Row, Steps, T, bindable
from mcp_search.knowledge.store.upgrades import UPGRADES, VERSION
from shared.errors import BadSetup

SCHEMA = "knowledge"
CONNECTIONS = 8
WAIT_S = 10
"""For a connection, and for what a reading statement takes."""
WRITE_S = 300
"""For a statement that writes; a large document's text and words are one."""
_LOCK = 0x4B_4E_4F_57
"""An advisory lock's number of our own: two replicas that start at once must not both make the tables."""
_PLACE = re.compile(r"(?<!:):([a-z_][a-z_0-9]*)")
_OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "connect_timeout": WAIT_S,
    "prepare_threshold": None,  # which would fail behind PgBouncer
}


class PostgresEngine:
    """Settings are made for each transaction, since a pooler between may give each to another session."""

    def __init__(self, url: str) -> None:
        """Nothing is opened before `start`."""
        self._url = url
        self._pool = AsyncConnectionPool(
            url,
            kwargs=_OPTIONS,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_S,
            configure=register_vector_async,
            open=False,
        )
        self.index = PostgresIndex()

    async def start(self) -> None:
        """Make schema and tables where they are not. Safe with several replicas at once. Raises BadSetup."""
        try:
            async with await AsyncConnection.connect(self._url, **_OPTIONS) as connection:
                await _prepare(connection)
            await self._pool.open(wait=True, timeout=WAIT_S)
        except (psycopg.Error, PoolTimeout) as error:
            raise BadSetup(
                "The knowledge base's database cannot be used"
                f" ({type(error).__name__}): it must be reachable, and its user may create the schema {SCHEMA}"
                " and, where it is not there, the extension vector (pgvector 0.8 or later)."
            ) from None

    async def close(self) -> None:
        """Wait for what runs, then let connections go."""
        await self._pool.close()

    async def read(self, steps: Steps[T]) -> T:
        """Raises KnowledgeAway, and what the steps raise."""
        async with self._transaction(IsolationLevel.REPEATABLE_READ, WAIT_S) as connection:
            return await _run(connection, steps)

    async def write(self, steps: Steps[T]) -> T:
        """Raises KnowledgeAway, and what the steps raise."""
        async with self._transaction(IsolationLevel.READ_COMMITTED, WRITE_S) as connection:
            return await _run(connection, steps)

    @asynccontextmanager
    async def _transaction(
        self, isolation: IsolationLevel, longest_s: int
    ) -> AsyncGenerator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                await connection.set_isolation_level(isolation)
                async with connection.transaction():
                    await _settle(connection, longest_s)
                    yield connection
        except (psycopg.Error, PoolTimeout, PoolClosed) as error:
            raise KnowledgeAway(
                f"The knowledge base's database cannot be used ({type(error).__name__})."
            ) from None


async def _settle(connection: AsyncConnection, longest_s: int) -> None:
    settings = {
        "search_path": f"{SCHEMA}, public",
        "statement_timeout": f"{longest_s}s",
        "jit": "off",  # statements here are over before they were compiled
        # Else a search that may see few of the vectors stops before it has found k of them.
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.ef_search": "100",
    }
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    await connection.execute(f"SELECT {calls}".encode())


async def _run(connection: AsyncConnection, steps: Steps[T]) -> T:
    try:
        ask = next(steps)
        while True:
            try:
                rows = await _rows(connection, ask)
            except errors.UniqueViolation:
                ask = steps.throw(Duplicate())
            else:
                ask = steps.send(rows)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


async def _rows(connection: AsyncConnection, ask: Ask) -> list[Row]:
    sql = _PLACE.sub(r"%(\1)s", ask.sql).encode()
    async with connection.cursor() as cursor:
        if ask.many is not None:
            await cursor.executemany(sql, [bindable(values) for values in ask.many])
            return []
        await cursor.execute(sql, bindable(ask.values) if ask.values else None)
        return await cursor.fetchall() if cursor.description else []


async def _prepare(connection: AsyncConnection) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        await connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
        await connection.execute(f"SET LOCAL search_path = {SCHEMA}, public".encode())
        found = await connection.execute("SELECT to_regclass('schema_version') IS NOT NULL")
        if await found.fetchone() == (False,):
            schema = files("mcp_search.knowledge.store.postgres") / "schema.sql"
            await connection.execute(schema.read_bytes())
            await connection.execute("INSERT INTO schema_version VALUES (%s)", (VERSION,))
        cursor = await connection.execute("SELECT version FROM schema_version")
        [(version,)] = await cursor.fetchall()
        if version > VERSION:
            raise BadSetup("The knowledge base's database is of another version of this server.")
        for older in range(version, VERSION):
            await connection.execute(UPGRADES[older].encode())
        await connection.execute("UPDATE schema_version SET version = %s", (VERSION,))
        uploads = files("mcp_search.knowledge.store") / "uploads.sql"
        await connection.execute(uploads.read_bytes())
