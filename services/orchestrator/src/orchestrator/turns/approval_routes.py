"""The approvals inbox, and decisions on several calls at once."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.approvals.queries import list_pending, may_decide
from orchestrator.deps import Caller, Db, Now
from orchestrator.turns.call_routes import record
from orchestrator.turns.deps import Parts, Runner
from orchestrator.turns.models import TurnRow
from shared.errors import ExpectedError
from shared.service_tokens import Principal
from shared.wire.api import (
    DecisionResult,
    DecisionResults,
    Decisions,
    PendingApproval,
    PendingApprovals,
)
from shared.wire.events import ApprovalNeeded, CallProposed

router = APIRouter(prefix="/v1", tags=["approvals"])


@router.get("/approvals")
async def list_open(
    caller: Caller, db: Db, now: Now, limit: Annotated[int, Query(ge=1, le=200)] = 100
) -> PendingApprovals:
    """Open questions you asked for or may decide, oldest first."""
    async with db.reading() as session:
        rows = await list_pending(session, caller, now=now, limit=limit)
        conversations = await _conversations_of(session, rows, caller)
    return PendingApprovals(
        approvals=[
            _as_pending(row, caller, conversations[row.turn_id])
            for row in rows
            if row.turn_id in conversations
        ]
    )


@router.post("/decisions")
async def decide_several(
    decisions: Decisions, caller: Caller, parts: Parts, runner: Runner, now: Now
) -> DecisionResults:
    """Decide on several calls. Each counts or fails by itself, as if it had been sent alone."""
    results: list[DecisionResult] = []
    turns: dict[str, None] = {}
    for decision in decisions.decisions:
        try:
            row = await record(decision.call_id, decision, caller, parts, now)
        except ExpectedError as error:
            results.append(
                DecisionResult(
                    call_id=decision.call_id,
                    status=error.status,
                    error=error.body(),
                )
            )
        else:
            turns[row.turn_id] = None
            results.append(DecisionResult(call_id=decision.call_id, status=200, decision=row.state))
    for turn_id in turns:
        await runner.wake(turn_id)
    return DecisionResults(results=results)


async def _conversations_of(
    session: AsyncSession, rows: list[ApprovalRow], caller: Principal
) -> dict[str, str | None]:
    """Turn id → conversation, which is named for the caller's own turns only. Deleted turns are not among them."""
    found = await session.execute(
        select(TurnRow.turn_id, TurnRow.owner_id, TurnRow.conversation_id).where(
            TurnRow.turn_id.in_([row.turn_id for row in rows]), TurnRow.tenant_id == caller.tenant
        )
    )
    return {
        turn_id: conversation_id if owner_id == caller.subject else None
        for turn_id, owner_id, conversation_id in found
    }


def _as_pending(
    row: ApprovalRow, caller: Principal, conversation_id: str | None
) -> PendingApproval:
    return PendingApproval(
        call=CallProposed.model_validate(row.proposed),
        needed=ApprovalNeeded.model_validate(row.shown),
        turn_id=row.turn_id,
        conversation_id=conversation_id,
        requested_by=row.requested_by_name,
        mine=row.owner_id == caller.subject,
        may_decide=may_decide(row, caller),
        created_at=row.created_at,
    )
