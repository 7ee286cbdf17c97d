"""Turns over HTTP: ask, watch, stop."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, status

from orchestrator.conversations.queries import lock_conversation
from orchestrator.deps import Caller, Db, Now, PathId
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts, Runner
from orchestrator.turns.follow import TurnViewer
from orchestrator.turns.metrics import turns_finished
from orchestrator.turns.parts import TurnParts
from orchestrator.turns.questions import accept_question
from orchestrator.turns.queue import NOTHING, Stopped, list_unfinished, stop_turns
from orchestrator.turns.runner import TurnRunner
from orchestrator.turns.sse import EventStream
from orchestrator.turns.stream import encode
from shared.errors import InvalidInput
from shared.wire.api import Question, Turn, TurnState

router = APIRouter(prefix="/v1", tags=["turns"])

_EVENT_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `id` is the event's number, `event` its kind, `data` its JSON.",
        "content": {
            "text/event-stream": {
                "example": 'id: 2\nevent: text_delta\ndata: {"n":2,"first":2,"kind":"text_delta","text":"Hello"}\n\n'
            }
        },
    }
}


@router.post(
    "/conversations/{conversation_id}/turns",
    status_code=status.HTTP_200_OK,
    response_class=EventStream,
    responses=_EVENT_STREAM,
)
async def ask(
    conversation_id: PathId, question: Question, caller: Caller, parts: Parts, runner: Runner
) -> EventStream:
    """Ask a question; the answer is the turn's events, from the first on. `X-Turn-Id` names the turn.

    The turn goes on when the reader goes away. The same `client_id` again joins the same turn.
    """
    accepted = await accept_question(
        parts.database,
        conversation_id,
        question,
        caller,
        model=parts.model.name,
        instance_id=runner.instance_id,
        lease_s=parts.settings.lease_s,
        now=parts.now,
    )
    stored = None
    if accepted.started is not None:
        if accepted.claimed is not None:
            runner.start(accepted.claimed, [accepted.started])
        first = encode(accepted.started)
        parts.stream.transport.send(accepted.turn_id, first)
        stored = [first]
    await _carry_out(accepted.stopped, parts, runner)
    viewer = TurnViewer(parts.database, parts.stream, accepted.turn_id, after=0)
    return EventStream(viewer.chunks(stored), headers={"X-Turn-Id": accepted.turn_id})


@router.get("/turns/{turn_id}")
async def read_turn(turn_id: PathId, caller: Caller, db: Db) -> Turn:
    """A turn as its stored events."""
    async with db.reading() as session:
        row = await turn_log.get_turn(session, turn_id, caller)
        events = await turn_log.list_events(session, turn_id)
    return Turn(
        turn_id=turn_id,
        client_id=row.client_id,
        position=row.position,
        state=TurnState(row.state),
        events=events,
    )


@router.get(
    "/turns/{turn_id}/events",
    status_code=status.HTTP_200_OK,
    response_class=EventStream,
    responses=_EVENT_STREAM,
)
async def watch(
    turn_id: PathId,
    caller: Caller,
    parts: Parts,
    last_event_id: Annotated[
        str,
        Header(
            description="Number of the last event you have; 0 for all.",
            json_schema_extra={"pattern": "^[0-9]{1,15}$"},
        ),
    ] = "0",
) -> EventStream:
    """A turn's events after the given number, stored ones first, then live ones until its end."""
    if not last_event_id.isdecimal() or len(last_event_id) > 15:
        raise InvalidInput("Last-Event-ID must be the number of an event, or 0.")
    async with parts.database.reading() as session:
        await turn_log.get_turn(session, turn_id, caller)
    viewer = TurnViewer(parts.database, parts.stream, turn_id, after=int(last_event_id))
    return EventStream(viewer.chunks(), headers={"X-Turn-Id": turn_id})


@router.put("/turns/{turn_id}/cancellation", status_code=status.HTTP_202_ACCEPTED)
async def stop(
    turn_id: PathId, caller: Caller, parts: Parts, runner: Runner, now: Now
) -> dict[str, str]:
    """Stop a turn, wherever it runs, and with it the questions that wait for its end. What was said so far stays.

    A turn that still waits itself is stopped alone. Stopping one that is over changes nothing.
    """
    async with parts.database.writing() as session:
        turn = await turn_log.get_turn(session, turn_id, caller)
        await lock_conversation(session, turn.conversation_id)
        unfinished = await list_unfinished(session, turn.conversation_id)
        stopped = NOTHING
        if turn in unfinished:
            is_alone = turn.state == TurnState.QUEUED
            stopped = await stop_turns(session, [turn] if is_alone else unfinished, now)
        else:
            await session.refresh(turn)  # it may have ended while the conversation was locked
        state = turn.state
    await _carry_out(stopped, parts, runner)
    return {"turn_id": turn_id, "state": state}


async def _carry_out(stopped: Stopped, parts: TurnParts, runner: TurnRunner) -> None:
    """Let viewers and runners know what a stop reached."""
    for turn_id, event in stopped.ended:
        parts.stream.publish(turn_id, encode(event))
        turns_finished.labels(outcome=event.outcome.value).inc()
    for turn_id in stopped.asked:
        runner.request_stop(turn_id)
        parts.stream.transport.signal(turn_id)
        await runner.wake(turn_id)
