"""Decisions on proposed calls over HTTP. They end with their turn going on, so they live beside turns."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.approvals.queries import PENDING, get_approval, record_decision
from orchestrator.deps import Caller, Now
from orchestrator.tools.gate import problem_with
from orchestrator.tools.queries import get_call
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts, Runner
from shared.errors import InvalidInput
from shared.service_tokens import Principal
from shared.wire.api import CallDecision, PreviewAnswer, PreviewRequest
from shared.wire.events import Decision

router = APIRouter(prefix="/v1/calls", tags=["approvals"])

_DECISION_OF = {"approve": Decision.APPROVED, "reject": Decision.REJECTED}


@router.put("/{call_id}/decision")
async def decide(
    call_id: str, decision: CallDecision, caller: Caller, parts: Parts, runner: Runner, now: Now
) -> dict[str, JsonValue]:
    """Say yes or no to a call. The first decision counts; later ones answer 409 with the one that did.

    Approving with `arguments` sends exactly those; they are checked against the tool's schema first.
    """
    async with parts.database.writing() as session:
        row = await get_approval(session, call_id, caller)
        await _record(session, row, decision, caller, now)
        await turn_log.wake(session, row.turn_id)
    await runner.wake(row.turn_id)
    return {
        "call_id": call_id,
        "decision": row.state,
        "arguments": row.arguments,
        "edited": list(row.edited),
        "decided_by": row.decided_by_name,
    }


async def _record(
    session: AsyncSession,
    row: ApprovalRow,
    decision: CallDecision,
    caller: Principal,
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
    await record_decision(
        session,
        row,
        _DECISION_OF[decision.decision],
        arguments=arguments,
        edited=edited,
        note=decision.note.strip(),
        decided_by=caller,
        now=now,
    )


def changed_names(old: dict[str, JsonValue], new: dict[str, JsonValue]) -> list[str]:
    """Arguments that were added, removed or given another value."""
    absent = object()
    return sorted(
        name for name in old.keys() | new.keys() if old.get(name, absent) != new.get(name, absent)
    )


@router.post("/{call_id}/preview")
async def preview(
    call_id: str, request: PreviewRequest, caller: Caller, parts: Parts
) -> PreviewAnswer:
    """What a waiting call would change with these arguments. Nothing is done."""
    async with parts.database.reading() as session:
        approval = await get_approval(session, call_id, caller)
        call = await get_call(session, call_id, caller)
    problem = problem_with(approval.shown["arguments_schema"], request.arguments)
    if problem is not None:
        return PreviewAnswer(preview=None, problem=problem)
    toolbox = await parts.catalogue.toolbox(caller)
    tool = toolbox.find(call.server, call.tool)
    if tool is None:
        return PreviewAnswer(preview=None, problem="The tool cannot be reached right now.")
    shown, problem = await parts.caller.preview(tool, caller, request.arguments)
    return PreviewAnswer(preview=shown, problem=problem)
