"""Signing in at a tool server over HTTP: begun from a page or a question in the chat; the turns that wait go on."""

from datetime import datetime

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.connections.routes import ConnectionsHere
from orchestrator.connections.sign_in import Callback, begin, finish
from orchestrator.deps import Caller, Now
from orchestrator.inputs.queries import (
    AlreadyAnswered,
    get_input,
    list_pending_of,
    record_answer,
)
from orchestrator.tools.elicitation import SIGN_IN
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts, Runner
from shared.service_tokens import Principal
from shared.wire.api import SignedIn, SignInAnswer, SignInBegun
from shared.wire.events import InputAction

router = APIRouter(prefix="/v1/connections", tags=["connections"])


@router.post("/{server}/sign-in")
async def begin_sign_in(server: str, caller: Caller, connections: ConnectionsHere) -> SignInBegun:
    """Where to send your browser. The answer that it brings back counts once, within ten minutes, in this session."""
    return SignInBegun(url=await begin(connections, server, caller))


@router.post("/callback")
async def finish_sign_in(
    answer: SignInAnswer,
    caller: Caller,
    connections: ConnectionsHere,
    parts: Parts,
    runner: Runner,
    now: Now,
) -> SignedIn:
    """Take up what your browser brought back. Calls of yours that waited for it go on."""
    callback = Callback(answer.state, answer.code, answer.error, answer.iss)
    server = await finish(connections, caller, callback)
    async with parts.database.reading() as session:
        waiting = await list_pending_of(session, SIGN_IN, server, caller, now)
    woken: list[str] = []
    for row in waiting:
        async with parts.database.writing() as session:
            if await _go_on(session, row.input_id, row.turn_id, caller, now):
                woken.append(row.turn_id)
    for turn_id in dict.fromkeys(woken):
        await runner.wake(turn_id)
    return SignedIn(server=server, turns=len(set(woken)))


async def _go_on(
    session: AsyncSession, input_id: str, turn_id: str, person: Principal, now: datetime
) -> bool:
    """Answer one question. False: somebody was first, or its conversation was deleted."""
    if not await turn_log.wake(session, turn_id):
        return False
    row = await get_input(session, input_id, person)
    try:
        await record_answer(
            session,
            row,
            InputAction.ACCEPT,
            content=row.content,
            answered_by=person.name,
            session_mark=person.session,
            now=now,
        )
    except AlreadyAnswered:
        return False
    return True
