"""The orchestrator's database: engine, short transactions, and the base its tables share."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import MetaData, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
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
CONNECT_TIMEOUT_S = 3
COMMAND_TIMEOUT_S = 8
"""A PostgreSQL that is silent for longer is away: no request of ours may wait for ever."""
IDLE_IN_TRANSACTION_S = 3
"""A replica that is paused within a transaction loses its locks after this: the others wait for them."""
TRANSACTION_S = 5
"""The same for one that is paused between two messages of a statement, when PostgreSQL takes it for active. Known
from PostgreSQL 17 on; an older one frees such locks only when the connection ends."""
_BOUND_TRANSACTIONS = (
    f"SELECT set_config('transaction_timeout', '{TRANSACTION_S}s', false) "
    "WHERE current_setting('server_version_num')::int >= 170000"
)
_AWAY = ("08", "53", "57P", "25P03", "25P04")
"""SQLSTATE classes of broken connections, of a server out of resources, of one that stops or starts, and of
transactions that were idle or took too long (PostgreSQL documentation, appendix A)."""


class DatabaseAway(Exception):
    """The database cannot be reached or does not answer. What was not committed is undone; try again later."""


class Base(DeclarativeBase):
    """Base of all tables; constraints get predictable names so that migrations can address them."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Database:
    """Opens short transactions. Never hold one while a model, a person or a network thinks."""

    def __init__(self, url: str, *, bounded: bool = True) -> None:
        """`bounded=False` is for commands that may take their time, such as migrations."""
        self.engine = _create_engine(url, bounded=bounded)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite cannot turn a reading transaction into a writing one once somebody else has written
        # (SQLITE_BUSY_SNAPSHOT), so writers say so at BEGIN and then wait their turn.
        writer = self.engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._readers = async_sessionmaker(self.engine, expire_on_commit=False)
        self._writers = async_sessionmaker(writer, expire_on_commit=False)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """Raises DatabaseAway when it cannot be reached, from anywhere within the block."""
        with _naming_its_absence():
            async with self._readers() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncSession]:
        """Commits when the block ends, rolls back when it raises.

        Raises DatabaseAway like `reading`; when the end of the block raises it, the commit may have been done.
        """
        with _naming_its_absence():
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


@contextmanager
def _naming_its_absence() -> Generator[None]:
    try:
        yield
    except (OSError, PoolExhausted) as error:  # the driver's own timeouts are OSErrors too
        raise DatabaseAway(type(error).__name__) from error
    except DBAPIError as error:
        if not _is_away(error):
            raise
        raise DatabaseAway(type(error.orig).__name__) from error


def _is_away(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error.orig, OSError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_AWAY)
    return "locked" in str(error.orig)  # SQLite has no SQLSTATE


def _create_engine(url: str, *, bounded: bool) -> AsyncEngine:
    if url.startswith("sqlite"):
        engine = create_async_engine(url)
    else:
        engine = create_async_engine(
            url, pool_pre_ping=True, connect_args=_timeouts() if bounded else {}
        )
        if bounded:
            event.listen(engine.sync_engine, "connect", _bound_transactions)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _timeouts() -> dict[str, Any]:
    """What the driver and the server are told, in seconds and in milliseconds."""
    return {
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": COMMAND_TIMEOUT_S,
        "server_settings": {
            "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S * 1_000}",
        },
    }


def _bound_transactions(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(_BOUND_TRANSACTIONS)
    cursor.close()
    connection.commit()


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling begins too late; we say BEGIN ourselves.
    connection.isolation_level = None
    prepare_sqlite(connection)


def _begin_sqlite(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN"))
