"""Alembic's entry: runs migrations over the service's own asynchronous engine."""

import asyncio

from alembic import context
from sqlalchemy.engine import Connection

from orchestrator.approvals import models as approval_models
from orchestrator.audit import models as audit_models
from orchestrator.connections import models as connection_models
from orchestrator.conversations import models as conversation_models
from orchestrator.database import Base, Database
from orchestrator.grants import models as grant_models
from orchestrator.inputs import models as input_models
from orchestrator.tools import models as tool_models
from orchestrator.turns import models as turn_models

TABLES = (
    approval_models,
    audit_models,
    connection_models,
    conversation_models,
    grant_models,
    input_models,
    tool_models,
    turn_models,
)
"""Imported so that their tables are known to the metadata that migrations are compared with."""


SEARCH_INDEXES = ("message_words", "ix_message_texts_words")
"""What only one database has, so that no model declares it: FTS5's tables, PostgreSQL's index of an expression."""


def _is_declared(name: str | None, *_: object) -> bool:
    return name is None or not name.startswith(SEARCH_INDEXES)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=_is_declared,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    database = Database(context.config.attributes["database_url"], bounded=False)
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await database.close()


asyncio.run(_run())
