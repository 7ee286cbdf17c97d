"""Every statement on the audit chain. It is only ever added to and read.

Rows are noted while a transaction goes on and appended together right before its commit: the chain's head is locked
once and last, so it is held briefly, and no transaction waits for another lock while it holds a head. Several tenants'
heads are locked in the order of their ids. So no two transactions ever wait for each other because of the chain.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from sqlalchemy import func, insert, select, union, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.audit.canonical import canonical
from orchestrator.audit.chain import NO_HASH, Entry, Head, Row, instant, seal
from orchestrator.audit.models import AuditHead, AuditKind, AuditRow
from orchestrator.database import do_last

_NOTED = "audit_entries"


async def record(
    session: AsyncSession,
    tenant_id: str,
    kind: AuditKind,
    now: datetime,
    *,
    person: str | None = None,
    turn_id: str | None = None,
    call_id: str | None = None,
    body: Mapping[str, object],
) -> None:
    """Have a row appended to the tenant's chain with the transaction that is going on, or not at all.

    `person` decided it, or it was done in their name. `body` must be JSON; no token and no key belongs into it.
    Awaitable, so that it can stand among the writes of an event.
    """
    entry = Entry(
        tenant_id=tenant_id,
        at=instant(now),
        kind=kind,
        person_id=person,
        turn_id=turn_id,
        call_id=call_id,
        body=canonical(body),
    )
    noted = cast("list[Entry]", session.info.setdefault(_NOTED, []))
    if not noted:
        do_last(session, _append_noted)
    noted.append(entry)


async def _append_noted(session: AsyncSession) -> None:
    noted = cast("list[Entry]", session.info.pop(_NOTED))
    for tenant_id in sorted({entry.tenant_id for entry in noted}):
        await _append(session, tenant_id, [e for e in noted if e.tenant_id == tenant_id])


async def _append(session: AsyncSession, tenant_id: str, entries: list[Entry]) -> None:
    head = await _lock_head(session, tenant_id)
    rows: list[Row] = []
    for entry in entries:
        rows.append(seal(entry, head))
        head = rows[-1].head
    await session.execute(insert(AuditRow), [_as_values(row) for row in rows])
    await session.execute(
        update(AuditHead)
        .where(AuditHead.tenant_id == tenant_id)
        .values(seq=head.seq, row_hash=head.row_hash)
    )


async def _lock_head(session: AsyncSession, tenant_id: str) -> Head:
    """The chain's end, which nobody else can move until this transaction is over."""
    query = (
        select(AuditHead.seq, AuditHead.row_hash)
        .where(AuditHead.tenant_id == tenant_id)
        .with_for_update()
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:  # the tenant's first row, and perhaps another replica is writing one too
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        first = (sqlite_insert if is_sqlite else postgres_insert)(AuditHead)
        values = {"tenant_id": tenant_id, "seq": 0, "row_hash": NO_HASH}
        await session.execute(first.values(values).on_conflict_do_nothing())
        found = (await session.execute(query)).one()
    return Head(*found)


async def list_chains(session: AsyncSession) -> list[str]:
    """Tenants of which there is anything, in order."""
    tenants = union(select(AuditHead.tenant_id), select(AuditRow.tenant_id)).order_by("tenant_id")
    return list(await session.scalars(tenants))


async def find_end(session: AsyncSession, tenant_id: str) -> tuple[Head | None, int]:
    """Where a tenant's chain is said to end, None when nothing says so; and its last row's number, 0 for none.

    Both are of the same moment, even while others append.
    """
    last = select(func.max(AuditRow.seq)).where(AuditRow.tenant_id == tenant_id).scalar_subquery()
    query = select(AuditHead.seq, AuditHead.row_hash, last).where(AuditHead.tenant_id == tenant_id)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None, await session.scalar(select(last)) or 0
    return Head(found[0], found[1]), found[2] or 0


async def list_rows(
    session: AsyncSession, tenant_id: str, *, after: int, to: int, limit: int
) -> list[Row]:
    """Rows numbered above `after` up to `to`, in order."""
    query = (
        select(AuditRow)
        .where(AuditRow.tenant_id == tenant_id, AuditRow.seq > after, AuditRow.seq <= to)
        .order_by(AuditRow.seq)
        .limit(limit)
    )
    return [_as_row(row) for row in await session.scalars(query)]


async def list_latest(
    session: AsyncSession,
    tenant_id: str,
    *,
    before: int | None,
    limit: int,
    kind: str | None,
    person: str | None,
    turn: str | None,
) -> list[Row]:
    """Rows that fit, latest first."""
    query = select(AuditRow).where(AuditRow.tenant_id == tenant_id)
    if before is not None:
        query = query.where(AuditRow.seq < before)
    for column, value in (
        (AuditRow.kind, kind),
        (AuditRow.person_id, person),
        (AuditRow.turn_id, turn),
    ):
        if value is not None:
            query = query.where(column == value)
    rows = await session.scalars(query.order_by(AuditRow.seq.desc()).limit(limit))
    return [_as_row(row) for row in rows]


async def first_seq_since(session: AsyncSession, tenant_id: str, day: date) -> int | None:
    """The first row written on that day (UTC) or later."""
    query = select(func.min(AuditRow.seq)).where(
        AuditRow.tenant_id == tenant_id, AuditRow.at >= _midnight(day)
    )
    return await session.scalar(query)


async def last_seq_until(session: AsyncSession, tenant_id: str, day: date) -> int | None:
    """The last row written on that day (UTC) or earlier."""
    query = select(func.max(AuditRow.seq)).where(
        AuditRow.tenant_id == tenant_id, AuditRow.at < _midnight(day + timedelta(days=1))
    )
    return await session.scalar(query)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _as_values(row: Row) -> dict[str, object]:
    return {**asdict(row), "at": datetime.fromisoformat(row.at)}


def _as_row(row: AuditRow) -> Row:
    return Row(
        tenant_id=row.tenant_id,
        seq=row.seq,
        at=instant(row.at),
        kind=row.kind,
        person_id=row.person_id,
        turn_id=row.turn_id,
        call_id=row.call_id,
        body=row.body,
        prev_hash=row.prev_hash,
        row_hash=row.row_hash,
    )
