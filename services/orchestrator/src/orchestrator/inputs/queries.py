"""Every statement on questions in the midst of a call. The first answer counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.canonical import digest
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.models import ConnectionRow
from orchestrator.connections.queries import ConnectionState
from orchestrator.inputs.models import InputRow
from shared.errors import Conflict, NotFound
from shared.service_tokens import Principal
from shared.wire.events import InputAction, InputNeeded, OutcomeChoice, OutcomeNeeded

PENDING = "pending"
OUTCOME = "outcome"


class AlreadyAnswered(Conflict):
    """Another answer counted, or time was up. The details carry the one that counted."""


def outcome_input_id(call_id: str) -> str:
    """A call's outcome is asked about once, so its id names the question."""
    return f"outcome_{call_id.removeprefix('call_')}"


def question_row(
    asked: OutcomeNeeded | InputNeeded,
    *,
    server_key: str = "",
    request_state: str | None = None,
    content: dict[str, Any] | None = None,
    turn_id: str,
    tenant_id: str,
    owner_id: str,
    now: datetime,
) -> InputRow:
    """The row of a question: what to do about a lost outcome, or what a tool server asks under a key of its own."""
    is_outcome = isinstance(asked, OutcomeNeeded)
    return InputRow(
        input_id=outcome_input_id(asked.call_id) if is_outcome else asked.input_id,
        kind=OUTCOME if is_outcome else asked.mode,
        call_id=asked.call_id,
        turn_id=turn_id,
        tenant_id=tenant_id,
        owner_id=owner_id,
        state=PENDING,
        server_key=server_key,
        request_state=request_state,
        answer_schema={} if is_outcome else asked.answer_schema,
        content=content,
        checks=[],
        answered_by_name="",
        created_at=now,
        expires_at=asked.expires_at,
        answered_at=None,
    )


async def get_input(session: AsyncSession, input_id: str, owner: Principal) -> InputRow:
    """Raises NotFound when nothing of this kind was asked, or somebody else was."""
    row = await session.scalar(
        select(InputRow).where(
            InputRow.input_id == input_id,
            InputRow.tenant_id == owner.tenant,
            InputRow.owner_id == owner.subject,
        )
    )
    if row is None:
        raise NotFound("There is no such question, or it is not yours to answer.")
    return row


async def record_answer(
    session: AsyncSession,
    row: InputRow,
    answer: OutcomeChoice | InputAction,
    *,
    content: dict[str, Any] | None = None,
    answered_by: str,
    session_mark: str,
    now: datetime,
) -> None:
    """Write the answer if none was given before.

    Raises:
        AlreadyAnswered: another one counted, or time was up.
    """
    won = await session.scalar(
        update(InputRow)
        .where(
            InputRow.input_id == row.input_id,
            InputRow.state == PENDING,
            InputRow.expires_at > now,
        )
        .values(state=answer, content=content, answered_by_name=answered_by, answered_at=now)
        .returning(InputRow.input_id)
    )
    await session.refresh(row)
    if won is not None:
        await _record(session, row, now, session_mark)
        return
    raise _already_answered(row)


def check_open(row: InputRow) -> None:
    """Raises AlreadyAnswered."""
    if row.state != PENDING:
        raise _already_answered(row)


def _already_answered(row: InputRow) -> AlreadyAnswered:
    if row.state in {PENDING, InputAction.EXPIRED}:
        return AlreadyAnswered("The question has expired.", winner="expired")
    return AlreadyAnswered(f"This was already answered: {row.state}.", winner=row.state)


async def record_check(
    session: AsyncSession, row: InputRow, check: dict[str, Any], now: datetime
) -> None:
    """Keep what the server said about a lost outcome. Call it under the turn's lock.

    Raises:
        AlreadyAnswered: the question is not open any more.
    """
    await session.refresh(row)
    check_open(row)
    row.checks = [*row.checks, check]
    await record(
        session,
        row.tenant_id,
        AuditKind.OUTCOME_CHECKED,
        now,
        person=row.owner_id,
        turn_id=row.turn_id,
        call_id=row.call_id,
        body=check,
    )


async def list_inputs(session: AsyncSession, turn_id: str) -> list[InputRow]:
    """All questions of a turn, oldest first."""
    return list(
        await session.scalars(
            select(InputRow)
            .where(InputRow.turn_id == turn_id)
            .order_by(InputRow.created_at, InputRow.input_id)
        )
    )


async def list_pending_of(
    session: AsyncSession, kind: str, server_key: str, owner: Principal, now: datetime
) -> list[InputRow]:
    """A person's open questions of one kind and one server, in all their turns."""
    query = select(InputRow).where(
        InputRow.kind == kind,
        InputRow.server_key == server_key,
        InputRow.tenant_id == owner.tenant,
        InputRow.owner_id == owner.subject,
        InputRow.state == PENDING,
        InputRow.expires_at > now,
    )
    return list(await session.scalars(query.order_by(InputRow.created_at, InputRow.input_id)))


async def list_signed_in(session: AsyncSession, kind: str, until: datetime) -> list[InputRow]:
    """Open questions of one kind whose person has signed in at the server since they were put, and until then."""
    query = (
        select(InputRow)
        .join(
            ConnectionRow,
            (ConnectionRow.tenant_id == InputRow.tenant_id)
            & (ConnectionRow.owner_id == InputRow.owner_id)
            & (ConnectionRow.server == InputRow.server_key),
        )
        .where(
            InputRow.kind == kind,
            InputRow.state == PENDING,
            ConnectionRow.state == ConnectionState.ACTIVE,
            ConnectionRow.connected_at >= InputRow.created_at,
            ConnectionRow.connected_at <= until,
        )
    )
    return list(await session.scalars(query.order_by(InputRow.created_at, InputRow.input_id)))


async def list_due(session: AsyncSession, now: datetime) -> list[str]:
    """Turns with a question whose time is up."""
    due = select(InputRow.turn_id).where(InputRow.state == PENDING, InputRow.expires_at <= now)
    return list(await session.scalars(due.distinct()))


async def expire_inputs(session: AsyncSession, turn_id: str, now: datetime) -> None:
    """Close the questions of a turn whose time is up."""
    rows = await session.scalars(
        update(InputRow)
        .where(InputRow.turn_id == turn_id, InputRow.state == PENDING, InputRow.expires_at <= now)
        .values(state=InputAction.EXPIRED, answered_at=now)
        .returning(InputRow)
    )
    for row in rows:
        await _record(session, row, now)


async def cancel_inputs(
    session: AsyncSession, turn_id: str, now: datetime, *, call_ids: Sequence[str] | None = None
) -> None:
    """Close the open questions of a turn, or of some of its calls: nobody waits for them any more."""
    query = update(InputRow).where(InputRow.turn_id == turn_id, InputRow.state == PENDING)
    if call_ids is not None:
        query = query.where(InputRow.call_id.in_(call_ids))
    rows = await session.scalars(
        query.values(state=OutcomeChoice.CANCELLED, answered_at=now).returning(InputRow)
    )
    for row in rows:
        await _record(session, row, now)


async def _record(
    session: AsyncSession, row: InputRow, now: datetime, session_mark: str = ""
) -> None:
    """Put an answer that counted into the audit chain. What was filled in is there as a digest only."""
    is_outcome = row.kind == OUTCOME
    await record(
        session,
        row.tenant_id,
        AuditKind.OUTCOME_DECIDED if is_outcome else AuditKind.INPUT_ANSWERED,
        now,
        person=row.owner_id if row.answered_by_name else None,
        turn_id=row.turn_id,
        call_id=row.call_id,
        body={
            "answer": row.state,
            "name": row.answered_by_name,
            "session": session_mark,
            "content_sha256": None if row.content is None else digest(row.content),
        },
    )


async def forget_content(session: AsyncSession, call_id: str) -> None:
    """What was filled in is for the server alone; once the call has ended nothing of it is kept."""
    await session.execute(
        update(InputRow)
        .where(InputRow.call_id == call_id, InputRow.kind != OUTCOME)
        .values(content=None, request_state=None)
    )
