"""Share links over HTTP: make, see and withdraw one; read what one shows."""

from itertools import takewhile

from fastapi import APIRouter, Response, status

from orchestrator.conversations.queries import get_conversation
from orchestrator.conversations.shares import (
    as_share,
    get_share,
    get_share_by_token,
    remove_share,
    set_share,
)
from orchestrator.deps import Caller, Db, Now, PathId
from orchestrator.turns.answers import list_messages
from orchestrator.turns.tree import list_path
from shared.errors import Conflict
from shared.wire.api import Share, SharedConversation, TurnState

router = APIRouter(prefix="/v1", tags=["sharing"])


@router.put("/conversations/{conversation_id}/share")
async def share(conversation_id: PathId, caller: Caller, db: Db, now: Now) -> Share:
    """Share a conversation by a link that shows the path it has now, without what tools were told and answered.

    Later questions are not shown until this is repeated, which keeps the link.
    """
    async with db.writing() as session:
        conversation = await get_conversation(session, conversation_id, caller, lock=True)
        if conversation.temporary:
            raise Conflict("A temporary conversation cannot be shared: it will be deleted.")
        path = await list_path(session, conversation.head_turn_id)
        finished = list(takewhile(lambda turn: TurnState(turn.state).is_over, path))
        if not finished:
            raise Conflict("There is nothing to share yet. Wait for the first answer.")
        row = await set_share(
            session,
            conversation,
            last_turn_id=finished[-1].turn_id,
            turns=len(finished),
            now=now,
        )
    return as_share(row)


@router.get("/conversations/{conversation_id}/share")
async def read_share(conversation_id: PathId, caller: Caller, db: Db) -> Share:
    """The link to a conversation; 404 when it is not shared."""
    async with db.reading() as session:
        await get_conversation(session, conversation_id, caller)
        return as_share(await get_share(session, conversation_id))


@router.delete("/conversations/{conversation_id}/share", status_code=status.HTTP_204_NO_CONTENT)
async def withdraw(conversation_id: PathId, caller: Caller, db: Db) -> None:
    """Withdraw the link: it leads nowhere from now on. Without a link this changes nothing."""
    async with db.writing() as session:
        await get_conversation(session, conversation_id, caller, lock=True)
        await remove_share(session, conversation_id)


@router.get("/shared/{token}")
async def read_shared(token: str, _: Caller, db: Db, response: Response) -> SharedConversation:
    """What a share link shows. For everybody who has the link, signed in or represented by the frontend."""
    response.headers["Cache-Control"] = "no-store"
    async with db.reading() as session:
        row = await get_share_by_token(session, token)
        messages = await list_messages(session, await list_path(session, row.last_turn_id))
    return SharedConversation(title=row.title, shared_at=row.shared_at, messages=messages)
