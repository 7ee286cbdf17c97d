"""Every statement on approvals. The first decision wins, whichever replica or tab it came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.audit.canonical import digest
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from shared.errors import Conflict, NotAllowed, NotFound
from shared.service_tokens import Principal
from shared.wire.events import ApprovalNeeded, CallProposed, Decision

PENDING = "pending"


class AlreadyDecided(Conflict):
    """Somebody was first, or the question expired. The details carry the decision that counted."""


class OwnQuestion(NotAllowed):
    """Somebody other than the person who asked must decide."""

    code = "second_person_needed"


async def add_approval(
    session: AsyncSession,
    asked: ApprovalNeeded,
    proposed: CallProposed,
    *,
    turn_id: str,
    requester: Principal,
    now: datetime,
) -> None:
    shown = asked.model_dump(mode="json")
    session.add(
        ApprovalRow(
            call_id=asked.call_id,
            turn_id=turn_id,
            tenant_id=requester.tenant,
            owner_id=requester.subject,
            requested_by_name=requester.name,
            approver_roles=asked.approver_roles,
            proposed=proposed.model_dump(mode="json"),
            state=PENDING,
            shown=shown,
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
    await record(
        session,
        requester.tenant,
        AuditKind.APPROVAL_SHOWN,
        now,
        person=requester.subject,
        turn_id=turn_id,
        call_id=asked.call_id,
        body=shown,
    )


async def get_approval_to_decide(
    session: AsyncSession, call_id: str, person: Principal
) -> ApprovalRow:
    """The question, if this person may decide it.

    Raises:
        NotFound: nothing was asked for this call, or this person has nothing to do with it.
        OwnQuestion: they asked for it themselves, and somebody else must say yes.
    """
    row = await session.scalar(
        select(ApprovalRow).where(
            ApprovalRow.call_id == call_id, ApprovalRow.tenant_id == person.tenant
        )
    )
    if row is not None and may_decide(row, person):
        return row
    if row is not None and row.owner_id == person.subject:
        roles = " or ".join(row.approver_roles)
        raise OwnQuestion(f"You asked for this yourself, so somebody else must decide it: {roles}.")
    raise NotFound("There is no such question, or it is not yours to decide.")


def may_decide(row: ApprovalRow, person: Principal) -> bool:
    """Their own, unless a second person is asked for: then any person but them who has one of the roles."""
    is_own = row.owner_id == person.subject
    if not row.approver_roles:
        return is_own
    return not is_own and not person.personal_roles.isdisjoint(row.approver_roles)


async def list_pending(
    session: AsyncSession, person: Principal, *, now: datetime, limit: int
) -> list[ApprovalRow]:
    """Open questions this person asked for or may decide, oldest first."""
    rows = await session.scalars(
        select(ApprovalRow)
        .where(
            ApprovalRow.tenant_id == person.tenant,
            ApprovalRow.state == PENDING,
            ApprovalRow.expires_at > now,
            ApprovalRow.proposed.is_not(None),
        )
        .order_by(ApprovalRow.created_at, ApprovalRow.call_id)
    )
    concerned = [row for row in rows if row.owner_id == person.subject or may_decide(row, person)]
    return concerned[:limit]


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
    grant_id: str | None = None,
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
            grant_id=grant_id,
        )
        .returning(ApprovalRow.call_id)
    )
    await session.refresh(row)
    if won is None:
        raise _already_decided(row)
    await _record(session, row, now, session_mark=decided_by.session)


async def _record(
    session: AsyncSession, row: ApprovalRow, now: datetime, session_mark: str = ""
) -> None:
    """Put a decision that counted into the audit chain."""
    shown: dict[str, JsonValue] = row.shown["arguments"]
    await record(
        session,
        row.tenant_id,
        AuditKind.DECISION,
        now,
        person=row.decided_by,
        turn_id=row.turn_id,
        call_id=row.call_id,
        body={
            "decision": row.state,
            "name": row.decided_by_name,
            "session": session_mark,
            "edits": _edits(row.edited, shown, row.arguments),
            "arguments_sha256": digest(row.arguments),
            "note": row.note,
            "rule": row.shown["rule"],
        },
    )


def _edits(
    names: Sequence[str], old: Mapping[str, JsonValue], new: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """Old and new value of each argument that was changed; one that was not there has no value."""
    sides = {"old": old, "new": new}
    return {
        name: {side: values[name] for side, values in sides.items() if name in values}
        for name in names
    }


def _already_decided(row: ApprovalRow) -> AlreadyDecided:
    if row.state in {PENDING, Decision.EXPIRED}:
        return AlreadyDecided("The question has expired; nothing was done.", winner="expired")
    who = row.decided_by_name or "somebody else"
    return AlreadyDecided(
        f"This was already {row.state} by {who}.", winner=row.state, decided_by=who
    )


async def list_due(session: AsyncSession, now: datetime) -> list[str]:
    """Turns with a question whose time is up."""
    due = select(ApprovalRow.turn_id).where(
        ApprovalRow.state == PENDING, ApprovalRow.expires_at <= now
    )
    return list(await session.scalars(due.distinct()))


async def expire_approvals(session: AsyncSession, turn_id: str, now: datetime) -> None:
    """Close the questions of a turn whose time is up."""
    rows = await session.scalars(
        update(ApprovalRow)
        .where(
            ApprovalRow.turn_id == turn_id,
            ApprovalRow.state == PENDING,
            ApprovalRow.expires_at <= now,
        )
        .values(state=Decision.EXPIRED, decided_at=now)
        .returning(ApprovalRow)
    )
    for row in rows:
        await _record(session, row, now)


async def cancel_approvals(session: AsyncSession, turn_id: str, now: datetime) -> None:
    """Close the open questions of a turn that was stopped."""
    rows = await session.scalars(
        update(ApprovalRow)
        .where(ApprovalRow.turn_id == turn_id, ApprovalRow.state == PENDING)
        .values(state=Decision.CANCELLED, decided_at=now)
        .returning(ApprovalRow)
    )
    for row in rows:
        await _record(session, row, now)


async def list_decided(session: AsyncSession, turn_id: str) -> list[ApprovalRow]:
    """The decisions made on a turn's questions, earliest first."""
    return list(
        await session.scalars(
            select(ApprovalRow)
            .where(ApprovalRow.turn_id == turn_id, ApprovalRow.state != PENDING)
            .order_by(ApprovalRow.decided_at, ApprovalRow.call_id)
        )
    )
