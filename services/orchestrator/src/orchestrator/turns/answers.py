"""What was asked and answered along a path, in words only."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.turns.facts import join_texts
from orchestrator.turns.models import TurnEventRow, TurnRow
from shared.wire.api import SharedMessage
from shared.wire.knowledge import PassageShown

TURNS_AT_ONCE = 500
"""Databases take a limited number of parameters in a statement."""


async def list_messages(session: AsyncSession, turns: Sequence[TurnRow]) -> list[SharedMessage]:
    """The questions of finished turns and what the assistant said, in order; nothing of what tools were told."""
    messages: list[SharedMessage] = []
    for start in range(0, len(turns), TURNS_AT_ONCE):
        some = turns[start : start + TURNS_AT_ONCE]
        answers = await _answers(session, some)
        cited = await _cited(session, some)
        for turn in some:
            messages.append(SharedMessage(role="person", text=turn.question, at=turn.created_at))
            if answer := answers.get(turn.turn_id):
                at = turn.finished_at or turn.created_at
                sources = cited.get(turn.turn_id, [])
                messages.append(
                    SharedMessage(role="assistant", text=answer, at=at, passages=sources)
                )
    return messages


async def _answers(session: AsyncSession, turns: Sequence[TurnRow]) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for turn_id, payload in await _payloads(session, turns, "text_finished"):
        texts.setdefault(turn_id, []).append(payload["text"])
    return {turn_id: join_texts(parts) for turn_id, parts in texts.items()}


async def _cited(session: AsyncSession, turns: Sequence[TurnRow]) -> dict[str, list[PassageShown]]:
    """Where cited passages stand. Their words stay with those who may open the documents."""
    return {
        turn_id: [
            PassageShown.model_validate({**passage, "quote": ""}) for passage in payload["passages"]
        ]
        for turn_id, payload in await _payloads(session, turns, "citations_checked")
    }


async def _payloads(
    session: AsyncSession, turns: Sequence[TurnRow], kind: str
) -> list[tuple[str, dict[str, Any]]]:
    rows = await session.execute(
        select(TurnEventRow.turn_id, TurnEventRow.payload)
        .where(
            TurnEventRow.turn_id.in_([turn.turn_id for turn in turns]), TurnEventRow.kind == kind
        )
        .order_by(TurnEventRow.turn_id, TurnEventRow.n)
    )
    return [(turn_id, payload) for turn_id, payload in rows]
