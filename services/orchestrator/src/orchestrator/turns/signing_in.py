"""Questions that wait until a person has signed in somewhere, once they have."""

from datetime import datetime

from orchestrator.database import Database
from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import AlreadyAnswered, record_answer
from orchestrator.turns import log as turn_log
from shared.wire.events import InputAction


async def go_on(
    db: Database, waiting: InputRow, now: datetime, *, answered_by: str = "", session_mark: str = ""
) -> bool:
    """Answer one of them. False: somebody was first, or its conversation was deleted."""
    async with db.writing() as session:
        if not await turn_log.wake(session, waiting.turn_id):
            return False
        row = await session.get_one(InputRow, waiting.input_id)
        try:
            await record_answer(
                session,
                row,
                InputAction.ACCEPT,
                content=row.content,
                answered_by=answered_by,
                session_mark=session_mark,
                now=now,
            )
        except AlreadyAnswered:
            return False
        return True
