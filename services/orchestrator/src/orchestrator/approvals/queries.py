"""Every statement on approvals. The first decision wins, whichever replica or tab it came from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from shared.errors import Conflict, NotFound
from shared.service_tokens import Principal
from shared.wire.events import ApprovalNeeded, Decision

PENDING = "pending"


class AlreadyDecided(Conflict):
    """Somebody was first, or the question expired. The details carry the decision that counted."""


async def add_approval(
    session: AsyncSession,
    asked: ApprovalNeeded,
    *,
    turn_id: str,
    tenant_id: str,
    owner_id: str,
    now: datetime,
) -> None:
    session.add(
        ApprovalRow(
            call_id=asked.call_id,
            turn_id=turn_id,
            tenant_id=tenant_id,
            owner_id=owner_id,
            state=PENDING,
            shown=asked.model_dump(mode="json"),
            arguments=asked.arguments,
            edited=[],
            note="",
            decided_by=None,
            decided_by_name="",
            created_at=now,
            expires_at=asked.expires_at,
            decided_at=None,
        )
    )
    await session.flush()


async def get_approval(session: AsyncSession, call_id: str, owner: Principal) -> ApprovalRow:
    """Raises NotFound when nothing was asked for this call, or it is somebody else's."""
    row = await session.scalar(
        select(ApprovalRow).where(
            ApprovalRow.call_id == call_id,
            ApprovalRow.tenant_id == owner.tenant,
            ApprovalRow.owner_id == owner.subject,
        )
    )
    if row is None:
        raise NotFound("There is no such question, or it is not yours to decide.")
    return row


async def record_decision(
    session: AsyncSession,
    row: ApprovalRow,
    decision: Decision,
    *,
    arguments: dict[str, Any],
    edited: Sequence[str],
    note: str,
    decided_by: Principal,
    now: datetime,
) -> None:
    """Write the decision if none was made before.

    Raises:
        AlreadyDecided: another decision counted, or time was up.
    """
    won = await session.scalar(
        update(ApprovalRow)
        .where(
            ApprovalRow.call_id == row.call_id,
            ApprovalRow.state == PENDING,
            ApprovalRow.expires_at > now,
        )
        .values(
            state=decision,
            arguments=arguments,
            edited=list(edited),
            note=note,
            decided_by=decided_by.subject,
            decided_by_name=decided_by.name,
            decided_at=now,
        )
        .returning(ApprovalRow.call_id)
    )
    await session.refresh(row)
    if won is None:
        raise _already_decided(row)


def _already_decided(row: ApprovalRow) -> AlreadyDecided:
    if row.state in {PENDING, Decision.EXPIRED}:
        return AlreadyDecided("The question has expired; nothing was done.", winner="expired")
    who = row.decided_by_name or "somebody else"
    return AlreadyDecided(
        f"This was already {row.state} by {who}.", winner=row.state, decided_by=who
    )


async def has_expired(session: AsyncSession, now: datetime) -> bool:
    """Whether the time of any open question is up."""
    due = select(ApprovalRow.call_id).where(
        ApprovalRow.state == PENDING, ApprovalRow.expires_at <= now
    )
    return await session.scalar(due.limit(1)) is not None


async def expire_approvals(session: AsyncSession, now: datetime) -> list[str]:
    """Close the questions whose time is up; gives their turns."""
    rows = await session.scalars(
        update(ApprovalRow)
        .where(ApprovalRow.state == PENDING, ApprovalRow.expires_at <= now)
        .values(state=Decision.EXPIRED, decided_at=now)
        .returning(ApprovalRow.turn_id)
    )
    return list(rows)


async def cancel_approvals(session: AsyncSession, turn_id: str, now: datetime) -> None:
    """Close the open questions of a turn that was stopped."""
    await session.execute(
        update(ApprovalRow)
        .where(ApprovalRow.turn_id == turn_id, ApprovalRow.state == PENDING)
        .values(state=Decision.CANCELLED, decided_at=now)
    )


async def list_decided(session: AsyncSession, turn_id: str) -> list[ApprovalRow]:
    """The decisions made on a turn's questions, earliest first."""
    return list(
        await session.scalars(
            select(ApprovalRow)
            .where(ApprovalRow.turn_id == turn_id, ApprovalRow.state != PENDING)
            .order_by(ApprovalRow.decided_at, ApprovalRow.call_id)
        )
    )
