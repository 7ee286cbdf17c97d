"""The identity database: engine, short transactions, and the base its tables share."""

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from shared.sql import NAMING_CONVENTION, prepare_sqlite


class Base(DeclarativeBase):
    """Base of all tables; constraints get predictable names so that migrations can address them."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Database:
    """Opens short transactions."""

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Generator[Session]:
        """Commits when the block ends, rolls back when it raises."""
        with self._sessions.begin() as session:
            yield session


@contextmanager
def closing_database(url: str) -> Generator[Database]:
    """For commands: closed at the end."""
    database = Database(url)
    try:
        yield database
    finally:
        database.engine.dispose()


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    prepare_sqlite(connection)
