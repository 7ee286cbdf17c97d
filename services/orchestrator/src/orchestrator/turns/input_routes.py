"""Answers to what tool servers ask, over HTTP."""

from fastapi import APIRouter
from pydantic import JsonValue

from orchestrator.deps import Caller, Now, PathId
from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import OUTCOME, PENDING, get_input, record_answer
from orchestrator.tools.elicitation import SIGN_IN, problem_with_answer
from orchestrator.turns import log as turn_log
from orchestrator.turns.deps import Parts, Runner
from shared.errors import InvalidInput, NotFound
from shared.wire.api import PersonInput
from shared.wire.events import InputAction

router = APIRouter(prefix="/v1/inputs", tags=["approvals"])


@router.put("/{input_id}")
async def answer(
    input_id: PathId, given: PersonInput, caller: Caller, parts: Parts, runner: Runner, now: Now
) -> dict[str, JsonValue]:
    """Answer a tool server's question: accept (with the form's `content`), decline or cancel. The first answer counts.

    What is filled in goes to the server alone: it is in no event, and is forgotten when the call has ended.
    """
    async with parts.database.writing() as session:
        row = await get_input(session, input_id, caller)
        if row.kind == OUTCOME:
            raise NotFound("There is no such question, or it is not yours to answer.")
        if row.kind == SIGN_IN and given.action == "accept":
            raise InvalidInput("This is answered by signing in there.")
        await turn_log.wake(session, row.turn_id)
        action = InputAction(given.action)
        content = _content(row, given)
        await record_answer(
            session,
            row,
            action,
            content=content,
            answered_by=caller.name,
            session_mark=caller.session,
            now=now,
        )
    await runner.wake(row.turn_id)
    return {"input_id": input_id, "action": action}


def _content(row: InputRow, given: PersonInput) -> dict[str, JsonValue] | None:
    """Raises InvalidInput when the form cannot be accepted as it was filled in."""
    if given.action != "accept" or row.kind != "form":
        return None
    content = given.content or {}
    if row.state == PENDING and (problem := problem_with_answer(row.answer_schema, content)):
        raise InvalidInput(f"The form cannot be sent like this. {problem}")
    return content
