"""Audit chains for tests: written as the product writes them, then looked at or tampered with."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from orchestrator.audit.chain import Break, Whole
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import list_chains, record
from orchestrator.audit.walk import EVERYTHING, Stretch, export_chain, verify_chain
from orchestrator.database import Database

FIRST_DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


async def write_rows(database: Database, rows: int, tenant_id: str = "acme") -> None:
    """One row a day and a transaction."""
    for day in range(rows):
        async with database.writing() as session:
            await record(
                session,
                tenant_id,
                AuditKind.DECISION,
                FIRST_DAY + timedelta(days=day),
                person="ada",
                turn_id="turn-1",
                call_id=f"call-{day}",
                body={"decision": "approved", "note": "Größe ≠ 1 \u2028 🙂", "day": day},
            )


async def verify(database: Database) -> list[Whole | Break]:
    """What becomes of every chain there is, by tenant."""
    async with database.reading() as session:
        tenants = await list_chains(session)
    return [await verify_chain(database, tenant) for tenant in tenants]


async def exported(
    database: Database, tenant_id: str = "acme", stretch: Stretch = EVERYTHING
) -> list[bytes]:
    """The lines of an export."""
    lines = export_chain(database, tenant_id, FIRST_DAY, stretch)
    return [line.encode() async for line in lines]


async def tamper(database: Database, statement: str, **values: Any) -> None:
    """What somebody with the database's password could do."""
    async with database.writing() as session:
        await session.execute(text(statement), values)
