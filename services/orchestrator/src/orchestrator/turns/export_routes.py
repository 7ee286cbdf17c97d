"""Export of a conversation over HTTP."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.models import ConversationRow
from orchestrator.conversations.queries import get_conversation
from orchestrator.deps import Caller, Db, Now, PathId
from orchestrator.turns.answers import TURNS_AT_ONCE
from orchestrator.turns.export import (
    ConversationToExport,
    TurnToExport,
    content_disposition,
    to_json,
    to_markdown,
)
from orchestrator.turns.facts import fold
from orchestrator.turns.log import list_events_of
from orchestrator.turns.models import TurnRow
from orchestrator.turns.tree import list_all_turns, list_path
from shared.wire.api import TurnState
from shared.wire.events import Event

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


class ExportFormat(StrEnum):
    """What kind of file."""

    MARKDOWN = "markdown"
    JSON = "json"


@router.get(
    "/{conversation_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "A file to keep.",
            "content": {"text/markdown": {}, "application/json": {}},
        }
    },
)
async def export(
    conversation_id: PathId,
    caller: Caller,
    db: Db,
    now: Now,
    export_format: Annotated[
        ExportFormat,
        Query(
            alias="format",
            description="Markdown of the path that is shown, or JSON of all versions.",
        ),
    ] = ExportFormat.MARKDOWN,
) -> Response:
    """A whole conversation as a file, with what tools were told and what came of it."""
    async with db.reading() as session:
        row = await get_conversation(session, conversation_id, caller)
        conversation = await _load(session, row, now)
    if export_format is ExportFormat.JSON:
        content, media_type, extension = to_json(conversation), "application/json", "json"
    else:
        content, media_type, extension = to_markdown(conversation), "text/markdown", "md"
    headers = {"Content-Disposition": content_disposition(row.title, extension)}
    return Response(content, media_type=media_type, headers=headers)


async def _load(session: AsyncSession, row: ConversationRow, now: datetime) -> ConversationToExport:
    turns = await list_all_turns(session, row.conversation_id)
    shown = {turn.turn_id for turn in await list_path(session, row.head_turn_id)}
    events = await _events_of(session, turns)
    versions = Counter(turn.parent_turn_id for turn in turns)
    return ConversationToExport(
        title=row.title,
        created_at=row.created_at,
        exported_at=now,
        turns=[
            TurnToExport(
                turn_id=turn.turn_id,
                parent_turn_id=turn.parent_turn_id,
                asked_by=turn.asked_by["name"],
                asked_at=turn.created_at,
                finished_at=turn.finished_at,
                state=TurnState(turn.state),
                is_shown=turn.turn_id in shown,
                versions=versions[turn.parent_turn_id],
                facts=fold(events[turn.turn_id]),
            )
            for turn in turns
        ],
    )


async def _events_of(session: AsyncSession, turns: Sequence[TurnRow]) -> dict[str, list[Event]]:
    ids = [turn.turn_id for turn in turns]
    events: dict[str, list[Event]] = {}
    for start in range(0, len(ids), TURNS_AT_ONCE):
        events |= await list_events_of(session, ids[start : start + TURNS_AT_ONCE])
    return events
