"""Puts questions in the midst of calls before the person, and takes the answers up into the turn's log."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mcp.types import ElicitResult, InputResponses
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import (
    OUTCOME,
    PENDING,
    cancel_inputs,
    question_row,
)
from orchestrator.tools.elicitation import SIGN_IN, InputQuestion, elicit_result
from orchestrator.tools.queries import mark_outcome_unknown
from orchestrator.turns.facts import CallFacts
from orchestrator.turns.models import TurnRow
from orchestrator.turns.writer import EventWriter, Write
from shared.wire.events import (
    InputAction,
    InputAnswered,
    InputNeeded,
    OutcomeChecked,
    OutcomeChoice,
    OutcomeDecided,
    OutcomeNeeded,
)


@dataclass(frozen=True, slots=True)
class InputDesk:
    """One turn's questions in the midst of its calls. Adds to the writer; committing is the turn's business."""

    row: TurnRow
    writer: EventWriter
    lifetime: timedelta
    now: Callable[[], datetime]

    def ask_outcome(self, call: CallFacts, message: str, *, can_check: bool) -> None:
        """A call may have been done: ask what to do about it."""
        asked = OutcomeNeeded(
            n=(n := self.writer.number),
            first=n,
            call_id=call.call_id,
            message=message,
            can_check=can_check,
            expires_at=self.now() + self.lifetime,
        )
        self.writer.add(
            asked,
            self._storing(asked),
            lambda session: mark_outcome_unknown(session, call.call_id, message),
        )

    def ask_for_server(
        self,
        call: CallFacts,
        question: InputQuestion,
        *,
        request_state: str | None = None,
        carried: InputResponses | None = None,
        live: bool = False,
    ) -> str:
        """A tool server wants to know something before it goes on. Gives the question's id.

        `carried`: answers that go to the server together with the state once this is answered.
        """
        asked = InputNeeded(
            n=(n := self.writer.number),
            first=n,
            input_id=f"input_{uuid.uuid4().hex}",
            call_id=call.call_id,
            server=call.proposed.server,
            mode=question.mode,
            message=question.message,
            answer_schema=question.schema or {},
            url=question.url,
            domain=question.domain,
            live=live,
            expires_at=self.now() + self.lifetime,
        )
        self.writer.add(
            asked,
            self._storing(
                asked,
                server_key=question.key,
                request_state=request_state,
                content=None if carried is None else stored_responses(carried),
            ),
        )
        return asked.input_id

    def drop(self, call: CallFacts) -> None:
        """Close questions whose server cannot hear the answer any more."""
        dropped = call.dropped_inputs
        for asked in dropped:
            self._answer(asked.input_id, call.call_id, InputAction.CANCEL)
        if dropped:
            turn_id, now = self.row.turn_id, self.now()
            self.writer.write_also(
                lambda session: cancel_inputs(session, turn_id, now, call_ids=[call.call_id])
            )

    def take_up(self, rows: Sequence[InputRow]) -> None:
        """Put answers that are not in the log yet into it."""
        calls = self.writer.facts.calls
        for row in rows:
            call = calls[row.call_id]
            if call.finished is not None:
                continue
            if row.kind == OUTCOME:
                self._take_up_outcome(call, row)
            elif row.state != PENDING and row.input_id in call.open_input_ids:
                self.take_up_answer(row)

    def _storing(
        self,
        asked: OutcomeNeeded | InputNeeded,
        *,
        server_key: str = "",
        request_state: str | None = None,
        content: dict[str, Any] | None = None,
    ) -> Write:
        row = question_row(
            asked,
            server_key=server_key,
            request_state=request_state,
            content=content,
            turn_id=self.row.turn_id,
            tenant_id=self.row.tenant_id,
            owner_id=self.row.owner_id,
            now=self.now(),
        )

        async def store(session: AsyncSession) -> None:
            session.add(row)

        return store

    def _take_up_outcome(self, call: CallFacts, row: InputRow) -> None:
        for check in row.checks[call.outcome_checks :]:
            self.writer.add(
                OutcomeChecked(
                    n=(n := self.writer.number),
                    first=n,
                    call_id=row.call_id,
                    answer=check["answer"],
                    text=check["text"],
                )
            )
        if row.state != PENDING and call.outcome_decided is None:
            self.writer.add(
                OutcomeDecided(
                    n=(n := self.writer.number),
                    first=n,
                    call_id=row.call_id,
                    choice=OutcomeChoice(row.state),
                    decided_by=row.answered_by_name,
                )
            )

    def take_up_answer(self, row: InputRow) -> None:
        """Put one answer to a server's question into the log."""
        self._answer(row.input_id, row.call_id, _action_of(row))

    def _answer(self, input_id: str, call_id: str, action: InputAction) -> None:
        self.writer.add(
            InputAnswered(
                n=(n := self.writer.number),
                first=n,
                input_id=input_id,
                call_id=call_id,
                action=action,
            )
        )


def responses_of(rows: Sequence[InputRow]) -> tuple[InputResponses | None, str | None]:
    """What a server is sent to go on with a call: the answers to one round of its questions, and its state."""
    responses: InputResponses = {}
    for row in rows:
        if row.kind == SIGN_IN:
            responses |= _restored_responses(row.content or {})
            continue
        mode = "form" if row.kind == "form" else "url"
        responses[row.server_key] = elicit_result(mode, _action_of(row), row.content)
    return responses or None, next((row.request_state for row in rows), None)


def stored_responses(responses: InputResponses) -> dict[str, Any]:
    """As JSON, until the call can be sent with them."""
    return {
        key: response.model_dump(mode="json", by_alias=True, exclude_none=True)
        for key, response in responses.items()
    }


def _restored_responses(stored: dict[str, Any]) -> InputResponses:
    return {key: ElicitResult.model_validate(value) for key, value in stored.items()}


def _action_of(row: InputRow) -> InputAction:
    """What the server is told; for it, a question that was closed here was cancelled."""
    is_known = row.state in set(InputAction)
    return InputAction(row.state) if is_known else InputAction.CANCEL
