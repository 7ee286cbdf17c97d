"""The end of temporary conversations. Their tool calls and decisions stay: they prove what was done."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow
from orchestrator.turns.models import TurnRow
from orchestrator.turns.tree import UNFINISHED

MAX_REMOVED_AT_ONCE = 50


async def list_outdated(session: AsyncSession, until: datetime) -> list[str]:
    """Temporary conversations in which nothing has happened since `until` and nothing goes on."""
    return list(
        await session.scalars(
            select(ConversationRow.conversation_id)
            .where(_is_outdated(until))
            .limit(MAX_REMOVED_AT_ONCE)
        )
    )


async def remove_outdated(
    session: AsyncSession, conversation_ids: Sequence[str], until: datetime
) -> None:
    """Delete those of them that are still outdated, with their turns."""
    await session.execute(
        delete(ConversationRow).where(
            ConversationRow.conversation_id.in_(conversation_ids), _is_outdated(until)
        )
    )


def _is_outdated(until: datetime) -> ColumnElement[bool]:
    goes_on = exists().where(
        TurnRow.conversation_id == ConversationRow.conversation_id, TurnRow.state.in_(UNFINISHED)
    )
    return and_(ConversationRow.temporary, ConversationRow.updated_at <= until, ~goes_on)
