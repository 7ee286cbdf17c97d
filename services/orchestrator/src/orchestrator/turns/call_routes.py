"""Decisions on proposed calls over HTTP. They end with their turn going on, so they live beside turns."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.approvals.queries import (
    PENDING,
    get_approval_to_decide,
    record_decision,
)
from orchestrator.deps import Caller, Db, Now, PathId
from orchestrator.inputs.queries import (
    check_open,
    get_input,
    outcome_input_id,
    record_answer,
    record_check,
)
from orchestrator.tools.gate import problem_with
from orchestrator.tools.queries import get_call, get_call_to_send, get_whole_result
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts, Runner
from orchestrator.turns.granting import give_grant
from orchestrator.turns.parts import TurnParts
from shared.errors import InvalidInput, NotFound, Unavailable
from shared.service_tokens import Principal
from shared.wire.api import (
    CallDecision,
    OutcomeAnswer,
    OutcomeDecision,
    PreviewAnswer,
    PreviewRequest,
)
from shared.wire.events import Decision, OutcomeChoice

router = APIRouter(prefix="/v1/calls", tags=["approvals"])

_DECISION_OF = {"approve": Decision.APPROVED, "reject": Decision.REJECTED}


@router.put("/{call_id}/decision")
async def decide(
    call_id: PathId, decision: CallDecision, caller: Caller, parts: Parts, runner: Runner, now: Now
) -> dict[str, JsonValue]:
    """Say yes or no to a call. The first decision counts; later ones answer 409 with the one that did.

    Approving with `arguments` sends exactly those; they are checked against the tool's schema first.
    """
    row = await record(call_id, decision, caller, parts, now)
    await runner.wake(row.turn_id)
    return {
        "call_id": call_id,
        "decision": row.state,
        "arguments": row.arguments,
        "edited": list(row.edited),
        "decided_by": row.decided_by_name,
        "grant_id": row.grant_id,
    }


@router.put("/{call_id}/outcome")
async def decide_outcome(
    call_id: PathId,
    decision: OutcomeDecision,
    caller: Caller,
    parts: Parts,
    runner: Runner,
    now: Now,
) -> OutcomeAnswer:
    """Say what to do about a call that may have been done: retry, done or leave. `check` asks its server first."""
    if decision.choice == "check":
        answer = await _check(call_id, caller, parts, now)
    else:
        choice = OutcomeChoice(decision.choice)
        await _choose(call_id, choice, caller, parts, now)
        answer = OutcomeAnswer(call_id=call_id, choice=choice)
    async with parts.database.reading() as session:
        row = await get_input(session, outcome_input_id(call_id), caller)
    await runner.wake(row.turn_id)
    return answer


async def _check(call_id: str, caller: Principal, parts: TurnParts, now: datetime) -> OutcomeAnswer:
    async with parts.database.reading() as session:
        row = await get_input(session, outcome_input_id(call_id), caller)
        call = await get_call(session, call_id, caller)
    check_open(row)
    toolbox = await parts.catalogue.toolbox(caller)
    tool = toolbox.find(call.server, call.tool)
    if tool is None:
        raise Unavailable("The tool cannot be reached right now. Try again in a moment.")
    found = await parts.caller.check_outcome(tool, caller, call.idempotency_key)
    choice = OutcomeChoice.DONE if found.answer == "done" else None
    async with parts.database.writing() as session:
        row = await get_input(session, row.input_id, caller)
        await turn_log.wake(session, row.turn_id)
        await record_check(session, row, found.model_dump(), now)
        if choice is not None:
            await record_answer(
                session,
                row,
                choice,
                answered_by=call.server,
                session_mark=caller.session,
                now=now,
            )
    return OutcomeAnswer(call_id=call_id, choice=choice, checked=found.answer, text=found.text)


async def _choose(
    call_id: str,
    choice: OutcomeChoice,
    caller: Principal,
    parts: TurnParts,
    now: datetime,
) -> None:
    async with parts.database.writing() as session:
        row = await get_input(session, outcome_input_id(call_id), caller)
        await turn_log.wake(session, row.turn_id)
        await record_answer(
            session, row, choice, answered_by=caller.name, session_mark=caller.session, now=now
        )


async def record(
    call_id: str, decision: CallDecision, caller: Principal, parts: TurnParts, now: datetime
) -> ApprovalRow:
    """Store one decision. Its turn still has to be run.

    Raises:
        NotFound, OwnQuestion, InvalidInput, AlreadyDecided.
    """
    async with parts.database.writing() as session:
        row = await get_approval_to_decide(session, call_id, caller)
        if not await turn_log.wake(session, row.turn_id):
            raise NotFound(
                "The conversation of this question was deleted, so nothing will be done."
            )
        await _record(session, row, decision, caller, parts, now)
    return row


async def _record(
    session: AsyncSession,
    row: ApprovalRow,
    decision: CallDecision,
    caller: Principal,
    parts: TurnParts,
    now: datetime,
) -> None:
    arguments: dict[str, JsonValue] = dict(row.arguments)
    edited: list[str] = []
    if decision.decision == "approve" and decision.arguments is not None and row.state == PENDING:
        problem = problem_with(row.shown["arguments_schema"], decision.arguments)
        if problem is not None:
            raise InvalidInput(f"The changed arguments do not fit the tool. {problem}")
        edited = changed_names(arguments, decision.arguments)
        arguments = decision.arguments
    grant_id = None
    if decision.grant is not None and row.state == PENDING:
        if decision.decision == "reject":
            raise InvalidInput("A standing grant goes with a yes; leave it out to say no.")
        grant_id = await give_grant(
            session, row, decision.grant, arguments, caller, parts.catalogue.servers, now
        )
    await record_decision(
        session,
        row,
        _DECISION_OF[decision.decision],
        arguments=arguments,
        edited=edited,
        note=decision.note.strip(),
        decided_by=caller,
        now=now,
        grant_id=grant_id,
    )


def changed_names(old: dict[str, JsonValue], new: dict[str, JsonValue]) -> list[str]:
    """Arguments that were added, removed or given another value."""
    absent = object()
    return sorted(
        name for name in old.keys() | new.keys() if old.get(name, absent) != new.get(name, absent)
    )


@router.get("/{call_id}/result", response_class=Response)
async def read_result(call_id: PathId, caller: Caller, db: Db) -> Response:
    """The whole result of a call whose event holds only a part of it, as a JSON file."""
    async with db.reading() as session:
        content = await get_whole_result(session, call_id, caller)
    disposition = f'attachment; filename="{call_id}.json"'
    return Response(
        content, media_type="application/json", headers={"Content-Disposition": disposition}
    )


@router.post("/{call_id}/preview")
async def preview(
    call_id: PathId, request: PreviewRequest, caller: Caller, parts: Parts
) -> PreviewAnswer:
    """What a waiting call would change with these arguments. Nothing is done."""
    async with parts.database.reading() as session:
        approval = await get_approval_to_decide(session, call_id, caller)
        call = await get_call_to_send(session, call_id)
        requester = await turn_log.principal_of(session, approval.turn_id)
    problem = problem_with(approval.shown["arguments_schema"], request.arguments)
    if problem is not None:
        return PreviewAnswer(preview=None, problem=problem)
    toolbox = await parts.catalogue.toolbox(requester)
    tool = toolbox.find(call.server, call.tool)
    if tool is None:
        return PreviewAnswer(preview=None, problem="The tool cannot be reached right now.")
    shown, problem = await parts.caller.preview(tool, requester, request.arguments)
    return PreviewAnswer(preview=shown, problem=problem)
