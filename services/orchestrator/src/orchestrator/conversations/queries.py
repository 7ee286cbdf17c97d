"""Every statement on conversations. Each names the person and the tenant it is for."""

import base64
import binascii
from datetime import datetime

from sqlalchemy import Select, delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow
from shared.errors import InvalidInput, NotFound
from shared.service_tokens import Principal
from shared.wire.api import Conversation, ConversationPage

NEW_TITLE = "New conversation"


async def find_conversation(
    session: AsyncSession, conversation_id: str, owner: Principal, *, lock: bool = False
) -> ConversationRow | None:
    """`lock`: see `lock_conversation`."""
    query = select(ConversationRow).where(
        ConversationRow.conversation_id == conversation_id,
        ConversationRow.tenant_id == owner.tenant,
        ConversationRow.owner_id == owner.subject,
    )
    return await session.scalar(_locking(query) if lock else query)


async def get_conversation(
    session: AsyncSession, conversation_id: str, owner: Principal, *, lock: bool = False
) -> ConversationRow:
    """Raises NotFound when it is absent or somebody else's: both read the same."""
    row = await find_conversation(session, conversation_id, owner, lock=lock)
    if row is None:
        raise NotFound("There is no such conversation.")
    return row


async def lock_conversation(session: AsyncSession, conversation_id: str) -> ConversationRow | None:
    """The conversation, with its path and its queue held still until the end of the transaction.

    Whoever also writes turns locks the conversation first, so that nobody waits in a circle.
    """
    return await session.scalar(
        _locking(select(ConversationRow).where(ConversationRow.conversation_id == conversation_id))
    )


def _locking(query: Select[ConversationRow]) -> Select[ConversationRow]:
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)


async def add_conversation(
    session: AsyncSession,
    conversation_id: str,
    owner: Principal,
    now: datetime,
    *,
    temporary: bool,
) -> tuple[ConversationRow, bool]:
    """The conversation with this client-made id, and whether it was made just now. An older one stays as it is.

    Raises:
        NotFound: the id is taken by somebody else, which must not be told from an unusable id.
    """
    row = await session.get(ConversationRow, conversation_id)
    if row is not None:
        if (row.tenant_id, row.owner_id) != (owner.tenant, owner.subject):
            raise NotFound("There is no such conversation.")
        return row, False
    row = ConversationRow(
        conversation_id=conversation_id,
        tenant_id=owner.tenant,
        owner_id=owner.subject,
        title=NEW_TITLE,
        head_turn_id=None,
        temporary=temporary,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    await session.flush()
    return row, True


async def list_conversations(
    session: AsyncSession, owner: Principal, *, limit: int, before: str | None
) -> ConversationPage:
    """Latest activity first, without temporary ones. `before` is the `next_before` of the page above."""
    query = (
        select(ConversationRow)
        .where(
            ConversationRow.tenant_id == owner.tenant,
            ConversationRow.owner_id == owner.subject,
            ConversationRow.temporary.is_(False),
        )
        .order_by(ConversationRow.updated_at.desc(), ConversationRow.conversation_id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(
            tuple_(ConversationRow.updated_at, ConversationRow.conversation_id)
            < tuple_(*_decode_cursor(before))
        )
    rows = list(await session.scalars(query))
    page = rows[:limit]
    return ConversationPage(
        conversations=[as_conversation(row) for row in page],
        next_before=_encode_cursor(page[-1]) if len(rows) > limit else None,
    )


async def touch_conversation(session: AsyncSession, conversation_id: str, now: datetime) -> None:
    """Something happened in it: it moves up in the list."""
    await session.execute(
        update(ConversationRow)
        .where(ConversationRow.conversation_id == conversation_id)
        .values(updated_at=now)
    )


async def remove_conversation(
    session: AsyncSession, conversation_id: str, owner: Principal
) -> None:
    """Deletes the conversation and its turns. The ledger of tool calls stays: it proves what was done."""
    await get_conversation(session, conversation_id, owner)
    await session.execute(
        delete(ConversationRow).where(
            ConversationRow.conversation_id == conversation_id,
            ConversationRow.tenant_id == owner.tenant,
            ConversationRow.owner_id == owner.subject,
        )
    )


def as_conversation(row: ConversationRow) -> Conversation:
    return Conversation(
        conversation_id=row.conversation_id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        temporary=row.temporary,
    )


def _encode_cursor(row: ConversationRow) -> str:
    text = f"{row.updated_at.isoformat()} {row.conversation_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, conversation_id = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        return datetime.fromisoformat(at), conversation_id
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "`before` is not a cursor of this list. Leave it out to start."
        ) from None
