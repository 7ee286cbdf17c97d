"""The orchestrator's database: engine, short transactions, and the base its tables share."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from shared.sql import NAMING_CONVENTION, prepare_sqlite

Work = Callable[[AsyncSession], Awaitable[object]]
_LAST = "work_done_last"


class Base(DeclarativeBase):
    """Base of all tables; constraints get predictable names so that migrations can address them."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Database:
    """Opens short transactions. Never hold one while a model, a person or a network thinks."""

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite cannot turn a reading transaction into a writing one once somebody else has written
        # (SQLITE_BUSY_SNAPSHOT), so writers say so at BEGIN and then wait their turn.
        writer = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._readers = async_sessionmaker(self.engine, expire_on_commit=False)
        self._writers = async_sessionmaker(writer, expire_on_commit=False)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        async with self._readers() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncSession]:
        """Commits when the block ends, rolls back when it raises."""
        async with self._writers.begin() as session:
            last: list[Work] = []
            session.info[_LAST] = last
            yield session
            await session.flush()
            for work in last:
                await work(session)

    async def close(self) -> None:
        await self.engine.dispose()


def do_last(session: AsyncSession, work: Work) -> None:
    """Have work done right before the commit, when all other locks are held already.

    What every transaction of a tenant must lock would otherwise be waited for in different orders, and two of them
    could wait for each other. The session must be one of `Database.writing`; in any other, KeyError is raised.
    """
    session.info[_LAST].append(work)


def _create_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling begins too late; we say BEGIN ourselves.
    connection.isolation_level = None
    prepare_sqlite(connection)


def _begin_sqlite(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))
