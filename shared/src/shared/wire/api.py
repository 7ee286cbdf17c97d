"""Bodies of the orchestrator's HTTP API."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StringConstraints,
    model_validator,
)

from shared.wire.events import ApprovalNeeded, CallProposed, Event, OutcomeChoice, Preview, Verdict
from shared.wire.json_values import StorableFields, StorableJson
from shared.wire.knowledge import PassageShown

MAX_QUESTION_CHARACTERS = 100_000
MAX_TITLE_CHARACTERS = 120

ClientMadeId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""An id the client makes up, a UUID as a rule: it makes a repeated request harmless."""


class TurnState(StrEnum):
    """Where a turn stands."""

    QUEUED = "queued"
    """Waits for the end of an earlier turn of its conversation."""
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    """Laid down until a person decides or answers."""
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
    temporary: bool = False
    """Not listed, not searched, and deleted some time after its last question."""


class ConversationPage(BaseModel):
    """Conversations, newest activity first. `next_before` asks for the page after this one."""

    conversations: list[Conversation]
    next_before: str | None = None


class Turn(BaseModel):
    """One question and what came of it, as its stored events."""

    turn_id: str
    client_id: str
    position: int
    """Order of asking within the conversation, which may skip numbers: those are other versions. `before` takes it."""
    state: TurnState
    events: list[Event]
    versions: list[str] = []
    """Turn ids of all versions of this question, oldest first, itself among them. Empty: it is the only one."""


class ConversationDetail(Conversation):
    """A conversation with its latest turns, oldest first."""

    turns: list[Turn]
    earlier_turns: bool = False
    """True when there are turns before the first one given here."""


class NewConversation(BaseModel):
    """How a conversation is made."""

    model_config = ConfigDict(extra="forbid")

    temporary: StrictBool = False


class ShownVersion(BaseModel):
    """Which version of a question the conversation goes on from: a turn of it."""

    model_config = ConfigDict(extra="forbid")

    turn_id: str


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
    replaces: Annotated[
        str | None,
        Field(
            max_length=64,
            description="A turn of this conversation, of which this is another version. Both stay reachable.",
        ),
    ] = None


class ArgumentPattern(BaseModel):
    """Which values an argument may have under a standing grant; exactly one of the fields is set."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )

    equals: StorableJson = None
    one_of: Annotated[list[StorableJson] | None, Field(min_length=1, max_length=50)] = None
    starts_with: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    anything: Literal[True] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "ArgumentPattern":
        if len(self.model_fields_set) != 1:
            raise ValueError("set exactly one of equals, one_of, starts_with and anything")
        return self


class GrantWish(BaseModel):
    """Give the yes for longer: to the same tool, with the same arguments except for those that may vary."""

    model_config = ConfigDict(extra="forbid")

    lifetime_s: Annotated[int, Field(ge=60, le=30 * 86_400)]
    vary: dict[str, ArgumentPattern] = {}
    """Argument name → what it may be. Arguments not named here must be exactly as approved, or absent as there."""


class CallDecision(BaseModel):
    """Say yes or no to a proposed call. `arguments` replace the proposed ones when approving."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]
    arguments: StorableFields | None = None
    note: Annotated[
        str, Field(max_length=2_000, description="Told to the model when rejecting.")
    ] = ""
    grant: GrantWish | None = None


class NamedDecision(CallDecision):
    """A decision together with the call it is for."""

    call_id: Annotated[str, Field(max_length=64)]


class Decisions(BaseModel):
    """Decide on several calls at once; each is judged by itself."""

    model_config = ConfigDict(extra="forbid")

    decisions: Annotated[list[NamedDecision], Field(min_length=1, max_length=50)]


class DecisionResult(BaseModel):
    """What became of one of several decisions. `status` is the HTTP status it would have had alone."""

    call_id: str
    status: int
    decision: str | None = None
    """approved or rejected; None when the decision did not count."""
    error: dict[str, JsonValue] | None = None
    """The body that the error would have had alone."""


class DecisionResults(BaseModel):
    """In the order of the decisions."""

    results: list[DecisionResult]


class PendingApproval(BaseModel):
    """An open question, as the approvals inbox shows it."""

    call: CallProposed
    needed: ApprovalNeeded
    turn_id: str
    conversation_id: str | None
    """None when it is somebody else's conversation, which stays theirs."""
    requested_by: str
    """Name of the person whose question led to the call."""
    mine: bool
    """True when the reader asked for it; they may not be the second person then."""
    may_decide: bool
    created_at: datetime


class PendingApprovals(BaseModel):
    """Open questions the reader asked for or may decide, oldest first."""

    approvals: list[PendingApproval]


class OutcomeDecision(BaseModel):
    """What to do about a call that may have been done. `check` asks the server and decides nothing."""

    model_config = ConfigDict(extra="forbid")

    choice: Literal["check", "retry", "done", "leave"]


class OutcomeAnswer(BaseModel):
    """Where a call of unknown outcome stands now."""

    call_id: str
    choice: OutcomeChoice | None
    """None while nothing is decided."""
    checked: Literal["done", "not_done", "unknown"] | None = None
    text: str = ""


class PersonInput(BaseModel):
    """The answer to a tool server's question."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["accept", "decline", "cancel"]
    content: StorableFields | None = None
    """For `accept` in form mode; must fit the question's schema."""


class Grant(BaseModel):
    """A yes that holds for longer, for one person, one tool and certain arguments."""

    grant_id: str
    server: str
    tool: str
    title: str
    definition_hash: str
    arguments: dict[str, ArgumentPattern]
    state: Literal["active", "outdated", "expired", "withdrawn"]
    """outdated: the tool's definition has changed since, so it covers nothing."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    uses: int
    given_by: str = ""
    """Name of the person who gave it, and for whose calls alone it counts."""


class Grants(BaseModel):
    """Standing grants, newest first."""

    grants: list[Grant]


class SnippetPart(BaseModel):
    """A piece of the text around what was found."""

    text: str
    found: bool = False


class SearchHit(BaseModel):
    """A message that was found."""

    conversation_id: str
    title: str
    turn_id: str
    role: Literal["person", "assistant"]
    at: datetime
    snippet: list[SnippetPart]


class SearchResults(BaseModel):
    """Best first."""

    hits: list[SearchHit]


class Share(BaseModel):
    """A read-only link to a conversation as it was when the link was made."""

    token: str
    """Part of the link; whoever has it can read."""
    created_at: datetime
    turns: int


class SharedMessage(BaseModel):
    """One message of a shared conversation."""

    role: Literal["person", "assistant"]
    text: str
    at: datetime
    passages: list[PassageShown] = []
    """What an answer cites, without the words of the passages: those are for people who may open the documents."""


class SharedConversation(BaseModel):
    """What a share link shows: questions and answers, without tool calls' arguments and results."""

    title: str
    shared_at: datetime
    messages: list[SharedMessage]


class KeepWish(BaseModel):
    """Keep a call under a name, so that the person can have it run again."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$", examples=["open_tasks"])]
    title: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE_CHARACTERS),
        Field(examples=["Open tasks by project"]),
    ]


class KeptCall(BaseModel):
    """Under which name a call is kept, and what its server says about it."""

    call_id: str
    name: str
    text: str = ""


class PreviewRequest(BaseModel):
    """Ask what a waiting call would change with these arguments."""

    model_config = ConfigDict(extra="forbid")

    arguments: StorableFields


class PreviewAnswer(BaseModel):
    """The preview, or why there is none."""

    preview: Preview | None
    problem: str | None = None


class ToolState(StrEnum):
    """Whether a tool can be called."""

    READY = "ready"
    CHANGED = "changed"
    """Its definition is not the one that was accepted: disabled until somebody looks."""
    NEW = "new"
    """Of a server that an admin has added, and nobody has looked at it yet: off until somebody does."""


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
    added: bool = False
    """An admin has added it. False: the operator has configured it."""
    sign_in_needed: bool = False
    """You have to sign in there, or again. What is listed is what was accepted before."""
    problem: str | None = None
    tools: list[Tool] = []


class ToolAcceptance(BaseModel):
    """Accept a changed tool definition, named by its hash so that what was looked at is what is accepted."""

    model_config = ConfigDict(extra="forbid")

    definition_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NewServer(BaseModel):
    """A tool server of somebody else's, to be added for the whole organisation."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}$")]
    """What it is called here."""
    url: Annotated[str, Field(max_length=2_000)]


class ServerChange(BaseModel):
    """Switch a server on or off."""

    model_config = ConfigDict(extra="forbid")

    enabled: StrictBool


class AddedServer(BaseModel):
    """A tool server that an admin has added."""

    server: str
    """Its name; with letters at its end where the name was used before."""
    url: str
    enabled: bool
    added_at: datetime


class AddedServers(BaseModel):
    """Oldest first."""

    servers: list[AddedServer]


class IssuerClient(BaseModel):
    """As whom Steward is registered with a server's sign-in service."""

    model_config = ConfigDict(extra="forbid")

    issuer: Annotated[str, Field(max_length=1_000)]
    """Letter by letter as the service calls itself."""
    client_id: Annotated[str, Field(min_length=1, max_length=1_000)]
    client_secret: Annotated[SecretStr | None, Field(max_length=2_000)] = None
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    """How the secret is told, where there is one."""


class Connection(BaseModel):
    """Your sign-in at a tool server that was added."""

    server: str
    url: str
    state: Literal["none", "wanted", "active", "ended"]
    """none: the server has not asked for a sign-in; wanted: it has, and there was none; ended: sign in again."""
    issuer: str = ""
    scopes: list[str] = []
    expires_at: datetime | None = None
    """When the token ends; it is renewed before, as long as the sign-in service does that."""
    renews: bool = False
    problem: str = ""
    connected_at: datetime | None = None
    last_used_at: datetime | None = None


class Connections(BaseModel):
    """One for each server that is switched on, and for others where you are signed in."""

    connections: list[Connection]


class SignInBegun(BaseModel):
    """Where the person's browser has to go. It is to be used once and soon."""

    url: str


class SignInAnswer(BaseModel):
    """What the browser brought back from the sign-in service."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str | None, Field(max_length=4_000)] = None
    error: Annotated[str | None, Field(max_length=200)] = None
    iss: Annotated[str | None, Field(max_length=1_000)] = None


class SignedIn(BaseModel):
    """The sign-in counts."""

    server: str
    turns: int
    """Questions that go on now."""


class Disconnected(BaseModel):
    """The connection is gone."""

    revoked: bool
    """The sign-in service has confirmed that it forgot it, too."""


class ConnectionsEnded(BaseModel):
    """The sign-ins of somebody who has left are gone."""

    ended: int
    revoked: int
    """Of those, how many a sign-in service has confirmed that it forgot, too."""


class AuditRow(BaseModel):
    """One decision or side effect in the audit chain."""

    seq: int
    at: str
    """UTC, ISO 8601 to the microsecond, as it was hashed."""
    kind: str
    person_id: str | None
    """Who decided, or in whose name it was done; None when nobody did."""
    turn_id: str | None
    call_id: str | None
    body: dict[str, JsonValue]
    prev_hash: str
    row_hash: str


class AuditPage(BaseModel):
    """Rows of the audit chain, latest first. `next_before` asks for the page after this one."""

    rows: list[AuditRow]
    next_before: int | None = None


class PolicyRule(BaseModel):
    """One rule on tool calls, as it stands in the policy file."""

    name: str
    verdict: Verdict
    reason: str
    approver_roles: list[str] = []
    when: dict[str, JsonValue]
    """Conditions; all must hold."""


class PolicyInEffect(BaseModel):
    """The rules in effect, in their order."""

    sha256: str
    """Of the file they stand in."""
    is_default: bool
    """True while the shipped file is in effect."""
    rules: list[PolicyRule]


class TenantRemoval(BaseModel):
    """How far the deletion of an organisation is."""

    done: bool
    """False: there is more; ask again."""


class About(BaseModel):
    """What answers, and within which limits."""

    version: str
    model: str
    is_demo: bool
    """True while the built-in demo model answers because no key is set."""
    max_question_characters: int = MAX_QUESTION_CHARACTERS
