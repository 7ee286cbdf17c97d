"""The end of a tenant: everything of theirs, the ledger and the audit chain too, in short transactions.

Each one takes a part, so that a large tenant needs no long one, and whoever is interrupted goes on by asking again.
"""

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from orchestrator.approvals.models import ApprovalRow
from orchestrator.audit.models import AuditHead, AuditRow
from orchestrator.connections.endings import end_part_of_tenant
from orchestrator.connections.models import ConnectionRow, RemoteServerRow, SignInRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.conversations.models import ConversationRow
from orchestrator.database import Database
from orchestrator.grants.models import GrantRow
from orchestrator.inputs.models import InputRow
from orchestrator.tools.models import ToolCallRow, ToolDefinitionRow

ROWS_AT_ONCE = 500
CONVERSATIONS_AT_ONCE = 20
"""With all their turns and events."""
PARTS_A_REQUEST = 20

# Whatever belongs to a conversation goes with it. The chain is last: it says what was done until the end.
_TABLES = (
    (ConversationRow, ConversationRow.conversation_id, CONVERSATIONS_AT_ONCE),
    (ApprovalRow, ApprovalRow.call_id, ROWS_AT_ONCE),
    (InputRow, InputRow.input_id, ROWS_AT_ONCE),
    (ConnectionRow, ConnectionRow.connection_id, ROWS_AT_ONCE),
    (SignInRow, SignInRow.state_hash, ROWS_AT_ONCE),
    (GrantRow, GrantRow.grant_id, ROWS_AT_ONCE),
    (ToolDefinitionRow, ToolDefinitionRow.server, ROWS_AT_ONCE),
    (ToolCallRow, ToolCallRow.call_id, ROWS_AT_ONCE),
    (AuditRow, AuditRow.seq, ROWS_AT_ONCE),
    (AuditHead, AuditHead.tenant_id, ROWS_AT_ONCE),
)


async def remove_part(
    db: Database,
    tenant_id: str,
    connections: ConnectionParts | None = None,
    parts: int = PARTS_A_REQUEST,
) -> bool:
    """Delete so many parts at most. Whether nothing of the tenant is left.

    People's connections are revoked first, and no more than a part of them at a time; without `connections` nobody can
    read their tokens.
    """
    if connections is not None and await end_part_of_tenant(connections, tenant_id):
        return False
    for table, key, rows in _TABLES:
        while await _remove(db, table, key, tenant_id, rows):
            parts -= 1
            if parts <= 0:
                return False
    await _forget_servers(db, tenant_id)
    return True


async def _forget_servers(db: Database, tenant_id: str) -> None:
    """Only their keys stay, which nobody is to inherit."""
    now_nobodys = {
        "tenant_id": "",
        "url": "",
        "added_by": "",
        "is_enabled": False,
        "removed_at": func.coalesce(RemoteServerRow.removed_at, RemoteServerRow.added_at),
    }
    async with db.writing() as session:
        await session.execute(
            update(RemoteServerRow)
            .where(RemoteServerRow.tenant_id == tenant_id)
            .values(now_nobodys)
        )


async def _remove(
    db: Database,
    table: type[
        ConversationRow
        | ApprovalRow
        | InputRow
        | ConnectionRow
        | SignInRow
        | GrantRow
        | ToolCallRow
        | ToolDefinitionRow
        | AuditRow
        | AuditHead
    ],
    key: InstrumentedAttribute[str] | InstrumentedAttribute[int],
    tenant_id: str,
    rows: int,
) -> bool:
    """Whether there was something to delete."""
    some = select(key).where(table.tenant_id == tenant_id).limit(rows)
    async with db.writing() as session:
        removed = await session.execute(
            delete(table).where(table.tenant_id == tenant_id, key.in_(some)).returning(key)
        )
        return removed.first() is not None
