"""The orchestrator's tables, version by version. Run as a command, never inside web start-up."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from shared.sql import migration_config


def alembic_config(database_url: str) -> Config:
    """For running them."""
    return migration_config(Path(__file__).parent, database_url)


def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the database to a revision. Does nothing when it is there already."""
    command.upgrade(alembic_config(database_url), revision)


def downgrade(database_url: str, revision: str) -> None:
    """Take the database back to a revision."""
    command.downgrade(alembic_config(database_url), revision)
