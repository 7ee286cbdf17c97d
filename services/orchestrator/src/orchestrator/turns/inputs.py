"""Puts questions in the midst of calls before the person, and takes the answers up into the turn's log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import (
    OUTCOME,
    PENDING,
    outcome_row,
)
from orchestrator.tools.queries import mark_outcome_unknown
from orchestrator.turns.facts import CallFacts
from orchestrator.turns.models import TurnRow
from orchestrator.turns.writer import EventWriter, Write
from shared.wire.events import (
    InputAction,
    InputAnswered,
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
        row = outcome_row(
            asked,
            turn_id=self.row.turn_id,
            tenant_id=self.row.tenant_id,
            owner_id=self.row.owner_id,
            now=self.now(),
        )
        self.writer.add(
            asked,
            _storing(row),
            lambda session: mark_outcome_unknown(session, call.call_id, message),
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
            elif row.state != PENDING and row.input_id not in call.answered:
                self._take_up_answer(row)

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

    def _take_up_answer(self, row: InputRow) -> None:
        is_known = row.state in set(InputAction)
        self.writer.add(
            InputAnswered(
                n=(n := self.writer.number),
                first=n,
                input_id=row.input_id,
                call_id=row.call_id,
                action=InputAction(row.state) if is_known else InputAction.CANCEL,
            )
        )


def _storing(row: InputRow) -> Write:
    async def store(session: AsyncSession) -> None:
        session.add(row)

    return partial(store)
