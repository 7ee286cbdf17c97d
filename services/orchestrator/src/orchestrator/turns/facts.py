"""What the stored events of a turn add up to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    CallProgress,
    CallProposed,
    CallStarted,
    CitationsChecked,
    Event,
    InputAction,
    InputAnswered,
    InputNeeded,
    Notice,
    OutcomeChecked,
    OutcomeDecided,
    OutcomeNeeded,
    TextDelta,
    TextDropped,
    TextFinished,
    TurnFinished,
    TurnStarted,
    Usage,
)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """One tool call, as far as it got."""

    proposed: CallProposed
    asked: ApprovalNeeded | None = None
    decided: ApprovalDecided | None = None
    started: bool = False
    """Sent, and neither answered nor answered with a question."""
    sends: int = 0
    """How often it was sent: again after each round of its server's questions, or after a crash."""
    inputs: tuple[InputNeeded, ...] = ()
    """Questions of the tool server in its last answer."""
    answered: frozenset[str] = frozenset()
    """Those of its questions, by id, that the person has answered or let pass."""
    sign_ins: int = 0
    """How often the person was asked to sign in for it."""
    sign_in_refused: InputAction | None = None
    """They did not: it cannot be sent."""
    outcome_needed: OutcomeNeeded | None = None
    outcome_checks: int = 0
    """How often the server was asked about the outcome."""
    outcome_decided: OutcomeDecided | None = None
    finished: CallFinished | None = None

    @property
    def call_id(self) -> str:
        return self.proposed.call_id

    @property
    def arguments_to_send(self) -> dict[str, object]:
        decided = self.decided
        return dict(self.proposed.arguments if decided is None else decided.arguments)

    @property
    def waits_for_person(self) -> bool:
        """Something was asked about it whose answer is not in the log."""
        undecided = self.asked is not None and self.decided is None
        in_doubt = self.outcome_needed is not None and self.outcome_decided is None
        return undecided or in_doubt or bool(self.unanswered_inputs)

    @property
    def unanswered_inputs(self) -> Sequence[InputNeeded]:
        return [
            needed
            for needed in self.inputs
            if needed.input_id not in self.answered and not needed.live
        ]

    @property
    def open_input_ids(self) -> frozenset[str]:
        """Of the last round of its server's questions, those whose answer is not in the log."""
        return frozenset(needed.input_id for needed in self.inputs) - self.answered

    @property
    def dropped_inputs(self) -> Sequence[InputNeeded]:
        """Questions asked on a connection, looked at when nothing is running: the connection is gone."""
        return [
            needed for needed in self.inputs if needed.input_id not in self.answered and needed.live
        ]


@dataclass(frozen=True, slots=True)
class Reply:
    """One model reply: its text and the calls it proposed."""

    text: str = ""
    call_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """Everything later steps are decided from."""

    question: str = ""
    replies: tuple[Reply, ...] = ()
    """Complete replies, in order. What belongs to one still open is in `open_reply`."""
    open_reply: Reply = field(default_factory=Reply)
    calls: dict[str, CallFacts] = field(default_factory=dict[str, CallFacts])
    cut_replies: int = 0
    """Replies that broke off since the last complete one."""
    cut_reason: str = ""
    notices: frozenset[tuple[str, str]] = frozenset()
    """Code and text of what the person was told beside the answer."""
    citations: CitationsChecked | None = None
    finished: TurnFinished | None = None

    def last_try(self, call: CallFacts) -> CallFacts:
        """The call itself, or the one by which the person last had it tried again."""
        retries = {other.proposed.retry_of: other for other in self.calls.values()}
        while (retry := retries.get(call.call_id)) is not None:
            call = retry
        return call

    @property
    def answer(self) -> str:
        """Everything the assistant has said to the person, without what it did in between."""
        return join_texts(reply.text for reply in (*self.replies, self.open_reply))

    @property
    def unfinished_calls(self) -> Sequence[CallFacts]:
        return [call for call in self.calls.values() if call.finished is None]


def join_texts(texts: Iterable[str]) -> str:
    """What was said in several replies, as one text."""
    return "\n\n".join(text for text in texts if text.strip())


def fold(events: Iterable[Event], facts: TurnFacts | None = None) -> TurnFacts:
    """Add events to what is known, in order."""
    result = facts or TurnFacts()
    for event in events:
        result = _apply(result, event)
    return result


def _apply(facts: TurnFacts, event: Event) -> TurnFacts:
    match event:
        case TurnStarted():
            return replace(facts, question=event.question)
        case TextFinished():
            return replace(facts, open_reply=replace(facts.open_reply, text=event.text))
        case TextDropped():
            return replace(
                facts,
                cut_replies=facts.cut_replies + (0 if event.handed_over else 1),
                cut_reason=event.reason,
                open_reply=Reply(),
            )
        case CallProposed():
            reply = facts.open_reply
            calls = {**facts.calls, event.call_id: CallFacts(proposed=event)}
            if event.retry_of is not None:  # ours, not the model's: no reply proposed it
                return replace(facts, calls=calls)
            open_reply = replace(reply, call_ids=(*reply.call_ids, event.call_id))
            return replace(facts, calls=calls, open_reply=open_reply)
        case Usage():
            replies = (*facts.replies, facts.open_reply)
            return replace(facts, replies=replies, open_reply=Reply(), cut_replies=0)
        case ApprovalNeeded():
            return _with_call(facts, event.call_id, asked=event)
        case ApprovalDecided():
            return _with_call(facts, event.call_id, decided=event)
        case CallStarted():
            sends = facts.calls[event.call_id].sends + 1
            return _with_call(
                facts,
                event.call_id,
                started=True,
                sends=sends,
                inputs=(),
                answered=frozenset[str](),
            )
        case InputNeeded():
            call = facts.calls[event.call_id]
            still_out = call.started and event.live
            return _with_call(
                facts,
                event.call_id,
                started=still_out,
                inputs=(*call.inputs, event),
                sign_ins=call.sign_ins + (event.mode == "sign_in"),
            )
        case InputAnswered():
            call = facts.calls[event.call_id]
            is_refusal = event.action is not InputAction.ACCEPT and any(
                needed.input_id == event.input_id and needed.mode == "sign_in"
                for needed in call.inputs
            )
            return _with_call(
                facts,
                event.call_id,
                answered=call.answered | {event.input_id},
                sign_in_refused=event.action if is_refusal else call.sign_in_refused,
            )
        case OutcomeNeeded():
            return _with_call(facts, event.call_id, outcome_needed=event)
        case OutcomeChecked():
            checks = facts.calls[event.call_id].outcome_checks + 1
            return _with_call(facts, event.call_id, outcome_checks=checks)
        case OutcomeDecided():
            return _with_call(facts, event.call_id, outcome_decided=event)
        case CallFinished():
            return _with_call(facts, event.call_id, finished=event)
        case CitationsChecked():
            return replace(facts, citations=event)
        case TurnFinished():
            return replace(facts, finished=event)
        case Notice():
            return replace(facts, notices=facts.notices | {(event.code, event.text)})
        case TextDelta() | CallProgress():
            return facts
        case _:
            assert_never(event)


def _with_call(facts: TurnFacts, call_id: str, **changes: object) -> TurnFacts:
    call = replace(facts.calls[call_id], **changes)
    return replace(facts, calls={**facts.calls, call_id: call})
