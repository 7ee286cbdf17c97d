"""Accepting a question: from a request to a stored turn, claimed or queued. The same `client_id`: the same turn."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.conversations.queries import NEW_TITLE, get_conversation
from orchestrator.conversations.search import add_message
from orchestrator.conversations.titles import suggest_title
from orchestrator.database import Database
from orchestrator.turns.log import Claimed, Lease, find_turn_by_client_id, new_turn_id
from orchestrator.turns.models import TurnEventRow, TurnRow
from orchestrator.turns.queue import NOTHING, Stopped, list_unfinished, stop_turns
from orchestrator.turns.tree import get_turn_of, list_unfinished_below, next_position
from shared.errors import Conflict, InvalidInput
from shared.service_tokens import Principal
from shared.wire.api import MAX_QUESTION_CHARACTERS, Question, TurnState
from shared.wire.events import TurnStarted

MAX_QUEUED = 10
"""Questions of one conversation that may wait while it answers another."""
MAX_CONTROL_SHARE = 0.02
"""Text in which more than this share are control characters is no text."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


class QueueFull(Conflict):
    """Too many questions of the conversation wait already."""

    code = "queue_full"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored question. `started` is None when it had been asked before: somebody sees to it already."""

    turn_id: str
    started: TurnStarted | None = None
    claimed: Claimed | None = None
    """For this process to run at once; None when it waits for an earlier one."""
    stopped: Stopped = NOTHING
    """What was going on in the version that this one replaces."""


def check_text(text: str) -> str:
    """The question as it is stored.

    Raises:
        InvalidInput: empty, too long, or not text.
    """
    if not text.strip():
        raise InvalidInput("The message is empty.")
    if len(text) > MAX_QUESTION_CHARACTERS:
        raise InvalidInput(
            f"The message has {len(text):,} characters; at most {MAX_QUESTION_CHARACTERS:,} can be read at once. "
            "Shorten it or send it in parts.",
            limit=MAX_QUESTION_CHARACTERS,
        )
    controls = len(_CONTROL.findall(text))
    if controls > max(2, len(text) * MAX_CONTROL_SHARE):
        raise InvalidInput("The message looks like a binary file, not like text.")
    return _CONTROL.sub("", text)


async def accept_question(
    database: Database,
    conversation_id: str,
    question: Question,
    asker: Principal,
    *,
    model: str,
    instance_id: str,
    lease_s: float,
    now: Callable[[], datetime],
) -> Accepted:
    """Store the question, in one short transaction; claim its turn for this process unless another one goes on.

    A question that replaces another leaves what came of that one: whatever goes on there is stopped.

    Raises:
        InvalidInput: see `check_text`.
        NotFound: no such conversation of this person, or no such turn in it to replace.
        QueueFull: as many questions as may wait do so already.
    """
    text = check_text(question.text)
    async with database.writing() as session:
        conversation = await get_conversation(session, conversation_id, asker, lock=True)
        known = await find_turn_by_client_id(session, conversation_id, question.client_id)
        if known is not None:
            return Accepted(known.turn_id)
        at = now()
        parent_turn_id, stopped = conversation.head_turn_id, NOTHING
        if question.replaces is not None:
            replaced = await get_turn_of(session, conversation_id, question.replaces)
            parent_turn_id = replaced.parent_turn_id
            stopped = await stop_turns(session, await list_unfinished_below(session, replaced), at)
        is_queued = await _must_wait(session, conversation_id)
        position = await next_position(session, conversation_id)
        if conversation.title == NEW_TITLE and position == 1:
            conversation.title = suggest_title(text)
        started = TurnStarted(
            n=1,
            first=1,
            turn_id=new_turn_id(),
            conversation_id=conversation_id,
            client_id=question.client_id,
            question=text,
            title=conversation.title,
            model=model,
            at=at,
            replaces=question.replaces,
            queued=is_queued,
        )
        row = _turn_of(started, asker, parent_turn_id, position)
        if not is_queued:
            row.lease_owner = instance_id
            row.lease_until = at + timedelta(seconds=lease_s)
        await _store(session, row, started)
        await add_message(session, conversation_id, row.turn_id, "person", text, at)
        conversation.head_turn_id = row.turn_id
        conversation.updated_at = at
    lease = Lease(row.turn_id, instance_id, row.fence)
    claimed = None if is_queued else Claimed(lease, row, interrupted=False)
    return Accepted(row.turn_id, started, claimed, stopped)


async def _must_wait(session: AsyncSession, conversation_id: str) -> bool:
    """Whether another turn goes on. Raises QueueFull when no more may wait for its end."""
    unfinished = await list_unfinished(session, conversation_id)
    queued = [row for row in unfinished if row.state == TurnState.QUEUED]
    if len(queued) >= MAX_QUEUED:
        raise QueueFull(
            f"{MAX_QUEUED} questions wait for their answers already. Wait for one, or stop them.",
            limit=MAX_QUEUED,
        )
    return bool(unfinished)


def _turn_of(
    started: TurnStarted, asker: Principal, parent_turn_id: str | None, position: int
) -> TurnRow:
    return TurnRow(
        turn_id=started.turn_id,
        conversation_id=started.conversation_id,
        tenant_id=asker.tenant,
        owner_id=asker.subject,
        client_id=started.client_id,
        position=position,
        parent_turn_id=parent_turn_id,
        question=started.question,
        asked_by={
            "name": asker.name,
            "roles": sorted(asker.roles),
            "tier": asker.tier,
            "locale": asker.locale,
            "tz": asker.tz,
            "session": asker.session,
        },
        state=TurnState.QUEUED if started.queued else TurnState.RUNNING,
        lease_owner=None,
        lease_until=None,
        fence=1,
        last_n=1,
        cancel_requested_at=None,
        created_at=started.at,
        finished_at=None,
    )


async def _store(session: AsyncSession, row: TurnRow, started: TurnStarted) -> None:
    session.add(row)
    await session.flush()
    session.add(
        TurnEventRow(
            turn_id=row.turn_id,
            n=started.n,
            kind=started.kind,
            payload=started.model_dump(mode="json"),
            created_at=started.at,
        )
    )
