"""One turn of a conversation at a time: later questions wait in a queue, and a stop empties it.

Everything here runs while the conversation is locked (`lock_conversation`), on every replica.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.turns.log import Lease, append, finish, request_cancellation
from orchestrator.turns.models import TurnRow
from orchestrator.turns.tree import UNFINISHED
from shared.wire.api import TurnState
from shared.wire.events import Outcome, TurnFinished


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop reached."""

    asked: tuple[str, ...] = ()
    """Turns whose runner has to end them."""
    ended: tuple[tuple[str, TurnFinished], ...] = ()
    """Queued turns, which ended at once: each with its last event, still to be shown."""


NOTHING = Stopped()


async def list_unfinished(session: AsyncSession, conversation_id: str) -> list[TurnRow]:
    """The turn that is being answered, if any, and those that wait for its end, in the order of asking."""
    return list(
        await session.scalars(
            select(TurnRow)
            .where(TurnRow.conversation_id == conversation_id, TurnRow.state.in_(UNFINISHED))
            .order_by(TurnRow.position)
            .execution_options(populate_existing=True)
        )
    )


async def start_next(session: AsyncSession, conversation_id: str) -> str | None:
    """Make the oldest queued turn ready, now that the one before it is over. Gives its id."""
    row = await session.scalar(
        select(TurnRow)
        .where(TurnRow.conversation_id == conversation_id, TurnRow.state == TurnState.QUEUED)
        .order_by(TurnRow.position)
        .limit(1)
    )
    if row is None:
        return None
    row.state = TurnState.READY
    return row.turn_id


async def stop_turns(session: AsyncSession, rows: Iterable[TurnRow], now: datetime) -> Stopped:
    """Stop turns, whatever they are doing. Those that are over stay as they are."""
    asked: list[str] = []
    ended: list[tuple[str, TurnFinished]] = []
    for row in rows:
        if row.state == TurnState.QUEUED:
            ended.append((row.turn_id, await _end_queued(session, row, now)))
        elif not TurnState(row.state).is_over:
            await request_cancellation(session, row, now)
            asked.append(row.turn_id)
    return Stopped(tuple(asked), tuple(ended))


async def _end_queued(session: AsyncSession, row: TurnRow, now: datetime) -> TurnFinished:
    """Nobody holds its lease, so whoever has locked the conversation writes its end."""
    lease = Lease(row.turn_id, "", row.fence)
    event = TurnFinished(n=(n := row.last_n + 1), first=n, outcome=Outcome.STOPPED)
    await append(session, lease, [event], now=now)
    await finish(session, lease, TurnState.STOPPED, now=now)
    return event
