"""What both services with a database share: names of constraints, instants, SQLite's settings, migrations as commands.

Imported by those services only; SQLAlchemy and Alembic are their dependencies, not this package's.
"""

from datetime import UTC, datetime
from pathlib import Path

from alembic.config import Config
from sqlalchemy import DateTime, Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.types import TypeDecorator

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Predictable names, so that migrations can address constraints."""

SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # what was acknowledged survives a power cut too, for one fsync a commit
    "foreign_keys=ON",
    "busy_timeout=15000",
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant on every engine. SQLite stores no zone, so it is put back when reading.

    Raises:
        ValueError: a naive datetime was to be stored.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("A naive datetime cannot be stored.")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def prepare_sqlite(connection: DBAPIConnection) -> None:
    """Set a new SQLite connection up."""
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def migration_config(folder: Path, database_url: str) -> Config:
    """Alembic's configuration for a service's migrations, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["database_url"] = database_url
    return config


def utc_now() -> datetime:
    """The clock that is passed to whatever needs the time."""
    return datetime.now(UTC)
