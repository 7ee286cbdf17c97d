"""Signing in at a tool server over HTTP: begun from a page or a question in the chat; the turns that wait go on."""

from fastapi import APIRouter

from orchestrator.connections.routes import ConnectionsHere
from orchestrator.connections.sign_in import Callback, begin, finish
from orchestrator.deps import Caller, Now, ServerKey
from orchestrator.inputs.queries import list_pending_of
from orchestrator.tools.elicitation import SIGN_IN
from orchestrator.turns.deps import Parts, Runner
from orchestrator.turns.signing_in import go_on
from shared.wire.api import SignedIn, SignInAnswer, SignInBegun

router = APIRouter(prefix="/v1/connections", tags=["connections"])


@router.post("/{server}/sign-in")
async def begin_sign_in(
    server: ServerKey, caller: Caller, connections: ConnectionsHere
) -> SignInBegun:
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
    woken = [
        row.turn_id
        for row in waiting
        if await go_on(
            parts.database, row, now, answered_by=caller.name, session_mark=caller.session
        )
    ]
    for turn_id in dict.fromkeys(woken):
        await runner.wake(turn_id)
    return SignedIn(server=server, turns=len(set(woken)))
