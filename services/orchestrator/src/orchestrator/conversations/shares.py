"""Share links: a conversation as it was at one moment, readable by whoever has the link, until it is withdrawn."""

import re
import secrets
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow, ShareRow
from shared.errors import NotFound
from shared.wire.api import Share

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


async def set_share(
    session: AsyncSession,
    conversation: ConversationRow,
    *,
    last_turn_id: str,
    turns: int,
    now: datetime,
) -> ShareRow:
    """Share the conversation as it is now. A link that was given out before shows this from now on."""
    row = await session.get(ShareRow, conversation.conversation_id)
    if row is None:
        row = ShareRow(
            conversation_id=conversation.conversation_id,
            token=secrets.token_urlsafe(TOKEN_BYTES),
        )
        session.add(row)
    row.title = conversation.title
    row.last_turn_id = last_turn_id
    row.turns = turns
    row.shared_at = now
    await session.flush()
    return row


async def get_share(session: AsyncSession, conversation_id: str) -> ShareRow:
    """Raises NotFound when the conversation, which the caller has made sure is theirs, is not shared."""
    row = await session.get(ShareRow, conversation_id)
    if row is None:
        raise NotFound("This conversation is not shared.")
    return row


async def remove_share(session: AsyncSession, conversation_id: str) -> None:
    """Withdraw the link for good: sharing again makes another one."""
    await session.execute(delete(ShareRow).where(ShareRow.conversation_id == conversation_id))


async def get_share_by_token(session: AsyncSession, token: str) -> ShareRow:
    """Raises NotFound when there is no such link, or it was withdrawn: both read the same."""
    row = None
    if _TOKEN.fullmatch(token):
        row = await session.scalar(select(ShareRow).where(ShareRow.token == token))
    if row is None:
        raise NotFound("This link leads nowhere. It may have been withdrawn.")
    return row


def as_share(row: ShareRow) -> Share:
    return Share(token=row.token, created_at=row.shared_at, turns=row.turns)
