"""What a turn does next, decided from facts alone: no session, no clock, no network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.turns.facts import CallFacts, TurnFacts
from shared.wire.events import (
    CallError,
    CallState,
    Decision,
    InputAction,
    Outcome,
    OutcomeChoice,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one turn, so that a model that loops comes to an end."""

    model_replies: int
    cut_replies: int


@dataclass(frozen=True, slots=True)
class AskModel:
    """Get the next reply."""


@dataclass(frozen=True, slots=True)
class AskPerson:
    """Put these calls before the person."""

    calls: tuple[CallFacts, ...]


@dataclass(frozen=True, slots=True)
class RunCalls:
    """Send these calls, all at once."""

    calls: tuple[CallFacts, ...]


@dataclass(frozen=True, slots=True)
class SettleCalls:
    """End these calls without sending them (again), each with its state."""

    calls: tuple[tuple[CallFacts, CallState], ...]


@dataclass(frozen=True, slots=True)
class AskOutcome:
    """Ask the person what to do about calls that may have been done."""

    calls: tuple[CallFacts, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until a person decides."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the turn."""

    outcome: Outcome
    error: CallError | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The turn has ended."""


Step = AskModel | AskPerson | RunCalls | SettleCalls | AskOutcome | Wait | Finish | Done

TOO_MANY_REPLIES = CallError(
    code="too_many_steps",
    message="The assistant kept calling tools without coming to an answer, so it was stopped.",
    hint="Ask for less at once, or ask again in other words.",
)
EMPTY_REPLY = CallError(
    code="empty_reply",
    message="The model gave an empty answer.",
    hint="Send the question again, or put it in other words.",
)


def decide(facts: TurnFacts, *, cancel_requested: bool, limits: Limits) -> Step:
    """The next step of a turn. The same facts always give the same step."""
    if facts.finished is not None:
        return Done()
    if cancel_requested:
        return _stop(facts)
    if unfinished := facts.unfinished_calls:
        return _next_for_calls(unfinished)
    if facts.replies and not facts.replies[-1].call_ids:
        return _after_last_words(facts)
    if facts.cut_replies >= limits.cut_replies:
        return Finish(Outcome.FAILED, _reply_cut(facts))
    if len(facts.replies) >= limits.model_replies:
        return Finish(Outcome.FAILED, TOO_MANY_REPLIES)
    return AskModel()


def _reply_cut(facts: TurnFacts) -> CallError:
    message = f"The model's answer broke off {facts.cut_replies} times. {facts.cut_reason}".strip()
    return CallError(code="reply_cut", message=message, hint="Try again in a moment.")


def _after_last_words(facts: TurnFacts) -> Finish:
    if facts.replies[-1].text.strip():
        return Finish(Outcome.ANSWERED)
    return Finish(Outcome.FAILED, EMPTY_REPLY)


def _stop(facts: TurnFacts) -> Step:
    if unfinished := facts.unfinished_calls:
        return SettleCalls(tuple((call, _state_when_stopped(call)) for call in unfinished))
    return Finish(Outcome.STOPPED)


def _state_when_stopped(call: CallFacts) -> CallState:
    if call.started and not call.proposed.read_only:
        return CallState.OUTCOME_UNKNOWN
    return CallState.CANCELLED


def _next_for_calls(unfinished: Sequence[CallFacts]) -> Step:
    if settled := tuple(_settled(unfinished)):
        return SettleCalls(settled)
    if lost := tuple(call for call in unfinished if _is_lost(call)):
        return AskOutcome(lost)
    if runnable := tuple(call for call in unfinished if _may_be_sent(call)):
        return RunCalls(runnable)
    if unasked := tuple(call for call in unfinished if _is_unasked(call)):
        return AskPerson(unasked)
    return Wait()


def _settled(calls: Sequence[CallFacts]) -> Iterator[tuple[CallFacts, CallState]]:
    for call in calls:
        if call.proposed.verdict is Verdict.REFUSE:
            yield call, CallState.REFUSED
        elif call.decided is not None and call.decided.decision in _ENDS_AS:
            yield call, _ENDS_AS[call.decided.decision]
        elif call.sign_in_refused is not None:
            has_expired = call.sign_in_refused is InputAction.EXPIRED
            yield call, CallState.EXPIRED if has_expired else CallState.REJECTED
        elif call.outcome_decided is not None:
            yield call, _STATE_AFTER[call.outcome_decided.choice]


_ENDS_AS = {
    Decision.REJECTED: CallState.REJECTED,
    Decision.EXPIRED: CallState.EXPIRED,
}


_STATE_AFTER = {
    OutcomeChoice.RETRY: CallState.RETRIED,
    OutcomeChoice.DONE: CallState.MARKED_DONE,
    OutcomeChoice.LEAVE: CallState.OUTCOME_UNKNOWN,
    OutcomeChoice.EXPIRED: CallState.OUTCOME_UNKNOWN,
    OutcomeChoice.CANCELLED: CallState.OUTCOME_UNKNOWN,
}


def _is_lost(call: CallFacts) -> bool:
    """Sent, and the answer never arrived: it may have been done. Never sent again by us."""
    return call.started and not call.proposed.repeatable and call.outcome_needed is None


def _is_unasked(call: CallFacts) -> bool:
    return call.proposed.verdict is not Verdict.RUN and call.asked is None


def _may_be_sent(call: CallFacts) -> bool:
    if call.outcome_needed is not None or call.unanswered_inputs:
        return False
    approved = call.decided is not None and call.decided.decision is Decision.APPROVED
    return call.proposed.verdict is Verdict.RUN or approved
