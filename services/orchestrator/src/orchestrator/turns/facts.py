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
    Event,
    Notice,
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
    finished: CallFinished | None = None

    @property
    def call_id(self) -> str:
        return self.proposed.call_id

    @property
    def arguments_to_send(self) -> dict[str, object]:
        decided = self.decided
        return dict(self.proposed.arguments if decided is None else decided.arguments)


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
    finished: TurnFinished | None = None

    @property
    def last_calls(self) -> Sequence[CallFacts]:
        """Calls of the last complete reply."""
        if not self.replies:
            return ()
        return [self.calls[call_id] for call_id in self.replies[-1].call_ids]

    @property
    def unfinished_calls(self) -> Sequence[CallFacts]:
        return [call for call in self.calls.values() if call.finished is None]


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
                cut_replies=facts.cut_replies + 1,
                cut_reason=event.reason,
                open_reply=Reply(),
            )
        case CallProposed():
            reply = facts.open_reply
            calls = {**facts.calls, event.call_id: CallFacts(proposed=event)}
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
            return _with_call(facts, event.call_id, started=True)
        case CallFinished():
            return _with_call(facts, event.call_id, finished=event)
        case TurnFinished():
            return replace(facts, finished=event)
        case TextDelta() | CallProgress() | Notice():
            return facts
        case _:
            assert_never(event)


def _with_call(facts: TurnFacts, call_id: str, **changes: object) -> TurnFacts:
    call = replace(facts.calls[call_id], **changes)
    return replace(facts, calls={**facts.calls, call_id: call})
