"""Takes a claimed turn as far as it goes: decide, do, append, repeat, until it ends or waits for a person."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from typing import Any, assert_never

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.approvals.models import ApprovalRow
from orchestrator.approvals.queries import list_decided
from orchestrator.conversations.queries import lock_conversation, touch_conversation
from orchestrator.conversations.search import add_message
from orchestrator.inputs.queries import list_inputs
from orchestrator.models.port import ModelFailed, ReplyCut, ReplyEnd
from orchestrator.tools.catalogue import Toolbox
from orchestrator.tools.queries import approve_call
from orchestrator.turns import log as turn_log
from orchestrator.turns.calling import Calls
from orchestrator.turns.citations import check_citations, is_to_be_checked
from orchestrator.turns.context import build_context, system_prompt
from orchestrator.turns.decide import (
    AskModel,
    AskOutcome,
    AskPerson,
    Done,
    Finish,
    RunCalls,
    SettleCalls,
    Step,
    Wait,
    decide,
)
from orchestrator.turns.facts import TurnFacts
from orchestrator.turns.metrics import replies_finished, turns_finished
from orchestrator.turns.parts import TurnParts
from orchestrator.turns.proposals import Proposals
from orchestrator.turns.queue import start_next
from orchestrator.turns.work import TurnWork
from shared.errors import ExpectedError
from shared.wire.api import TurnState
from shared.wire.events import (
    ApprovalDecided,
    CallError,
    Decision,
    Outcome,
    TurnFinished,
    Usage,
)

log = structlog.get_logger()

INTERNAL = CallError(
    code="internal",
    message="Something went wrong on our side, so this answer was ended. It was logged.",
    hint="Ask again.",
)
_STATE_OF = {
    Outcome.ANSWERED: TurnState.ANSWERED,
    Outcome.STOPPED: TurnState.STOPPED,
    Outcome.FAILED: TurnState.FAILED,
}


class Turn:
    """One claimed turn being taken further by this process."""

    def __init__(self, parts: TurnParts, claimed: turn_log.Claimed, facts: TurnFacts) -> None:
        self._work = TurnWork(parts, claimed, facts)
        self._proposals = Proposals(self._work)
        self._calls = Calls(self._work, self._proposals)
        self.next_turn_id: str | None = None
        """The queued turn that became ready by the end of this one."""
        self._stop = asyncio.Event()
        if claimed.row.cancel_requested_at is not None:
            self._stop.set()
        self._seen_news = 0

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
                self._work.facts,
                cancel_requested=self._stop.is_set(),
                limits=self._work.parts.limits,
            )
            if await self._take(step):
                return

    async def fail_internally(self) -> None:
        """End the turn after a bug of ours, as far as that still works."""
        self._work.writer.forget_uncommitted()
        await self._finish(Finish(Outcome.FAILED, INTERNAL))

    async def _take(self, step: Step) -> bool:
        """Do one step. True: there is nothing more to do now."""
        match step:
            case AskModel():
                await self._ask_model()
            case AskPerson():
                await self._unless_stopped(self._proposals.ask_person(step.calls))
            case RunCalls():
                await self._unless_stopped(self._calls.run(step.calls))
            case AskOutcome():
                await self._calls.ask_outcome(step.calls)
            case SettleCalls():
                await self._calls.settle(step.calls, stopped=self._stop.is_set())
            case Wait():
                return await self._wait()
            case Finish():
                await self._check_citations(step)
                await self._finish(step)
            case Done():
                return True
            case _:
                assert_never(step)
        return self._work.facts.finished is not None

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
            self._work.writer.drop_text(error.message)
            await self._work.writer.commit()
        except ExpectedError as error:
            log.warning("reply_failed", code=error.code)
            await self._finish(
                Finish(Outcome.FAILED, CallError(code=error.code, message=error.message))
            )
        if self._stop.is_set():
            self._work.writer.finish_text()

    async def _get_reply(self) -> None:
        toolbox = await self._work.parts.catalogue.toolbox(self._work.principal)
        if not self._work.facts.replies:
            self._tell_problems(toolbox)
        context = await self._context(toolbox)
        tools = toolbox.for_model()
        end = ReplyEnd()
        # Text is shown at once, so whatever was noted before it must be stored by then: order is all a reader has.
        await self._work.writer.commit()
        async with aclosing(self._work.parts.model.reply(context, tools)) as parts:
            async for part in parts:
                if isinstance(part, ReplyEnd):
                    end = part
                else:
                    room = (
                        self._work.parts.settings.max_reply_characters
                        - self._work.writer.spoken_characters
                    )
                    self._work.writer.say(part[:room])
                    if len(part) > room:
                        end = ReplyEnd(cut_by_length=True)
                        break
        await self._take_up_reply(end, toolbox)

    async def _context(self, toolbox: Toolbox) -> Any:
        context = build_context(
            await self._work.read_earlier(),
            self._work.facts,
            system=system_prompt(
                person=self._work.principal.name,
                now=self._work.parts.now(),
                tz=self._work.principal.tz,
                unavailable=[name for name, _ in toolbox.problems],
            ),
            max_tokens=self._work.parts.settings.context_tokens,
        )
        if context.left_out and not self._work.facts.replies:
            self._work.notice(
                "history_left_out",
                "info",
                f"This conversation is long: the assistant no longer sees its first {context.left_out} questions.",
            )
        return context.messages

    def _tell_problems(self, toolbox: Toolbox) -> None:
        for server, problem in toolbox.problems:
            self._work.notice(
                "tool_server_unavailable",
                "warning",
                f"The tools of “{server}” cannot be used right now: {problem.message}",
            )

    async def _take_up_reply(self, end: ReplyEnd, toolbox: Toolbox) -> None:
        # Read first: a stop must not come between the calls of one reply.
        grants = await self._work.list_grants() if end.calls else ()
        self._work.writer.finish_text()
        for call in end.calls:
            self._proposals.propose(call, toolbox, grants)
        if end.cut_by_length:
            self._work.notice(
                "reply_too_long",
                "warning",
                "The answer reached the longest it may be and ends here.",
            )
        replies_finished.inc()
        self._work.writer.add(
            Usage(
                n=(n := self._work.writer.number),
                first=n,
                model=self._work.parts.model.name,
                input_tokens=end.input_tokens,
                output_tokens=end.output_tokens,
            )
        )
        if end.calls:
            await (
                self._work.writer.commit()
            )  # an answer without calls is stored together with the turn's end

    # --- the person

    async def _take_up_answers(self) -> None:
        """Put what people decided and answered since the last look into the log."""
        if not any(call.waits_for_person for call in self._work.facts.unfinished_calls):
            return
        async with self._work.parts.database.reading() as session:
            self._seen_news = await turn_log.read_news(session, self._work.row.turn_id)
            decided = {
                row.call_id: row for row in await list_decided(session, self._work.row.turn_id)
            }
            answered = await list_inputs(session, self._work.row.turn_id)
        await self._take_up_decisions(decided)
        self._work.inputs.take_up(answered)
        await self._work.writer.commit()

    async def _take_up_decisions(self, decided: Mapping[str, ApprovalRow]) -> None:
        for call in self._work.facts.unfinished_calls:
            if call.asked is None or call.decided is not None:
                continue
            row = decided.get(call.call_id)
            if row is None:
                continue
            event = ApprovalDecided(
                n=(n := self._work.writer.number),
                first=n,
                call_id=row.call_id,
                decision=Decision(row.state),
                arguments=row.arguments,
                edited=row.edited,
                decided_by=row.decided_by_name,
                note=row.note,
                grant_id=row.grant_id,
            )
            self._work.writer.add(event)
            if event.decision is Decision.APPROVED:
                await self._work.writer.commit(
                    lambda session, row=row: approve_call(session, row.call_id, row.arguments)
                )

    async def _wait(self) -> bool:
        laid_down = False

        async def lay_down(session: AsyncSession) -> None:
            nonlocal laid_down
            laid_down = await turn_log.wait(session, self._work.writer.lease, self._seen_news)

        await self._work.writer.commit(lay_down)
        if not laid_down:
            async with self._work.parts.database.reading() as session:
                if await turn_log.is_cancel_requested(session, self._work.row.turn_id):
                    self._stop.set()
        return laid_down

    # --- the end

    async def _check_citations(self, step: Finish) -> None:
        """The answer is with the person already; a stop ends the check and not the answer."""
        if step.outcome is not Outcome.ANSWERED or not is_to_be_checked(self._work.facts):
            return
        await self._work.writer.commit()
        await self._unless_stopped(check_citations(self._work))

    async def _finish(self, step: Finish) -> None:
        self._work.writer.finish_text()
        now = self._work.parts.now()
        state = _STATE_OF[step.outcome]
        conversation_id, turn_id, answer = (
            self._work.row.conversation_id,
            self._work.row.turn_id,
            self._work.facts.answer,
        )
        self._work.writer.add(
            TurnFinished(
                n=(n := self._work.writer.number), first=n, outcome=step.outcome, error=step.error
            ),
            lambda session: turn_log.finish(session, self._work.writer.lease, state, now=now),
            lambda session: touch_conversation(session, conversation_id, now),
            lambda session: add_message(
                session, conversation_id, turn_id, "assistant", answer, now
            ),
            self._start_next,
        )
        await self._work.writer.commit(
            first=lambda session: lock_conversation(session, conversation_id)
        )
        turns_finished.labels(outcome=step.outcome.value).inc()

    async def _start_next(self, session: AsyncSession) -> None:
        self.next_turn_id = await start_next(session, self._work.row.conversation_id)
