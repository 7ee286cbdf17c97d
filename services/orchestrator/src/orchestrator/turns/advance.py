"""Takes a claimed turn as far as it goes: decide, do, append, repeat, until it ends or waits for a person."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never, cast

import orjson
import structlog
from mcp.types import ElicitResult
from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.approvals.queries import add_approval, cancel_approvals, list_decided
from orchestrator.conversations.queries import lock_conversation, touch_conversation
from orchestrator.conversations.search import add_message
from orchestrator.database import Database
from orchestrator.grants.matching import StandingGrant
from orchestrator.grants.queries import count_use, list_standing
from orchestrator.inputs.models import InputRow
from orchestrator.inputs.queries import PENDING, cancel_inputs, forget_content, list_inputs
from orchestrator.models.port import Model, ModelFailed, ProposedCall, ReplyCut, ReplyEnd
from orchestrator.policy.rules import Judgement, Policy, is_stricter
from orchestrator.policy.taint import marks
from orchestrator.settings import Settings
from orchestrator.tools.calls import AskingCall, CallToSend, EndedCall, ToolCaller
from orchestrator.tools.catalogue import Catalogue, CatalogueTool, Toolbox
from orchestrator.tools.elicitation import InputQuestion
from orchestrator.tools.fingerprint import canonical_hash, name_for_model
from orchestrator.tools.gate import asking_again, gate, judge_use
from orchestrator.tools.models import ToolCallRow, WholeResultRow
from orchestrator.tools.queries import approve_call, end_call, mark_sent
from orchestrator.tools.results import ToolOutcome
from orchestrator.turns import log as turn_log
from orchestrator.turns.context import build_context, system_prompt
from orchestrator.turns.decide import (
    AskModel,
    AskOutcome,
    AskPerson,
    Done,
    Finish,
    Limits,
    RunCalls,
    SettleCalls,
    Step,
    Wait,
    decide,
)
from orchestrator.turns.facts import CallFacts, TurnFacts, fold
from orchestrator.turns.granting import (
    change_since_granted,
    find_grant,
    granted,
    why_not_granted,
)
from orchestrator.turns.inputs import InputDesk, responses_of
from orchestrator.turns.metrics import calls_finished, replies_finished, turns_finished
from orchestrator.turns.provenance import own_words, untrusted_texts
from orchestrator.turns.queue import start_next
from orchestrator.turns.stream import TurnStream
from orchestrator.turns.tree import list_path
from orchestrator.turns.witness import Witness
from orchestrator.turns.writer import EventWriter
from shared.errors import ExpectedError
from shared.wire.api import TurnState
from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallError,
    CallFinished,
    CallProposed,
    CallStarted,
    CallState,
    Decision,
    Notice,
    Outcome,
    TaintMark,
    TurnFinished,
    Usage,
    Verdict,
)

EARLIER_TURNS = 25
FRESH_BEFORE_READING_S = 60.0
FRESH_BEFORE_WRITING_S = 2.0
"""How old the tool list may be when a call that changes something is sent."""
MAX_ROUNDS_OF_QUESTIONS = 10
LOOK_FOR_ANSWER_S = 0.5
"""How often an answer is looked for while a server waits for it on an open connection."""

log = structlog.get_logger()

INTERNAL = CallError(
    code="internal",
    message="Something went wrong on our side, so this answer was ended. It was logged.",
    hint="Ask again.",
)
ASKS_TOO_OFTEN = CallError(
    code="asks_too_often",
    message=f"The tool asked more than {MAX_ROUNDS_OF_QUESTIONS} times and was given up.",
)
TOOL_GONE = CallError(code="tool_gone", message="The server does not offer this tool any more.")

_STATE_OF = {
    Outcome.ANSWERED: TurnState.ANSWERED,
    Outcome.STOPPED: TurnState.STOPPED,
    Outcome.FAILED: TurnState.FAILED,
}
MAY_HAVE_BEEN_DONE = "It was sent, but the answer was lost: it may have been done."
_WHY_ENDED = {
    CallState.REJECTED: "The person said no; nothing was done.",
    CallState.EXPIRED: "Nobody answered in time; nothing was done.",
    CallState.OUTCOME_UNKNOWN: MAY_HAVE_BEEN_DONE,
    CallState.RETRIED: "The answer was lost, and the person had it tried again.",
    CallState.CANCELLED: "The turn was stopped.",
}


@dataclass(frozen=True, slots=True)
class TurnParts:
    """What running turns needs; one for the whole process."""

    database: Database
    stream: TurnStream
    model: Model
    catalogue: Catalogue
    caller: ToolCaller
    policy: Policy
    settings: Settings
    now: Callable[[], datetime]

    @property
    def limits(self) -> Limits:
        return Limits(
            model_replies=self.settings.max_model_replies, cut_replies=self.settings.model_attempts
        )


class Turn:
    """One claimed turn being taken further by this process."""

    def __init__(self, parts: TurnParts, claimed: turn_log.Claimed, facts: TurnFacts) -> None:
        self._parts = parts
        self._row = claimed.row
        self._principal = turn_log.asker_of(claimed.row)
        self._witness = Witness(claimed.row, self._principal, parts.now, parts.policy.sha256)
        self.next_turn_id: str | None = None
        """The queued turn that became ready by the end of this one."""
        self._stop = asyncio.Event()
        if claimed.row.cancel_requested_at is not None:
            self._stop.set()
        self._writer = EventWriter(
            parts.database,
            parts.stream,
            claimed,
            facts,
            now=parts.now,
            coalesce_s=parts.settings.coalesce_ms / 1_000,
        )
        self._inputs = InputDesk(
            claimed.row,
            self._writer,
            timedelta(seconds=parts.settings.approval_lifetime_s),
            parts.now,
        )
        self._seen_news = 0
        self._earlier: Sequence[TurnFacts] | None = None

    @property
    def _facts(self) -> TurnFacts:
        return self._writer.facts

    def request_stop(self) -> None:
        """Cut short whatever is going on; what was said so far stays."""
        self._stop.set()

    async def run(self) -> None:
        """Go on until the turn is over or waits for a person.

        Raises:
            LeaseLost: it is not ours any more.
        """
        while True:
            await self._take_up_answers()
            step = decide(
                self._facts, cancel_requested=self._stop.is_set(), limits=self._parts.limits
            )
            if await self._take(step):
                return

    async def fail_internally(self) -> None:
        """End the turn after a bug of ours, as far as that still works."""
        self._writer.forget_uncommitted()
        await self._finish(Finish(Outcome.FAILED, INTERNAL))

    async def _take(self, step: Step) -> bool:
        """Do one step. True: there is nothing more to do now."""
        match step:
            case AskModel():
                await self._ask_model()
            case AskPerson():
                await self._unless_stopped(self._ask_person(step.calls))
            case RunCalls():
                await self._unless_stopped(self._run_calls(step.calls))
            case AskOutcome():
                await self._ask_outcome(step.calls)
            case SettleCalls():
                await self._settle(step.calls)
            case Wait():
                return await self._wait()
            case Finish():
                await self._finish(step)
            case Done():
                return True
            case _:
                assert_never(step)
        return self._facts.finished is not None

    async def _unless_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, but cancel it as soon as a stop is requested."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()

    # --- the model

    async def _ask_model(self) -> None:
        try:
            await self._unless_stopped(self._get_reply())
        except (ReplyCut, ModelFailed) as error:
            log.warning("reply_cut", code=error.code)
            self._writer.drop_text(error.message)
            await self._writer.commit()
        except ExpectedError as error:
            log.warning("reply_failed", code=error.code)
            await self._finish(
                Finish(Outcome.FAILED, CallError(code=error.code, message=error.message))
            )
        if self._stop.is_set():
            self._writer.finish_text()

    async def _get_reply(self) -> None:
        toolbox = await self._parts.catalogue.toolbox(self._principal)
        if not self._facts.replies:
            self._tell_problems(toolbox)
        context = await self._context(toolbox)
        tools = toolbox.for_model()
        end = ReplyEnd()
        # Text is shown at once, so whatever was noted before it must be stored by then: order is all a reader has.
        await self._writer.commit()
        async with aclosing(self._parts.model.reply(context, tools)) as parts:
            async for part in parts:
                if isinstance(part, ReplyEnd):
                    end = part
                else:
                    room = (
                        self._parts.settings.max_reply_characters - self._writer.spoken_characters
                    )
                    self._writer.say(part[:room])
                    if len(part) > room:
                        end = ReplyEnd(cut_by_length=True)
                        break
        await self._take_up_reply(end, toolbox)

    async def _context(self, toolbox: Toolbox) -> Any:
        context = build_context(
            await self._read_earlier(),
            self._facts,
            system=system_prompt(
                person=self._principal.name,
                now=self._parts.now(),
                tz=self._principal.tz,
                unavailable=[name for name, _ in toolbox.problems],
            ),
            max_tokens=self._parts.settings.context_tokens,
        )
        if context.left_out and not self._facts.replies:
            self._notice(
                "history_left_out",
                "info",
                f"This conversation is long: the assistant no longer sees its first {context.left_out} questions.",
            )
        return context.messages

    async def _read_earlier(self) -> Sequence[TurnFacts]:
        """The conversation before this turn, oldest first. It cannot change while the turn runs."""
        if self._earlier is None:
            async with self._parts.database.reading() as session:
                rows = await list_path(session, self._row.parent_turn_id, limit=EARLIER_TURNS)
                events = await turn_log.list_events_of(session, [row.turn_id for row in rows])
            self._earlier = [fold(events[row.turn_id]) for row in rows]
        return self._earlier

    def _tell_problems(self, toolbox: Toolbox) -> None:
        for server, problem in toolbox.problems:
            self._notice(
                "tool_server_unavailable",
                "warning",
                f"The tools of “{server}” cannot be used right now: {problem.message}",
            )

    async def _take_up_reply(self, end: ReplyEnd, toolbox: Toolbox) -> None:
        # Read first: a stop must not come between the calls of one reply.
        grants = await self._list_grants() if end.calls else ()
        self._writer.finish_text()
        for call in end.calls:
            self._propose(call, toolbox, grants)
        if end.cut_by_length:
            self._notice(
                "reply_too_long",
                "warning",
                "The answer reached the longest it may be and ends here.",
            )
        replies_finished.inc()
        self._writer.add(
            Usage(
                n=(n := self._writer.number),
                first=n,
                model=self._parts.model.name,
                input_tokens=end.input_tokens,
                output_tokens=end.output_tokens,
            )
        )
        if end.calls:
            await (
                self._writer.commit()
            )  # an answer without calls is stored together with the turn's end

    async def _list_grants(self) -> Sequence[StandingGrant]:
        async with self._parts.database.reading() as session:
            return await list_standing(session, self._principal, self._parts.now())

    def _propose(
        self,
        call: ProposedCall,
        toolbox: Toolbox,
        grants: Sequence[StandingGrant],
        *,
        retry_of: str | None = None,
    ) -> None:
        calls_left = self._parts.settings.max_calls - len(self._facts.calls)
        gated = gate(
            call,
            toolbox,
            self._parts.policy,
            self._principal.roles,
            tainted=self._is_tainted,
            calls_left=calls_left,
        )
        judgement = gated.judgement if retry_of is None else asking_again(gated.judgement)
        tool = gated.tool
        grant = find_grant(gated, grants, self._parts.now())
        if grant is not None:
            judgement = granted(grant, self._principal.tz)
        event = CallProposed(
            n=(n := self._writer.number),
            first=n,
            call_id=f"call_{uuid.uuid4().hex}",
            server=tool.server.key if tool else "",
            tool=tool.tool.name if tool else gated.model_name[:256],
            title=tool.title if tool else gated.model_name[:256],
            arguments=gated.arguments,
            read_only=bool(tool and tool.reads_only),
            repeatable=bool(tool and tool.is_repeatable),
            verdict=judgement.verdict,
            rule=judgement.rule,
            reason=judgement.reason,
            approver_roles=list(judgement.approver_roles),
            grant_id=grant.grant_id if grant else None,
            retry_of=retry_of,
        )
        writes = [self._ledger_entry(event, tool)]
        if grant is not None:
            writes.append(lambda session: count_use(session, grant.grant_id, self._parts.now()))
        self._writer.add(event, *writes)

    def _ledger_entry(
        self, event: CallProposed, tool: CatalogueTool | None
    ) -> Callable[[AsyncSession], Any]:
        row = ToolCallRow(
            call_id=event.call_id,
            turn_id=self._row.turn_id,
            tenant_id=self._row.tenant_id,
            owner_id=self._row.owner_id,
            server=event.server,
            tool=event.tool,
            definition_hash=tool.definition_hash if tool else "",
            arguments=event.arguments,
            arguments_hash=canonical_hash(event.arguments),
            idempotency_key=uuid.uuid4().hex,
            repeatable=event.repeatable,
            retry_of=event.retry_of,
            state=CallState.PROPOSED,
            rule=event.rule,
            error=None,
            proposed_at=self._parts.now(),
            sent_at=None,
            finished_at=None,
        )

        async def add(session: AsyncSession) -> None:
            session.add(row)
            await self._witness.proposed(session, event, row)

        return add

    # --- the person

    async def _ask_person(self, calls: Sequence[CallFacts]) -> None:
        toolbox = await self._parts.catalogue.toolbox(self._principal)
        await self._read_earlier()
        grants = await self._list_grants()
        questions = await asyncio.gather(*(self._question(call, toolbox, grants) for call in calls))
        for question in questions:
            event = question.model_copy(update={"n": (n := self._writer.number), "first": n})

            async def store(session: AsyncSession, event: ApprovalNeeded = event) -> None:
                await add_approval(
                    session,
                    event,
                    self._facts.calls[event.call_id].proposed,
                    turn_id=self._row.turn_id,
                    requester=self._principal,
                    now=self._parts.now(),
                )

            self._writer.add(event, store)
        await self._writer.commit()

    async def _question(
        self, call: CallFacts, toolbox: Toolbox, grants: Sequence[StandingGrant]
    ) -> ApprovalNeeded:
        proposed = call.proposed
        tool = toolbox.find(proposed.server, proposed.tool)
        preview, problem = None, None
        if tool is not None:
            preview, problem = await self._parts.caller.preview(
                tool, self._principal, proposed.arguments
            )
        may_grant = tool is not None and self._may_grant(proposed, tool)
        return ApprovalNeeded(
            n=1,
            first=1,
            call_id=call.call_id,
            arguments=proposed.arguments,
            arguments_schema=dict(tool.for_model().parameters) if tool else {},
            preview=preview,
            preview_problem=problem,
            rule=proposed.rule,
            reason=proposed.reason,
            approver_roles=proposed.approver_roles,
            taint=self._taint_marks(proposed.arguments),
            may_grant=may_grant,
            outdated_grant=change_since_granted(tool, proposed.arguments, grants, self._parts.now())
            if tool is not None and may_grant
            else None,
            expires_at=self._parts.now()
            + timedelta(seconds=self._parts.settings.approval_lifetime_s),
        )

    def _may_grant(self, proposed: CallProposed, tool: CatalogueTool) -> bool:
        if proposed.verdict is not Verdict.ASK or proposed.retry_of is not None:
            return False
        return self._judge_again(tool, proposed.arguments).may_grant

    def _judge_again(self, tool: CatalogueTool, arguments: dict[str, JsonValue]) -> Judgement:
        """Text from outside may have come in since the call was proposed, or a person changed it."""
        policy, roles = self._parts.policy, self._principal.roles
        return judge_use(tool, arguments, policy, roles, tainted=self._is_tainted)

    @property
    def _is_tainted(self) -> bool:
        """Text that strangers may have written is before the model."""
        return bool(untrusted_texts([*(self._earlier or ()), self._facts]))

    def _taint_marks(self, arguments: dict[str, JsonValue]) -> list[TaintMark]:
        turns = [*(self._earlier or ()), self._facts]
        return marks(arguments, untrusted_texts(turns), own_words(turns))

    async def _take_up_answers(self) -> None:
        """Put what people decided and answered since the last look into the log."""
        if not any(call.waits_for_person for call in self._facts.unfinished_calls):
            return
        async with self._parts.database.reading() as session:
            self._seen_news = await turn_log.read_news(session, self._row.turn_id)
            decided = {row.call_id: row for row in await list_decided(session, self._row.turn_id)}
            answered = await list_inputs(session, self._row.turn_id)
        await self._take_up_decisions(decided)
        self._inputs.take_up(answered)
        await self._writer.commit()

    async def _take_up_decisions(self, decided: Mapping[str, ApprovalRow]) -> None:
        for call in self._facts.unfinished_calls:
            if call.asked is None or call.decided is not None:
                continue
            row = decided.get(call.call_id)
            if row is None:
                continue
            event = ApprovalDecided(
                n=(n := self._writer.number),
                first=n,
                call_id=row.call_id,
                decision=Decision(row.state),
                arguments=row.arguments,
                edited=row.edited,
                decided_by=row.decided_by_name,
                note=row.note,
                grant_id=row.grant_id,
            )
            self._writer.add(event)
            if event.decision is Decision.APPROVED:
                await self._writer.commit(
                    lambda session, row=row: approve_call(session, row.call_id, row.arguments)
                )

    async def _wait(self) -> bool:
        laid_down = False

        async def lay_down(session: AsyncSession) -> None:
            nonlocal laid_down
            laid_down = await turn_log.wait(session, self._writer.lease, self._seen_news)

        await self._writer.commit(lay_down)
        if not laid_down:
            async with self._parts.database.reading() as session:
                if await turn_log.is_cancel_requested(session, self._row.turn_id):
                    self._stop.set()
        return laid_down

    # --- the calls

    async def _run_calls(self, calls: Sequence[CallFacts]) -> None:
        prepared = await self._prepare(calls)
        for call in prepared:
            self._inputs.drop(self._facts.calls[call.call_id])
            self._writer.add(
                CallStarted(
                    n=(n := self._writer.number),
                    first=n,
                    call_id=call.call_id,
                    at=self._parts.now(),
                ),
                lambda session, call_id=call.call_id: mark_sent(
                    session, call_id, self._parts.now()
                ),
                lambda session, call=call: self._witness.sent(
                    session, call, attempt=self._facts.calls[call.call_id].sends
                ),
            )
        await self._writer.commit()
        running = [
            asyncio.create_task(
                self._parts.caller.send(call, self._writer.progress, self._ask_meanwhile)
            )
            for call in prepared
        ]
        try:
            for finished in asyncio.as_completed(running):
                self._take_up_end(await finished, {call.call_id: call.tool for call in prepared})
                await self._writer.commit()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _take_up_end(
        self, ended: EndedCall | AskingCall, tools: Mapping[str, CatalogueTool]
    ) -> None:
        call = self._facts.calls[ended.call_id]
        if isinstance(ended, AskingCall):
            if call.sends > MAX_ROUNDS_OF_QUESTIONS:
                self._end_call(call.call_id, CallState.FAILED, ASKS_TOO_OFTEN)
            else:
                for question in ended.questions:
                    self._inputs.ask_for_server(call, question, request_state=ended.request_state)
            return
        if ended.state is not CallState.OUTCOME_UNKNOWN:
            self._end_call(ended.call_id, ended.state, ended)
            return
        error = ended.outcome.error
        self._inputs.ask_outcome(
            call,
            f"{error.message if error else ''} {MAY_HAVE_BEEN_DONE}".strip(),
            can_check=tools[ended.call_id].status_tool is not None,
        )

    async def _ask_outcome(self, calls: Sequence[CallFacts]) -> None:
        """Ask about calls whose answers were lost together with the process that waited for them."""
        toolbox = await self._parts.catalogue.toolbox(self._principal)
        for call in calls:
            tool = toolbox.find(call.proposed.server, call.proposed.tool)
            can_check = tool is not None and tool.status_tool is not None
            self._inputs.drop(call)
            self._inputs.ask_outcome(call, MAY_HAVE_BEEN_DONE, can_check=can_check)
        await self._writer.commit()

    async def _ask_meanwhile(self, call_id: str, question: InputQuestion) -> ElicitResult:
        """Put a question to the person whose server waits for the answer on an open connection."""
        input_id = self._inputs.ask_for_server(self._facts.calls[call_id], question, live=True)
        await self._writer.commit()
        while True:
            await asyncio.sleep(LOOK_FOR_ANSWER_S)
            async with self._parts.database.reading() as session:
                row = await session.get_one(InputRow, input_id)
            if row.state != PENDING:
                break
        self._inputs.take_up_answer(row)
        await self._writer.commit()
        responses, _ = responses_of([row])
        return cast(ElicitResult, responses[row.server_key])

    async def _prepare(self, calls: Sequence[CallFacts]) -> list[CallToSend]:
        """Look the tools up again; what changed since the call was judged is not sent."""
        changes_something = any(not call.proposed.read_only for call in calls)
        max_age_s = FRESH_BEFORE_WRITING_S if changes_something else FRESH_BEFORE_READING_S
        toolbox = await self._parts.catalogue.toolbox(self._principal, max_age_s=max_age_s)
        if any(call.decided is not None and call.decided.edited for call in calls):
            await self._read_earlier()
        async with self._parts.database.reading() as session:
            rows = {
                call.call_id: await session.get_one(ToolCallRow, call.call_id) for call in calls
            }
            asked = await list_inputs(session, self._row.turn_id) if _any_asked(calls) else []
            grants = (
                await list_standing(session, self._principal, self._parts.now())
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
                self._end_call(call.call_id, CallState.FAILED, problem or TOOL_GONE)
                continue
            ids = {needed.input_id for needed in call.inputs if not needed.live}
            answers = [row for row in asked if row.input_id in ids]
            responses, request_state = responses_of(answers) if answers else (None, None)
            prepared.append(
                CallToSend(
                    call_id=call.call_id,
                    tool=tool,
                    principal=self._principal,
                    arguments=tool.with_key(row.arguments, row.idempotency_key),
                    idempotency_key=row.idempotency_key,
                    responses=responses,
                    request_state=request_state,
                )
            )
        return prepared

    def _why_not_as_changed(
        self, call: CallFacts, tool: CatalogueTool | None, arguments: dict[str, JsonValue]
    ) -> CallError | None:
        """The rules hold for what people change too: a yes cannot lift a refusal or replace a second person's."""
        if tool is None or call.decided is None or not call.decided.edited:
            return None
        judgement = self._judge_again(tool, arguments)
        if not is_stricter(judgement.verdict, call.proposed.verdict):
            return None
        return CallError(
            code=judgement.rule, message=f"As it was changed, it may not run. {judgement.reason}"
        )

    async def _settle(self, calls: Sequence[tuple[CallFacts, CallState]]) -> None:
        again = [call for call, state in calls if state is CallState.RETRIED]
        if again:
            await self._read_earlier()
        toolbox = await self._parts.catalogue.toolbox(self._principal) if again else Toolbox()
        for call, state in calls:
            self._end_call(call.call_id, state, _why_settled(call, state))
        for call in again:
            # Without grants: what may have been done already is asked about.
            self._propose(_as_proposed(call), toolbox, (), retry_of=call.call_id)
        if self._stop.is_set():
            now = self._parts.now()
            await self._writer.commit(
                lambda session: cancel_approvals(session, self._row.turn_id, now),
                lambda session: cancel_inputs(session, self._row.turn_id, now),
            )
        else:
            await self._writer.commit()

    def _end_call(self, call_id: str, state: CallState, end: EndedCall | CallError) -> None:
        outcome = end.outcome if isinstance(end, EndedCall) else ToolOutcome(error=end)
        proposed = self._facts.calls[call_id].proposed
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
            n=(n := self._writer.number),
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
        self._writer.add(
            event,
            lambda session: end_call(session, call_id, state, message, self._parts.now()),
            lambda session: self._witness.ended(session, event),
        )
        if self._facts.calls[call_id].inputs or self._facts.calls[call_id].sends > 1:
            self._writer.write_also(lambda session: forget_content(session, call_id))

    def _keep_whole(self, call_id: str, content: str) -> None:
        row = WholeResultRow(
            call_id=call_id,
            turn_id=self._row.turn_id,
            tenant_id=self._row.tenant_id,
            owner_id=self._row.owner_id,
            content=content,
            created_at=self._parts.now(),
        )

        async def keep(session: AsyncSession) -> None:
            session.add(row)

        self._writer.write_also(keep)

    # --- the end

    async def _finish(self, step: Finish) -> None:
        self._writer.finish_text()
        now = self._parts.now()
        state = _STATE_OF[step.outcome]
        conversation_id, turn_id, answer = (
            self._row.conversation_id,
            self._row.turn_id,
            self._facts.answer,
        )
        self._writer.add(
            TurnFinished(
                n=(n := self._writer.number), first=n, outcome=step.outcome, error=step.error
            ),
            lambda session: turn_log.finish(session, self._writer.lease, state, now=now),
            lambda session: touch_conversation(session, conversation_id, now),
            lambda session: add_message(
                session, conversation_id, turn_id, "assistant", answer, now
            ),
            self._start_next,
        )
        await self._writer.commit(first=lambda session: lock_conversation(session, conversation_id))
        turns_finished.labels(outcome=step.outcome.value).inc()

    async def _start_next(self, session: AsyncSession) -> None:
        self.next_turn_id = await start_next(session, self._row.conversation_id)

    def _notice(self, code: str, level: Literal["info", "warning", "error"], text: str) -> None:
        """Tell the person once, however often the reply it concerns is asked for."""
        if (code, text) in self._facts.notices:
            return
        self._writer.add(
            Notice(n=(n := self._writer.number), first=n, code=code, level=level, text=text)
        )


def _why_settled(call: CallFacts, state: CallState) -> CallError:
    if state is CallState.REFUSED:
        return CallError(code=call.proposed.rule, message=call.proposed.reason)
    if state is CallState.MARKED_DONE and call.outcome_decided is not None:
        said_by = call.outcome_decided.decided_by
        message = f"The answer was lost; that it was done is known from {said_by}."
        return CallError(code=state.value, message=message)
    return CallError(code=state.value, message=_WHY_ENDED[state])


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
    if tool.is_changed or tool.definition_hash != row.definition_hash:
        return CallError(
            code="definition_changed",
            message="The tool's definition changed after this call was judged, so it was not sent.",
            hint="Look at the difference on the tools page.",
        )
    return None
