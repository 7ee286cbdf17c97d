"""Accepting a question: from a request to a stored, claimed turn. The same `client_id` gives the same turn."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from orchestrator.conversations.queries import NEW_TITLE, get_conversation
from orchestrator.conversations.titles import suggest_title
from orchestrator.database import Database
from orchestrator.turns.log import Claimed, Lease, find_turn_by_client_id, new_turn_id
from orchestrator.turns.models import TurnEventRow, TurnRow
from shared.errors import Conflict, InvalidInput
from shared.service_tokens import Principal
from shared.wire.api import MAX_QUESTION_CHARACTERS, Question, TurnState
from shared.wire.events import TurnStarted

MAX_CONTROL_SHARE = 0.02
"""Text in which more than this share are control characters is no text."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


class TurnAlreadyRunning(Conflict):
    """The conversation is still answering an earlier question."""

    code = "turn_already_running"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored question. `claimed` is None when it had been asked before: somebody sees to it already."""

    turn_id: str
    claimed: Claimed | None
    started: TurnStarted | None


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
    """Store the question and claim its turn for this process, in one short transaction.

    Raises:
        InvalidInput: see `check_text`.
        NotFound: no such conversation of this person.
        TurnAlreadyRunning: an earlier question is not answered yet.
    """
    text = check_text(question.text)
    try:
        async with database.writing() as session:
            conversation = await get_conversation(session, conversation_id, asker)
            known = await find_turn_by_client_id(session, conversation_id, question.client_id)
            if known is not None:
                return Accepted(known.turn_id, None, None)
            last = await session.scalar(
                select(TurnRow)
                .where(TurnRow.conversation_id == conversation_id)
                .order_by(TurnRow.position.desc())
                .limit(1)
            )
            if last is not None and not TurnState(last.state).is_over:
                raise TurnAlreadyRunning(
                    "The last question is still being answered. Wait for it or stop it first.",
                    turn_id=last.turn_id,
                )
            at = now()
            if conversation.title == NEW_TITLE and last is None:
                conversation.title = suggest_title(text)
            conversation.updated_at = at
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
            )
            row = TurnRow(
                turn_id=started.turn_id,
                conversation_id=conversation_id,
                tenant_id=asker.tenant,
                owner_id=asker.subject,
                client_id=question.client_id,
                position=1 if last is None else last.position + 1,
                question=text,
                asked_by={
                    "name": asker.name,
                    "roles": sorted(asker.roles),
                    "tier": asker.tier,
                    "locale": asker.locale,
                    "tz": asker.tz,
                    "session": asker.session,
                },
                state=TurnState.RUNNING,
                lease_owner=instance_id,
                lease_until=at + timedelta(seconds=lease_s),
                fence=1,
                last_n=1,
                cancel_requested_at=None,
                created_at=at,
                finished_at=None,
            )
            session.add(row)
            await session.flush()
            session.add(
                TurnEventRow(
                    turn_id=row.turn_id,
                    n=1,
                    kind=started.kind,
                    payload=started.model_dump(mode="json"),
                    created_at=at,
                )
            )
    except IntegrityError:
        return await _accepted_meanwhile(database, conversation_id, question.client_id)
    claimed = Claimed(Lease(row.turn_id, instance_id, row.fence), row, interrupted=False)
    return Accepted(row.turn_id, claimed, started)


async def _accepted_meanwhile(database: Database, conversation_id: str, client_id: str) -> Accepted:
    """Another replica stored a question in this conversation at the same moment."""
    async with database.reading() as session:
        known = await find_turn_by_client_id(session, conversation_id, client_id)
    if known is not None:
        return Accepted(known.turn_id, None, None)
    raise TurnAlreadyRunning(
        "The last question is still being answered. Wait for it or stop it first."
    )
