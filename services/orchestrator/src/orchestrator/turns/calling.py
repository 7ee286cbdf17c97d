"""Calls on their way: sent, answered, asked about, ended. Nothing that was sent is sent again by us."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import orjson
import structlog
from mcp.types import ElicitResult
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.queries import cancel_approvals
from orchestrator.connections.tokens import MAX_SIGN_INS
from orchestrator.conversations.models import ConversationRow
from orchestrator.grants.queries import list_standing
from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import PENDING, cancel_inputs, forget_content, list_inputs
from orchestrator.models.port import ProposedCall
from orchestrator.policy.rules import is_stricter
from orchestrator.tools.calls import AskingCall, CallToSend, EndedCall
from orchestrator.tools.catalogue import CatalogueTool, Toolbox
from orchestrator.tools.elicitation import SIGN_IN, InputQuestion
from orchestrator.tools.fingerprint import name_for_model
from orchestrator.tools.models import ToolCallRow, WholeResultRow
from orchestrator.tools.queries import end_call, mark_sent
from orchestrator.tools.results import ToolOutcome
from orchestrator.turns.facts import CallFacts
from orchestrator.turns.granting import (
    why_not_granted,
)
from orchestrator.turns.inputs import responses_of
from orchestrator.turns.metrics import calls_finished
from orchestrator.turns.proposals import Proposals
from orchestrator.turns.work import TurnWork
from shared.wire.events import (
    CallError,
    CallFinished,
    CallStarted,
    CallState,
)

FRESH_BEFORE_READING_S = 60.0
FRESH_BEFORE_WRITING_S = 2.0
"""How old the tool list may be when a call that changes something is sent."""
MAX_ROUNDS_OF_QUESTIONS = 10
MAX_QUESTION_TOLD = 400
"""Characters of the person's own words that a server is told."""
LOOK_FOR_ANSWER_S = 0.5
"""How often an answer is looked for while a server waits for it on an open connection."""

log = structlog.get_logger()

ASKS_TOO_OFTEN = CallError(
    code="asks_too_often",
    message=f"The tool asked more than {MAX_ROUNDS_OF_QUESTIONS} times and was given up.",
)
WANTS_TOO_MUCH = CallError(
    code="sign_in_did_not_help",
    message=f"The server still refused the call after {MAX_SIGN_INS} sign-ins; nothing was done.",
    hint="An administrator can look at what the server wants on the tools page.",
)
TOOL_GONE = CallError(code="tool_gone", message="The server does not offer this tool any more.")
NOT_SIGNED_IN = "The person did not sign in at the server; nothing was done."
MAY_HAVE_BEEN_DONE = "It was sent, but the answer was lost: it may have been done."
_WHY_ENDED = {
    CallState.REJECTED: "The person said no; nothing was done.",
    CallState.EXPIRED: "Nobody answered in time; nothing was done.",
    CallState.OUTCOME_UNKNOWN: MAY_HAVE_BEEN_DONE,
    CallState.RETRIED: "The answer was lost, and the person had it tried again.",
    CallState.CANCELLED: "The turn was stopped.",
}


class Calls:
    """The calls of one turn, once they were proposed."""

    def __init__(self, work: TurnWork, proposals: Proposals) -> None:
        self._work = work
        self._proposals = proposals

    async def run(self, calls: Sequence[CallFacts]) -> None:
        prepared = await self._prepare(calls)
        for call in prepared:
            self._work.inputs.drop(self._work.facts.calls[call.call_id])
            self._work.writer.add(
                CallStarted(
                    n=(n := self._work.writer.number),
                    first=n,
                    call_id=call.call_id,
                    at=self._work.parts.now(),
                ),
                lambda session, call_id=call.call_id: mark_sent(
                    session, call_id, self._work.parts.now()
                ),
                lambda session, call=call: self._work.witness.sent(
                    session, call, attempt=self._work.facts.calls[call.call_id].sends
                ),
            )
        await self._work.writer.commit()
        tools = {call.call_id: call.tool for call in prepared}
        running = [
            asyncio.create_task(
                self._work.parts.caller.send(call, self._work.writer.progress, self._ask_meanwhile)
            )
            for call in prepared
        ]
        try:
            for finished in asyncio.as_completed(running):
                self._take_up_end(await finished, tools)
                await self._work.writer.commit()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def ask_outcome(self, calls: Sequence[CallFacts]) -> None:
        """Ask about calls whose answers were lost together with the process that waited for them."""
        toolbox = await self._work.parts.catalogue.toolbox(self._work.principal)
        for call in calls:
            tool = toolbox.find(call.proposed.server, call.proposed.tool)
            can_check = tool is not None and tool.status_tool is not None
            self._work.inputs.drop(call)
            self._work.inputs.ask_outcome(call, MAY_HAVE_BEEN_DONE, can_check=can_check)
        await self._work.writer.commit()

    async def settle(self, calls: Sequence[tuple[CallFacts, CallState]], *, stopped: bool) -> None:
        """End calls without sending them (again). `stopped`: the questions that are open are closed too."""
        again = [call for call, state in calls if state is CallState.RETRIED]
        if again:
            await self._work.read_earlier()
        toolbox = (
            await self._work.parts.catalogue.toolbox(self._work.principal) if again else Toolbox()
        )
        for call, state in calls:
            self._end_call(call.call_id, state, _why_settled(call, state))
        for call in again:
            # Without grants: what may have been done already is asked about.
            self._proposals.propose(_as_proposed(call), toolbox, (), retry_of=call.call_id)
        if stopped:
            now = self._work.parts.now()
            await self._work.writer.commit(
                lambda session: cancel_approvals(session, self._work.row.turn_id, now),
                lambda session: cancel_inputs(session, self._work.row.turn_id, now),
            )
        else:
            await self._work.writer.commit()

    def _take_up_end(
        self, ended: EndedCall | AskingCall, tools: Mapping[str, CatalogueTool]
    ) -> None:
        call = self._work.facts.calls[ended.call_id]
        if isinstance(ended, AskingCall):
            if call.sends > MAX_ROUNDS_OF_QUESTIONS:
                self._end_call(call.call_id, CallState.FAILED, ASKS_TOO_OFTEN)
            elif is_sign_in(ended) and call.sign_ins >= MAX_SIGN_INS:
                self._end_call(call.call_id, CallState.FAILED, WANTS_TOO_MUCH)
            else:
                for question in ended.questions:
                    self._work.inputs.ask_for_server(
                        call,
                        question,
                        request_state=ended.request_state,
                        carried=ended.carried,
                    )
            return
        if ended.state is not CallState.OUTCOME_UNKNOWN:
            self._end_call(ended.call_id, ended.state, ended)
            return
        error = ended.outcome.error
        self._work.inputs.ask_outcome(
            call,
            f"{error.message if error else ''} {MAY_HAVE_BEEN_DONE}".strip(),
            can_check=tools[ended.call_id].status_tool is not None,
        )

    async def _ask_meanwhile(self, call_id: str, question: InputQuestion) -> ElicitResult:
        """Put a question to the person whose server waits for the answer on an open connection."""
        input_id = self._work.inputs.ask_for_server(
            self._work.facts.calls[call_id], question, live=True
        )
        await self._work.writer.commit()
        while True:
            await asyncio.sleep(LOOK_FOR_ANSWER_S)
            async with self._work.parts.database.reading() as session:
                row = await session.get_one(InputRow, input_id)
            if row.state != PENDING:
                break
        self._work.inputs.take_up_answer(row)
        await self._work.writer.commit()
        responses, _ = responses_of([row])
        return cast(ElicitResult, (responses or {})[row.server_key])

    async def _prepare(self, calls: Sequence[CallFacts]) -> list[CallToSend]:
        """Look the tools up again; what changed since the call was judged is not sent."""
        changes_something = any(not call.proposed.read_only for call in calls)
        max_age_s = FRESH_BEFORE_WRITING_S if changes_something else FRESH_BEFORE_READING_S
        toolbox = await self._work.parts.catalogue.toolbox(
            self._work.principal, max_age_s=max_age_s
        )
        if any(call.decided is not None and call.decided.edited for call in calls):
            await self._work.read_earlier()
        async with self._work.parts.database.reading() as session:
            rows = {
                call.call_id: await session.get_one(ToolCallRow, call.call_id) for call in calls
            }
            asked = await list_inputs(session, self._work.row.turn_id) if _any_asked(calls) else []
            grants = (
                await list_standing(session, self._work.principal, self._work.parts.now())
                if any(call.proposed.grant_id for call in calls)
                else ()
            )
        prepared: list[CallToSend] = []
        for call in calls:
            row = rows[call.call_id]
            tool = toolbox.find(row.server, row.tool)
            problem = (
                _why_not_sent(tool, row, toolbox)
                or why_not_granted(call.proposed, grants)
                or self._why_not_as_changed(call, tool, row.arguments)
            )
            if problem is not None or tool is None:
                self._end_unsent(call, problem or TOOL_GONE)
                continue
            ids = {needed.input_id for needed in call.inputs if not needed.live}
            answers = [row for row in asked if row.input_id in ids]
            responses, request_state = responses_of(answers) if answers else (None, None)
            prepared.append(
                CallToSend(
                    call_id=call.call_id,
                    tool=tool,
                    principal=self._work.principal,
                    arguments=tool.with_key(row.arguments, row.idempotency_key),
                    idempotency_key=row.idempotency_key,
                    responses=responses,
                    request_state=request_state,
                    may_have_arrived=call.started,
                    question=await self._question_for(tool),
                )
            )
        return prepared

    async def _question_for(self, tool: CatalogueTool) -> str:
        """Ours that answer from documents note what these do not say; nothing stays of a temporary chat."""
        if tool.citations_tool is None:
            return ""
        async with self._work.parts.database.reading() as session:
            conversation = await session.get(ConversationRow, self._work.row.conversation_id)
        if conversation is None or conversation.temporary:
            return ""
        return self._work.facts.question[:MAX_QUESTION_TOLD]

    def _end_unsent(self, call: CallFacts, problem: CallError) -> None:
        """It is not sent (again). What a replica that died had sent may have been done all the same."""
        if call.started and not call.proposed.read_only:
            message = f"{problem.message} {MAY_HAVE_BEEN_DONE}"
            self._work.inputs.ask_outcome(call, message, can_check=False)
        else:
            self._end_call(call.call_id, CallState.FAILED, problem)

    def _why_not_as_changed(
        self, call: CallFacts, tool: CatalogueTool | None, arguments: dict[str, JsonValue]
    ) -> CallError | None:
        """The rules hold for what people change too: a yes cannot lift a refusal or replace a second person's."""
        if tool is None or call.decided is None or not call.decided.edited:
            return None
        judgement = self._work.judge_again(tool, arguments)
        if not is_stricter(judgement.verdict, call.proposed.verdict):
            return None
        return CallError(
            code=judgement.rule, message=f"As it was changed, it may not run. {judgement.reason}"
        )

    def _end_call(self, call_id: str, state: CallState, end: EndedCall | CallError) -> None:
        outcome = end.outcome if isinstance(end, EndedCall) else ToolOutcome(error=end)
        proposed = self._work.facts.calls[call_id].proposed
        calls_finished.labels(server=proposed.server or "none", state=state.value).inc()
        log.info(
            "call_finished",
            call_id=call_id,
            server=proposed.server,
            tool=proposed.tool,
            state=state,
        )
        message = outcome.error.message if outcome.error else None
        event = CallFinished(
            n=(n := self._work.writer.number),
            first=n,
            call_id=call_id,
            state=state,
            duration_ms=end.duration_ms if isinstance(end, EndedCall) else None,
            rows=outcome.rows,
            result=outcome.result,
            truncated=outcome.truncated,
            error=outcome.error,
            origin=outcome.origin,
            whole_bytes=None if outcome.whole is None else len(outcome.whole.encode()),
        )
        if outcome.whole is not None:
            self._keep_whole(call_id, outcome.whole)
        self._work.writer.add(
            event,
            lambda session: end_call(session, call_id, state, message, self._work.parts.now()),
            lambda session: self._work.witness.ended(session, event),
        )
        if self._work.facts.calls[call_id].inputs or self._work.facts.calls[call_id].sends > 1:
            self._work.writer.write_also(lambda session: forget_content(session, call_id))

    def _keep_whole(self, call_id: str, content: str) -> None:
        row = WholeResultRow(
            call_id=call_id,
            turn_id=self._work.row.turn_id,
            tenant_id=self._work.row.tenant_id,
            owner_id=self._work.row.owner_id,
            content=content,
            created_at=self._work.parts.now(),
        )

        async def keep(session: AsyncSession) -> None:
            session.add(row)

        self._work.writer.write_also(keep)


def _why_settled(call: CallFacts, state: CallState) -> CallError:
    if state is CallState.REFUSED:
        return CallError(code=call.proposed.rule, message=call.proposed.reason)
    if state is CallState.MARKED_DONE and call.outcome_decided is not None:
        said_by = call.outcome_decided.decided_by
        message = f"The answer was lost; that it was done is known from {said_by}."
        return CallError(code=state.value, message=message)
    if call.sign_in_refused is not None:
        return CallError(code="not_signed_in", message=NOT_SIGNED_IN)
    return CallError(code=state.value, message=_WHY_ENDED[state])


def is_sign_in(asking: AskingCall) -> bool:
    return any(question.mode == SIGN_IN for question in asking.questions)


def _any_asked(calls: Sequence[CallFacts]) -> bool:
    return any(call.inputs for call in calls)


def _as_proposed(call: CallFacts) -> ProposedCall:
    """The call again, with the arguments that were last approved."""
    name = name_for_model(call.proposed.server, call.proposed.tool)
    return ProposedCall(name, orjson.dumps(call.arguments_to_send).decode())


def _why_not_sent(
    tool: CatalogueTool | None, row: ToolCallRow, toolbox: Toolbox
) -> CallError | None:
    problem = next((p for name, p in toolbox.problems if name == row.server), None)
    if problem is not None:
        return CallError(code=problem.code, message=problem.message, hint="Try again in a moment.")
    if tool is None:
        return TOOL_GONE
    if tool.is_off or tool.definition_hash != row.definition_hash:
        return CallError(
            code="definition_changed",
            message="The tool's definition changed after this call was judged, so it was not sent.",
            hint="Look at the difference on the tools page.",
        )
    return None
