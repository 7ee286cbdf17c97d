"""Every statement on the ledger of calls and on accepted definitions."""

from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.tools.fingerprint import canonical_hash
from orchestrator.tools.models import ToolCallRow, ToolDefinitionRow, WholeResultRow
from shared.errors import NotFound
from shared.service_tokens import Principal
from shared.wire.events import CallState

EVERY_TENANT = ""


async def get_call(session: AsyncSession, call_id: str, owner: Principal) -> ToolCallRow:
    """Raises NotFound when it is absent or somebody else's."""
    row = await session.scalar(
        select(ToolCallRow).where(
            ToolCallRow.call_id == call_id,
            ToolCallRow.tenant_id == owner.tenant,
            ToolCallRow.owner_id == owner.subject,
        )
    )
    if row is None:
        raise NotFound("There is no such call.")
    return row


async def get_call_to_send(session: AsyncSession, call_id: str) -> ToolCallRow:
    """For the turn's own runner, which has proved by its lease that the call is its to send."""
    return await session.get_one(ToolCallRow, call_id)


async def get_whole_result(session: AsyncSession, call_id: str, owner: Principal) -> str:
    """The whole of a result that an event holds only a part of, as JSON.

    Raises:
        NotFound: the call is absent or somebody else's, or its event holds all there is.
    """
    content = await session.scalar(
        select(WholeResultRow.content).where(
            WholeResultRow.call_id == call_id,
            WholeResultRow.tenant_id == owner.tenant,
            WholeResultRow.owner_id == owner.subject,
        )
    )
    if content is None:
        raise NotFound("There is no more of this result than the call shows.")
    return content


async def approve_call(session: AsyncSession, call_id: str, arguments: dict[str, Any]) -> None:
    await session.execute(
        update(ToolCallRow)
        .where(ToolCallRow.call_id == call_id)
        .values(
            state=CallState.APPROVED, arguments=arguments, arguments_hash=canonical_hash(arguments)
        )
    )


async def mark_sent(session: AsyncSession, call_id: str, now: datetime) -> None:
    """Written before the request leaves: after a crash, `sent` without an end means it may have been done."""
    await session.execute(
        update(ToolCallRow)
        .where(ToolCallRow.call_id == call_id)
        .values(state=CallState.SENT, sent_at=now)
    )


async def mark_outcome_unknown(session: AsyncSession, call_id: str, why: str) -> None:
    """The answer was lost. It stays so until the person has chosen what to do about it."""
    await session.execute(
        update(ToolCallRow)
        .where(ToolCallRow.call_id == call_id)
        .values(state=CallState.OUTCOME_UNKNOWN, error=why)
    )


async def end_call(
    session: AsyncSession, call_id: str, state: CallState, error: str | None, now: datetime
) -> None:
    await session.execute(
        update(ToolCallRow)
        .where(ToolCallRow.call_id == call_id)
        .values(state=state, error=error, finished_at=now)
    )


async def find_definitions(
    session: AsyncSession, server: str, tenant_id: str
) -> dict[str, tuple[str, dict[str, JsonValue]]]:
    """Definitions of a server's tools that hold for a tenant: name → hash and definition."""
    rows = await session.scalars(
        select(ToolDefinitionRow)
        .where(
            ToolDefinitionRow.server == server,
            ToolDefinitionRow.tenant_id.in_((EVERY_TENANT, tenant_id)),
        )
        .order_by(ToolDefinitionRow.tenant_id)  # the tenant's own comes last, and counts
    )
    return {row.tool: (row.definition_hash, row.definition) for row in rows}


async def find_definition(
    session: AsyncSession, server: str, tool: str, tenant_id: str
) -> ToolDefinitionRow | None:
    """The definition of one tool that holds for a tenant."""
    key = (server, tool)
    return await session.get(ToolDefinitionRow, (tenant_id, *key)) or await session.get(
        ToolDefinitionRow, (EVERY_TENANT, *key)
    )


async def forget_definitions(session: AsyncSession, server: str) -> int:
    """Those of a server, accepted by whichever tenant; how many they were. What it says next is its first word."""
    forgotten = await session.scalars(
        delete(ToolDefinitionRow)
        .where(ToolDefinitionRow.server == server)
        .returning(ToolDefinitionRow.tool)
    )
    return len(forgotten.all())


async def add_definition(
    session: AsyncSession,
    server: str,
    tool: str,
    value: dict[str, JsonValue],
    *,
    tenant_id: str,
    accepted_by: str,
    now: datetime,
    replace: bool = False,
) -> None:
    """Accept a definition. Without `replace`, one that another replica accepted first stays."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    values = {
        "tenant_id": tenant_id,
        "server": server,
        "tool": tool,
        "definition_hash": canonical_hash(value),
        "definition": value,
        "accepted_by": accepted_by,
        "accepted_at": now,
    }
    key = ["tenant_id", "server", "tool"]
    statement = (sqlite_insert if is_sqlite else postgres_insert)(ToolDefinitionRow).values(values)
    if replace:
        changed = {name: new for name, new in values.items() if name not in key}
        await session.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))
    else:
        await session.execute(statement.on_conflict_do_nothing(index_elements=key))
