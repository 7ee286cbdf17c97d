"""The events of a turn: what a page, a script or another replica needs to show it, in order and without gaps.

Every event has a number `n` and the number `first` from which it covers the turn: whoever has applied everything
up to `n_applied` applies an event when `first <= n_applied + 1 <= n`, ignores it when `n <= n_applied`, and has
missed something when `first > n_applied + 1`. Deltas and progress are not stored; the stored event after them covers
them, so a stored turn replays without a gap: `text_finished` sums its deltas up, `text_dropped` takes them back.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from shared.wire.knowledge import PassageShown, SentenceChecked
from shared.wire.mail import MailShown


class Verdict(StrEnum):
    """What the gate says about a proposed call."""

    RUN = "run"
    ASK = "ask"
    ASK_SECOND_PERSON = "ask_second_person"
    """Somebody other than the person who asked must say yes."""
    REFUSE = "refuse"


class Decision(StrEnum):
    """How an approval ended."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """The turn was stopped while the question was open."""


class CallState(StrEnum):
    """Where a tool call stands in the ledger."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Sent, but the answer was lost: it may have been done."""
    RETRIED = "retried"
    """Its outcome stayed unknown, and the person had it proposed anew, as another call."""
    MARKED_DONE = "marked_done"
    """Its outcome stayed unknown, and the person says that it was done."""


class OutcomeChoice(StrEnum):
    """What a person does about a call that may have been done."""

    RETRY = "retry"
    DONE = "done"
    LEAVE = "leave"
    """Leave it unknown; the assistant is told so."""
    EXPIRED = "expired"
    """Nobody chose in time; it is left unknown."""
    CANCELLED = "cancelled"
    """The turn was stopped."""


class InputAction(StrEnum):
    """How a tool server's question to the person ended."""

    ACCEPT = "accept"
    DECLINE = "decline"
    CANCEL = "cancel"
    EXPIRED = "expired"


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"


class Change(BaseModel):
    """One value that a call would change."""

    model_config = ConfigDict(frozen=True)

    item: str
    """What is changed, as a person would name it: `Task 42: Write release notes`."""
    field: str
    old: JsonValue = None
    new: JsonValue = None


class Preview(BaseModel):
    """What a call would do, worked out by its server without doing it."""

    model_config = ConfigDict(frozen=True)

    summary: str
    changes: list[Change] = []
    mail: MailShown | None = None
    """The mail that would be sent or kept, if that is what the call does."""


class Origin(BaseModel):
    """Where a piece of text came from."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["person", "document", "web", "mail", "database", "tool"]
    server: str = ""
    """Our name for the tool server, empty for the person's own words."""
    trusted: bool
    """False: strangers may have written it, so it is data and never a reason to act."""


class TaintMark(BaseModel):
    """A fragment of an argument that occurs in untrusted text."""

    model_config = ConfigDict(frozen=True)

    argument: str
    """Dotted path of the argument: `to.0`."""
    start: int = Field(ge=0)
    """In characters (code points) of the argument's text."""
    end: int
    origin: Origin


class DefinitionChange(BaseModel):
    """How a tool's definition differs from the one a standing grant was given for."""

    model_config = ConfigDict(frozen=True)

    before: dict[str, JsonValue]
    after: dict[str, JsonValue]


class CallError(BaseModel):
    """Why a call did not succeed, in words for the person and the model."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    hint: str | None = None


class EventBase(BaseModel):
    """Common to all events."""

    model_config = ConfigDict(frozen=True)

    n: int = Field(ge=1)
    first: int = Field(ge=1)


class TurnStarted(EventBase):
    """The question was accepted and is stored."""

    kind: Literal["turn_started"] = "turn_started"
    turn_id: str
    conversation_id: str
    client_id: str
    question: str
    title: str
    model: str
    at: datetime
    replaces: str | None = None
    """The turn of which this is another version: the person edited its question, or had it answered anew."""
    queued: bool = False
    """An earlier question is still being answered; this one waits for its end."""


class TextDelta(EventBase):
    """More of the answer's text, to be appended."""

    kind: Literal["text_delta"] = "text_delta"
    text: str


class TextFinished(EventBase):
    """The whole text of one model reply; replaces the deltas it covers. May be followed by calls and more text."""

    kind: Literal["text_finished"] = "text_finished"
    text: str


class TextDropped(EventBase):
    """The deltas since the last finished text are void: the reply was cut off and is asked for again."""

    kind: Literal["text_dropped"] = "text_dropped"
    reason: str
    handed_over: bool = False
    """The replica that wrote it was told to stop; the reply itself had no trouble."""


class CallProposed(EventBase):
    """The model wants a tool called; the gate has said what becomes of it."""

    kind: Literal["call_proposed"] = "call_proposed"
    call_id: str
    server: str
    tool: str
    title: str
    arguments: dict[str, JsonValue]
    read_only: bool
    repeatable: bool
    """Sending it twice does no more than sending it once, by the word of a trusted server."""
    verdict: Verdict
    rule: str
    reason: str
    approver_roles: list[str] = []
    """Who may be the second person, when one must say yes."""
    grant_id: str | None = None
    """The standing grant under which it runs without a question."""
    retry_of: str | None = None
    """The call with an unknown outcome that the person had tried again by this one."""
    keepable: bool = False
    """Once it has succeeded, its server can keep it under a name: `PUT /v1/calls/{id}/kept`."""


class ApprovalNeeded(EventBase):
    """A person must say yes. Everything the dialog shows is here."""

    kind: Literal["approval_needed"] = "approval_needed"
    call_id: str
    arguments: dict[str, JsonValue]
    arguments_schema: dict[str, JsonValue]
    """JSON Schema 2020-12 of the arguments, for editing them."""
    preview: Preview | None
    """None when the server offers none or it failed; `preview_problem` then says why, if it failed."""
    preview_problem: str | None = None
    rule: str
    reason: str
    expires_at: datetime
    approver_roles: list[str] = []
    """Empty: the person who asked decides. Otherwise somebody else with one of these roles must."""
    taint: list[TaintMark] = []
    """Fragments of arguments that come from untrusted text."""
    may_grant: bool = False
    """Whether the yes may be given for longer, as a standing grant."""
    outdated_grant: DefinitionChange | None = None
    """A standing grant would have covered this, but the tool's definition has changed since."""


class ApprovalDecided(EventBase):
    """The one decision that counted."""

    kind: Literal["approval_decided"] = "approval_decided"
    call_id: str
    decision: Decision
    arguments: dict[str, JsonValue]
    """What will be sent if approved: with the person's edits."""
    edited: list[str] = []
    """Names of the arguments the person changed."""
    decided_by: str = ""
    """The person's name; empty when nobody decided."""
    note: str = ""
    grant_id: str | None = None
    """The standing grant that was given together with this yes."""


class CallStarted(EventBase):
    """The call is about to be sent."""

    kind: Literal["call_started"] = "call_started"
    call_id: str
    at: datetime


class CallProgress(EventBase):
    """The tool server says how far it is."""

    kind: Literal["call_progress"] = "call_progress"
    call_id: str
    done: float
    total: float | None = None
    message: str = ""


class CallFinished(EventBase):
    """The call ended; `state` says how."""

    kind: Literal["call_finished"] = "call_finished"
    call_id: str
    state: CallState
    duration_ms: int | None = None
    """None when the call was never sent."""
    rows: int | None = None
    """Rows in the result, when it is a table."""
    result: JsonValue = None
    """The structured result, bounded in size; None for failed calls."""
    truncated: bool = False
    error: CallError | None = None
    origin: Origin | None = None
    """Where the result's text comes from; None when there is no result."""
    whole_bytes: int | None = None
    """Size of the whole result, when this event holds only a part: `GET /v1/calls/{id}/result` has it."""


class OutcomeNeeded(EventBase):
    """A call was sent and its answer was lost: it may have been done. The person chooses what to do about it."""

    kind: Literal["outcome_needed"] = "outcome_needed"
    call_id: str
    message: str
    can_check: bool
    """The server can say whether it was done."""
    expires_at: datetime


class OutcomeChecked(EventBase):
    """The server was asked whether the call was done."""

    kind: Literal["outcome_checked"] = "outcome_checked"
    call_id: str
    answer: Literal["done", "not_done", "unknown"]
    text: str


class OutcomeDecided(EventBase):
    """The person chose, or time was up."""

    kind: Literal["outcome_decided"] = "outcome_decided"
    call_id: str
    choice: OutcomeChoice
    decided_by: str = ""


class InputNeeded(EventBase):
    """A tool server asks the person something before it goes on: MCP elicitation, or that they sign in there."""

    kind: Literal["input_needed"] = "input_needed"
    input_id: str
    call_id: str
    server: str
    mode: Literal["form", "url", "sign_in"]
    """`sign_in` is answered by signing in, and ends the call when it is declined."""
    message: str
    answer_schema: dict[str, JsonValue] = {}
    """JSON Schema of the answer: one level of strings, numbers, booleans and choices. Empty in URL mode."""
    url: str | None = None
    domain: str | None = None
    """Of the address, as it is to be shown before the person follows it; for a sign-in, of the server."""
    live: bool = False
    """The server waits on an open connection, as those of the protocol before 2026-07-28 do: it is lost with it."""
    expires_at: datetime


class InputAnswered(EventBase):
    """The person answered, or time was up. What was typed goes to the server alone, not into events."""

    kind: Literal["input_answered"] = "input_answered"
    input_id: str
    call_id: str
    action: InputAction


class Notice(EventBase):
    """Something the person should know, which is not part of the answer."""

    kind: Literal["notice"] = "notice"
    code: str
    level: Literal["info", "warning", "error"]
    text: str


class Usage(EventBase):
    """What one model reply cost. None: the provider did not say."""

    kind: Literal["usage"] = "usage"
    model: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class CitationsChecked(EventBase):
    """The answer cites passages; each sentence that does was held against what it cites. Before the turn's end."""

    kind: Literal["citations_checked"] = "citations_checked"
    passages: list[PassageShown]
    """Each that is cited and was found, in the order of its first mark in the answer."""
    sentences: list[SentenceChecked]
    """Of the last finished text. Marks that are no passage's are cited by nobody: their sentence is `not_found`."""


class TurnFinished(EventBase):
    """Nothing follows."""

    kind: Literal["turn_finished"] = "turn_finished"
    outcome: Outcome
    error: CallError | None = None
    """Set when the outcome is `failed`."""


Event = Annotated[
    TurnStarted
    | TextDelta
    | TextFinished
    | TextDropped
    | CallProposed
    | ApprovalNeeded
    | ApprovalDecided
    | CallStarted
    | CallProgress
    | CallFinished
    | OutcomeNeeded
    | OutcomeChecked
    | OutcomeDecided
    | InputNeeded
    | InputAnswered
    | Notice
    | Usage
    | CitationsChecked
    | TurnFinished,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
