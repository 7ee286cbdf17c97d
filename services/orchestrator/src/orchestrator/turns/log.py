"""The turn log in SQL: claiming a turn, appending under its fence, waiting and waking."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.turns.models import TurnEventRow, TurnRow
from shared.errors import NotFound
from shared.service_tokens import Principal
from shared.wire.api import TurnState
from shared.wire.events import EVENT, Event

NUMBERS_LEFT_FREE = 1_000_000
"""A replica that takes over does not know how many unstored events (deltas) were already shown. It goes on
this far above the last stored one; its first event says from where it covers, so readers see no gap."""


class LeaseLost(Exception):
    """Another replica runs this turn now, or it was deleted: stop at once, append nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to append to one turn, until `fence` is outdated."""

    turn_id: str
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A turn this replica may run."""

    lease: Lease
    row: TurnRow
    interrupted: bool
    """True when whoever ran it did not come to the end of a step: unstored events may have been shown."""
    handed_over: bool = False
    """True when whoever ran it was told to stop and gave it up."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a replica learns about a turn it runs when it renews its leases."""

    turn_id: str
    fence: int
    """Higher than the one it claimed with: the turn is somebody else's by now."""
    stop_requested: bool


def new_turn_id() -> str:
    return uuid.uuid4().hex


async def find_turn_by_client_id(
    session: AsyncSession, conversation_id: str, client_id: str
) -> TurnRow | None:
    return await session.scalar(
        select(TurnRow).where(
            TurnRow.conversation_id == conversation_id, TurnRow.client_id == client_id
        )
    )


async def get_turn(session: AsyncSession, turn_id: str, owner: Principal) -> TurnRow:
    """Raises NotFound when it is absent or somebody else's."""
    row = await session.scalar(
        select(TurnRow).where(
            TurnRow.turn_id == turn_id,
            TurnRow.tenant_id == owner.tenant,
            TurnRow.owner_id == owner.subject,
        )
    )
    if row is None:
        raise NotFound("There is no such turn.")
    return row


async def principal_of(session: AsyncSession, turn_id: str) -> Principal:
    """The person who asked, as their token described them then. For calls made in their name."""
    row = await session.get_one(TurnRow, turn_id)
    return asker_of(row)


def asker_of(row: TurnRow) -> Principal:
    """The person who asked, from a turn's row."""
    return Principal(
        subject=row.owner_id,
        tenant=row.tenant_id,
        roles=frozenset(row.asked_by["roles"]),
        name=row.asked_by["name"],
        tier=row.asked_by["tier"],
        locale=row.asked_by["locale"],
        tz=row.asked_by["tz"],
        session=row.asked_by.get("session", ""),  # questions of older versions have none
    )


async def list_events(session: AsyncSession, turn_id: str, after: int = 0) -> list[Event]:
    rows = await session.scalars(
        select(TurnEventRow.payload)
        .where(TurnEventRow.turn_id == turn_id, TurnEventRow.n > after)
        .order_by(TurnEventRow.n)
    )
    return [EVENT.validate_python(payload) for payload in rows]


async def list_events_of(session: AsyncSession, turn_ids: Sequence[str]) -> dict[str, list[Event]]:
    """The stored events of several turns, each in order."""
    found: dict[str, list[Event]] = {turn_id: [] for turn_id in turn_ids}
    rows = await session.execute(
        select(TurnEventRow.turn_id, TurnEventRow.payload)
        .where(TurnEventRow.turn_id.in_(turn_ids))
        .order_by(TurnEventRow.turn_id, TurnEventRow.n)
    )
    for turn_id, payload in rows:
        found[turn_id].append(EVENT.validate_python(payload))
    return found


async def claim(
    session: AsyncSession, turn_id: str, owner: str, *, now: datetime, lease_s: float
) -> Claimed | None:
    """Take a turn that is ready, or whose runner went silent. None: there is nothing to take."""
    row = await session.scalar(
        select(TurnRow)
        .where(TurnRow.turn_id == turn_id, _is_claimable(now))
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    interrupted = row.state == TurnState.RUNNING
    handed_over = interrupted and row.lease_owner is None
    row.state = TurnState.RUNNING
    row.fence += 1
    row.lease_owner = owner
    row.lease_until = now + timedelta(seconds=lease_s)
    await session.flush()
    return Claimed(Lease(turn_id, owner, row.fence), row, interrupted, handed_over)


async def list_claimable(session: AsyncSession, *, now: datetime, limit: int) -> list[str]:
    return list(
        await session.scalars(
            select(TurnRow.turn_id)
            .where(_is_claimable(now))
            .order_by(TurnRow.created_at)
            .limit(limit)
        )
    )


def _is_claimable(now: datetime) -> ColumnElement[bool]:
    return or_(
        TurnRow.state == TurnState.READY,
        and_(TurnRow.state == TurnState.RUNNING, TurnRow.lease_until < now),
    )


async def append(
    session: AsyncSession, lease: Lease, events: Sequence[Event], *, now: datetime
) -> None:
    """Store events under the lease.

    Raises:
        LeaseLost: somebody else has claimed the turn since, or it was deleted.
    """
    if not events:
        return
    await _update_fenced(session, lease, last_n=events[-1].n)
    session.add_all(
        TurnEventRow(
            turn_id=lease.turn_id,
            n=event.n,
            kind=event.kind,
            payload=event.model_dump(mode="json"),
            created_at=now,
        )
        for event in events
    )
    await session.flush()


async def finish(session: AsyncSession, lease: Lease, state: TurnState, *, now: datetime) -> None:
    await _update_fenced(
        session, lease, state=state, finished_at=now, lease_owner=None, lease_until=None
    )


async def read_news(session: AsyncSession, turn_id: str) -> int:
    """How many decisions and answers there are. Read it before them: `wait` compares it."""
    return await session.scalar(select(TurnRow.news).where(TurnRow.turn_id == turn_id)) or 0


async def wait(session: AsyncSession, lease: Lease, seen_news: int) -> bool:
    """Lay the turn down until a person decides. False: something was decided meanwhile, go on instead.

    `seen_news` is what `read_news` gave before the decisions were read.
    """
    row = await session.scalar(
        select(TurnRow)
        .where(TurnRow.turn_id == lease.turn_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or row.fence != lease.fence:
        raise LeaseLost(lease.turn_id)
    if row.news != seen_news or row.cancel_requested_at is not None:
        return False
    row.state = TurnState.WAITING
    row.lease_owner = None
    row.lease_until = None
    return True


async def wake(session: AsyncSession, turn_id: str) -> bool:
    """Tell a turn that something was decided: a waiting one becomes ready, a running one looks before it waits.

    False: there is no such turn any more; its conversation was deleted.

    Call it first in a transaction that decides: everybody locks the turn before what hangs on it, so nobody waits in a
    circle. The row is locked before its state is looked at: the runner may be laying the turn down at this very moment,
    and a condition on the old state would miss that.
    """
    row = await session.scalar(
        select(TurnRow)
        .where(TurnRow.turn_id == turn_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return False
    row.news += 1
    if row.state == TurnState.WAITING:
        row.state = TurnState.READY
    return True


async def request_cancellation(session: AsyncSession, row: TurnRow, now: datetime) -> None:
    if TurnState(row.state).is_over or row.cancel_requested_at is not None:
        return
    row.cancel_requested_at = now
    await session.flush()
    await wake(session, row.turn_id)


async def is_cancel_requested(session: AsyncSession, turn_id: str) -> bool:
    return (
        await session.scalar(select(TurnRow.cancel_requested_at).where(TurnRow.turn_id == turn_id))
        is not None
    )


async def renew_leases(
    session: AsyncSession, owner: str, turn_ids: Sequence[str], *, until: datetime
) -> list[Renewed]:
    """Extend this replica's leases; gives what has become of each turn that still exists."""
    await session.execute(
        update(TurnRow)
        .where(
            TurnRow.turn_id.in_(turn_ids),
            TurnRow.lease_owner == owner,
            TurnRow.state == TurnState.RUNNING,
        )
        .values(lease_until=until)
    )
    rows = await session.execute(
        select(TurnRow.turn_id, TurnRow.fence, TurnRow.cancel_requested_at).where(
            TurnRow.turn_id.in_(turn_ids)
        )
    )
    return [
        Renewed(turn_id, fence, stop_requested=cancelled_at is not None)
        for turn_id, fence, cancelled_at in rows
    ]


async def release_leases(session: AsyncSession, *, now: datetime, owner: str | None = None) -> None:
    """Let others take over at once: what `owner` hands over, or everything (one process, just started)."""
    query = update(TurnRow).where(TurnRow.state == TurnState.RUNNING)
    past = now - timedelta(seconds=1)
    if owner is None:
        await session.execute(query.values(lease_until=past))
    else:
        handed_over = query.where(TurnRow.lease_owner == owner)
        await session.execute(handed_over.values(lease_until=past, lease_owner=None))


async def _update_fenced(session: AsyncSession, lease: Lease, **values: object) -> None:
    result = await session.execute(
        update(TurnRow)
        .where(TurnRow.turn_id == lease.turn_id, TurnRow.fence == lease.fence)
        .values(**values)
        .returning(TurnRow.turn_id)
    )
    if result.scalar_one_or_none() is None:
        raise LeaseLost(lease.turn_id)
