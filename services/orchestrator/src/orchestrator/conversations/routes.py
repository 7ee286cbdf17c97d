"""Conversations over HTTP: make, list, rename, delete."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status

from orchestrator.conversations.queries import (
    add_conversation,
    as_conversation,
    get_conversation,
    list_conversations,
    remove_conversation,
)
from orchestrator.deps import Caller, Db, Now, PathId
from shared.errors import InvalidInput
from shared.wire.api import (
    ClientMadeId,
    Conversation,
    ConversationChange,
    ConversationPage,
    NewConversation,
)

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.put(
    "/{conversation_id}",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": Conversation, "description": "It was there already."}},
)
async def create(
    conversation_id: Annotated[ClientMadeId, Path()],
    caller: Caller,
    db: Db,
    now: Now,
    response: Response,
    new: NewConversation | None = None,
) -> Conversation:
    """Make a conversation under an id of your own (a UUID, say). Repeating it changes nothing (200)."""
    temporary = new is not None and new.temporary
    async with db.writing() as session:
        row, is_new = await add_conversation(
            session, conversation_id, caller, now, temporary=temporary
        )
    if not is_new:
        response.status_code = status.HTTP_200_OK
    return as_conversation(row)


@router.get("")
async def list_all(
    caller: Caller,
    db: Db,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=200)] = None,
) -> ConversationPage:
    """Your conversations, latest activity first."""
    async with db.reading() as session:
        return await list_conversations(session, caller, limit=limit, before=before)


@router.patch("/{conversation_id}")
async def rename(
    conversation_id: PathId, change: ConversationChange, caller: Caller, db: Db
) -> Conversation:
    """Give a conversation another title."""
    title = " ".join(change.title.split())
    if not title:
        raise InvalidInput("The title is empty.")
    async with db.writing() as session:
        row = await get_conversation(session, conversation_id, caller)
        row.title = title
    return as_conversation(row)


@router.delete("/{conversation_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete(conversation_id: PathId, caller: Caller, db: Db) -> None:
    """Delete a conversation with its questions and answers. The ledger of what tools did stays."""
    async with db.writing() as session:
        await remove_conversation(session, conversation_id, caller)
