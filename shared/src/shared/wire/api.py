"""Bodies of the orchestrator's HTTP API."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from shared.wire.events import Event, Preview

MAX_QUESTION_CHARACTERS = 100_000
MAX_TITLE_CHARACTERS = 120

ClientMadeId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""An id the client makes up, a UUID as a rule: it makes a repeated request harmless."""


class TurnState(StrEnum):
    """Where a turn stands."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in {TurnState.ANSWERED, TurnState.STOPPED, TurnState.FAILED}


class Conversation(BaseModel):
    """A conversation as the side list shows it."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    title: str
    created_at: datetime
    updated_at: datetime


class ConversationPage(BaseModel):
    """Conversations, newest activity first. `next_before` asks for the page after this one."""

    conversations: list[Conversation]
    next_before: str | None = None


class Turn(BaseModel):
    """One question and what came of it, as its stored events."""

    turn_id: str
    client_id: str
    state: TurnState
    events: list[Event]


class ConversationDetail(Conversation):
    """A conversation with its latest turns, oldest first."""

    turns: list[Turn]
    earlier_turns: bool = False
    """True when there are turns before the first one given here."""


class ConversationChange(BaseModel):
    """Rename a conversation."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[
        str, Field(min_length=1, max_length=MAX_TITLE_CHARACTERS, examples=["Release planning"])
    ]


class Question(BaseModel):
    """Start a turn. The same `client_id` again gives the same turn."""

    model_config = ConfigDict(extra="forbid")

    client_id: ClientMadeId
    text: Annotated[
        str,
        Field(
            description=f"The question, 1 to {MAX_QUESTION_CHARACTERS:,} characters.",
            examples=["How many open tasks does each project have?"],
        ),
    ]


class CallDecision(BaseModel):
    """Say yes or no to a proposed call. `arguments` replace the proposed ones when approving."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    arguments: dict[str, JsonValue] | None = None
    note: Annotated[
        str, Field(max_length=2_000, description="Told to the model when rejecting.")
    ] = ""


class PreviewRequest(BaseModel):
    """Ask what a waiting call would change with these arguments."""

    model_config = ConfigDict(extra="forbid")

    arguments: dict[str, JsonValue]


class PreviewAnswer(BaseModel):
    """The preview, or why there is none."""

    preview: Preview | None
    problem: str | None = None


class ToolState(StrEnum):
    """Whether a tool can be called."""

    READY = "ready"
    CHANGED = "changed"
    """Its definition is not the one that was accepted: disabled until somebody looks."""


class Tool(BaseModel):
    """A tool as its server describes it, and as we treat it."""

    server: str
    tool: str
    title: str
    description: str
    read_only: bool
    state: ToolState
    definition_hash: str
    definition: dict[str, JsonValue]
    accepted_definition: dict[str, JsonValue] | None = None
    """The definition last accepted, when it differs."""


class ToolServer(BaseModel):
    """A configured tool server and its tools. `problem` says why it cannot be used now."""

    server: str
    own: bool
    problem: str | None = None
    tools: list[Tool] = []


class ToolAcceptance(BaseModel):
    """Accept a changed tool definition, named by its hash so that what was looked at is what is accepted."""

    model_config = ConfigDict(extra="forbid")

    definition_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class About(BaseModel):
    """What answers, and within which limits."""

    version: str
    model: str
    is_demo: bool
    """True while the built-in demo model answers because no key is set."""
    max_question_characters: int = MAX_QUESTION_CHARACTERS
