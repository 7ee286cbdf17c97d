"""The turns of a conversation as a tree: paths, versions of a question, and what hangs below a turn.

A turn's position is always above its parent's, so along every path positions grow.
"""

from collections.abc import Sequence

from sqlalchemy import Select, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.turns.models import TurnRow
from shared.errors import NotFound
from shared.wire.api import TurnState

UNFINISHED = tuple(state for state in TurnState if not state.is_over)


async def get_turn_of(session: AsyncSession, conversation_id: str, turn_id: str) -> TurnRow:
    """A turn of this conversation, which the caller has made sure is theirs.

    Raises:
        NotFound: it is absent, or belongs to another conversation.
    """
    row = await session.scalar(
        select(TurnRow).where(
            TurnRow.turn_id == turn_id, TurnRow.conversation_id == conversation_id
        )
    )
    if row is None:
        raise NotFound("This conversation has no such turn.")
    return row


async def next_position(session: AsyncSession, conversation_id: str) -> int:
    """For the next turn of the conversation."""
    last = await session.scalar(
        select(func.max(TurnRow.position)).where(TurnRow.conversation_id == conversation_id)
    )
    return 1 + (last or 0)


async def list_all_turns(session: AsyncSession, conversation_id: str) -> list[TurnRow]:
    """Every turn of the conversation, all versions, in the order of asking."""
    return list(
        await session.scalars(
            select(TurnRow)
            .where(TurnRow.conversation_id == conversation_id)
            .order_by(TurnRow.position)
        )
    )


async def list_path(
    session: AsyncSession,
    last_turn_id: str | None,
    *,
    limit: int | None = None,
    before_position: int | None = None,
) -> list[TurnRow]:
    """The turns that lead to a turn, and itself at the end; oldest first, at most the last `limit` of them."""
    if last_turn_id is None:
        return []
    start = select(TurnRow.turn_id, TurnRow.parent_turn_id, literal(1).label("steps")).where(
        TurnRow.turn_id == last_turn_id
    )
    path = start.cte("path", recursive=True)
    step = select(TurnRow.turn_id, TurnRow.parent_turn_id, path.c.steps + 1).join(
        path, TurnRow.turn_id == path.c.parent_turn_id
    )
    if limit is not None and before_position is None:
        step = step.where(path.c.steps < limit)
    path = path.union_all(step)
    query = select(TurnRow).join(path, TurnRow.turn_id == path.c.turn_id)
    if before_position is not None:
        query = query.where(TurnRow.position < before_position)
    query = query.order_by(TurnRow.position.desc())
    if limit is not None:
        query = query.limit(limit)
    return list(reversed(list(await session.scalars(query))))


async def list_versions(
    session: AsyncSession, conversation_id: str, turns: Sequence[TurnRow]
) -> dict[str, list[str]]:
    """For each of the turns, all versions of its question, oldest first. Turns with a single one are left out."""
    parents = {row.parent_turn_id for row in turns if row.parent_turn_id is not None}
    has_first = any(row.parent_turn_id is None for row in turns)
    rows = await session.execute(
        select(TurnRow.turn_id, TurnRow.parent_turn_id)
        .where(
            TurnRow.conversation_id == conversation_id,
            or_(
                TurnRow.parent_turn_id.in_(parents),
                TurnRow.parent_turn_id.is_(None) if has_first else false(),
            ),
        )
        .order_by(TurnRow.position)
    )
    by_parent: dict[str | None, list[str]] = {}
    for turn_id, parent_turn_id in rows:
        by_parent.setdefault(parent_turn_id, []).append(turn_id)
    return {
        row.turn_id: versions
        for row in turns
        if len(versions := by_parent.get(row.parent_turn_id, [])) > 1
    }


async def get_newest_below(session: AsyncSession, top: TurnRow) -> str:
    """The turn asked last among a turn and all that follow from it: nothing follows from that one."""
    newest = (
        select(TurnRow.turn_id)
        .where(TurnRow.turn_id.in_(_ids_below(top)))
        .order_by(TurnRow.position.desc())
        .limit(1)
    )
    return (await session.scalars(newest)).one()


async def list_unfinished_below(session: AsyncSession, top: TurnRow) -> list[TurnRow]:
    """Those of a turn and all that follow from it which are not over, in the order of asking."""
    return list(
        await session.scalars(
            select(TurnRow)
            .where(TurnRow.turn_id.in_(_ids_below(top)), TurnRow.state.in_(UNFINISHED))
            .order_by(TurnRow.position)
        )
    )


def _ids_below(top: TurnRow) -> Select[str]:
    below = select(TurnRow.turn_id).where(TurnRow.turn_id == top.turn_id).cte(recursive=True)
    children = select(TurnRow.turn_id).where(
        TurnRow.conversation_id == top.conversation_id, TurnRow.parent_turn_id == below.c.turn_id
    )
    return select(below.union_all(children).c.turn_id)
