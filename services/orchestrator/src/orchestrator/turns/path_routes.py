"""The turns of a conversation over HTTP: the path that is shown, and which versions it leads through."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow
from orchestrator.conversations.queries import as_conversation, get_conversation
from orchestrator.deps import Caller, Db, PathId
from orchestrator.turns.log import list_events_of
from orchestrator.turns.tree import get_newest_below, get_turn_of, list_path, list_versions
from shared.wire.api import ConversationDetail, ShownVersion, Turn, TurnState

TURNS_SHOWN = 50

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.get("/{conversation_id}")
async def read_conversation(
    conversation_id: PathId,
    caller: Caller,
    db: Db,
    before: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="Turns before this position.")
    ] = None,
) -> ConversationDetail:
    """A conversation with the latest turns of the path that is shown, oldest first, each as its stored events."""
    async with db.reading() as session:
        conversation = await get_conversation(session, conversation_id, caller)
        return await _detail(session, conversation, before)


@router.put("/{conversation_id}/head")
async def show_version(
    conversation_id: PathId, version: ShownVersion, caller: Caller, db: Db
) -> ConversationDetail:
    """Show another version of a question, with the latest that followed from it. The next question goes on there."""
    async with db.writing() as session:
        conversation = await get_conversation(session, conversation_id, caller, lock=True)
        turn = await get_turn_of(session, conversation_id, version.turn_id)
        conversation.head_turn_id = await get_newest_below(session, turn)
        return await _detail(session, conversation, before=None)


async def _detail(
    session: AsyncSession, conversation: ConversationRow, before: int | None
) -> ConversationDetail:
    rows = await list_path(
        session, conversation.head_turn_id, limit=TURNS_SHOWN, before_position=before
    )
    events = await list_events_of(session, [row.turn_id for row in rows])
    versions = await list_versions(session, conversation.conversation_id, rows)
    return ConversationDetail(
        **as_conversation(conversation).model_dump(),
        turns=[
            Turn(
                turn_id=row.turn_id,
                client_id=row.client_id,
                position=row.position,
                state=TurnState(row.state),
                events=events[row.turn_id],
                versions=versions.get(row.turn_id, []),
            )
            for row in rows
        ],
        earlier_turns=bool(rows) and rows[0].parent_turn_id is not None,
    )
