"""Sending an approved or harmless call to its server, and asking a server what a call would do."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import orjson
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
)
from pydantic import BaseModel, Field, JsonValue, ValidationError

from orchestrator.audit.canonical import canonical
from orchestrator.connections.tokens import SignInNeeded
from orchestrator.tools.catalogue import (
    IDEMPOTENCY_META,
    QUESTION_META,
    Catalogue,
    CatalogueTool,
    partition,
)
from orchestrator.tools.elicitation import (
    InputQuestion,
    question_of,
    questions_of,
    sign_in_question,
)
from orchestrator.tools.host import (
    BadAnswer,
    CallRefused,
    CallTimedOut,
    McpServer,
    ServerUnavailable,
    ToolAnswer,
)
from orchestrator.tools.results import ToolOutcome, error_of, outcome_of
from shared.errors import ExpectedError
from shared.service_tokens import Principal
from shared.wire.events import CallState, Origin, Preview

PREVIEW_TIMEOUT_S = 10.0
STATUS_TIMEOUT_S = 10.0
ATTEMPTS_IF_REPEATABLE = 2
MAX_CHANGES_SHOWN = 100
MAX_PREVIEW_BYTES = 512 * 1024
"""A mail is read whole before a yes, so more than an event's result may be."""
MAX_ROUNDS_WITHOUT_QUESTIONS = 5
_SAID_KINDS = {"document": "document", "web": "web", "search": "web"}
"""What a result of ours may say of its texts: a list of hits was written on the web, too."""

ShowProgress = Callable[[str, float, float | None, str], None]
"""Call id, done, total, message."""
AskPerson = Callable[[str, InputQuestion], Awaitable[ElicitResult]]
"""Call id, question."""


@dataclass(frozen=True, slots=True)
class CallToSend:
    """A call with everything it is sent with."""

    call_id: str
    tool: CatalogueTool
    principal: Principal
    arguments: dict[str, JsonValue]
    idempotency_key: str
    responses: InputResponses | None = None
    """The person's answers, when the server asked something instead of answering before."""
    request_state: str | None = None
    may_have_arrived: bool = False
    """It was sent before, by a replica that died, and its answer never came."""
    question: str = ""
    """The person's own words that led to it, for a server that is to be told; empty: it is not."""

    @property
    def arguments_text(self) -> str:
        """The arguments in canonical JSON: what is sent has the same members in the same order."""
        return canonical(self.arguments)

    @property
    def meta(self) -> dict[str, str]:
        """What goes beside the arguments (docs/tool-conventions.md)."""
        question = {QUESTION_META: self.question} if self.question else {}
        return {IDEMPOTENCY_META: self.idempotency_key, **question}


@dataclass(frozen=True, slots=True)
class AskingCall:
    """The server wants to know something first. Nothing is running there meanwhile."""

    call_id: str
    questions: tuple[InputQuestion, ...]
    request_state: str | None
    carried: InputResponses | None = None
    """Answers of the person that have not reached the server yet: it wants them to sign in first."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """What came of a call."""

    call_id: str
    state: CallState
    outcome: ToolOutcome = field(default_factory=ToolOutcome)
    duration_ms: int | None = None


class OutcomeCheck(BaseModel):
    """What a server says about a call whose answer was lost (docs/tool-conventions.md)."""

    answer: Literal["done", "not_done", "unknown"]
    text: str = Field(default="", max_length=2_000)


@dataclass(frozen=True, slots=True)
class ToolCaller:
    """Calls tools in a person's name."""

    catalogue: Catalogue

    async def send(
        self, call: CallToSend, show_progress: ShowProgress, ask: AskPerson
    ) -> EndedCall | AskingCall:
        """Send a call and wait for its end, or for its server's questions.

        A repeatable one is tried twice with the same key. `ask` puts a question to the person while the server
        waits on the open connection.
        """
        started = time.monotonic()
        answer = await self._attempt(call, show_progress, ask)
        if isinstance(answer, AskingCall):
            return answer
        state, outcome = answer
        duration_ms = round((time.monotonic() - started) * 1_000)
        return EndedCall(call.call_id, state, outcome, duration_ms)

    async def preview(
        self, tool: CatalogueTool, principal: Principal, arguments: dict[str, JsonValue]
    ) -> tuple[Preview | None, str | None]:
        """What the call would do, or why that is not known. Neither when the server offers no preview."""
        if tool.preview_tool is None:
            return None, None
        server = tool.server
        try:
            answer = await server.call(
                partition(principal),
                self.catalogue.sign(tool, principal, tool.preview_tool),
                tool.preview_tool,
                arguments,
                timeout_s=PREVIEW_TIMEOUT_S,
            )
            result = without_question(answer)
        except ExpectedError as error:
            return None, error.message
        if result.is_error and (error := outcome_of(result).error) is not None:
            return None, error.message
        return _preview_of(cast("JsonValue", result.structured_content))

    async def check_outcome(
        self, tool: CatalogueTool, principal: Principal, idempotency_key: str
    ) -> OutcomeCheck:
        """Ask the server whether a call was done. Whatever goes wrong reads as `unknown`, with the reason."""
        if tool.status_tool is None:
            return OutcomeCheck(answer="unknown", text="The server cannot say.")
        server = tool.server
        try:
            answer = await server.call(
                partition(principal),
                self.catalogue.sign(tool, principal, tool.status_tool),
                tool.status_tool,
                {"idempotency_key": idempotency_key},
                timeout_s=STATUS_TIMEOUT_S,
            )
            outcome = outcome_of(without_question(answer))
        except ExpectedError as error:
            return OutcomeCheck(answer="unknown", text=error.message)
        if outcome.error is not None:
            return OutcomeCheck(answer="unknown", text=outcome.error.message)
        try:
            return OutcomeCheck.model_validate(outcome.result)
        except ValidationError:
            return OutcomeCheck(answer="unknown", text="The server's answer cannot be read.")

    async def _attempt(
        self, call: CallToSend, show_progress: ShowProgress, ask: AskPerson
    ) -> tuple[CallState, ToolOutcome] | AskingCall:
        attempts = ATTEMPTS_IF_REPEATABLE if call.tool.is_repeatable else 1
        may_have_arrived = call.may_have_arrived
        for attempt in range(1, attempts + 1):
            try:
                outcome = await self._send_rounds(call, show_progress, ask)
            except SignInNeeded as needed:
                return AskingCall(
                    call.call_id,
                    (sign_in_question(needed, call.tool.server.url),),
                    call.request_state,
                    call.responses,
                )
            except ExpectedError as error:
                may_have_arrived |= _may_have_arrived(error)
                if isinstance(error, ServerUnavailable) and attempt < attempts:
                    continue
                # The last try may not have arrived where an earlier one did.
                is_in_doubt = may_have_arrived and not call.tool.reads_only
                state = CallState.OUTCOME_UNKNOWN if is_in_doubt else CallState.FAILED
                return state, ToolOutcome(error=error_of(error))
            if isinstance(outcome, AskingCall):
                return outcome
            return (CallState.FAILED if outcome.error else CallState.SUCCEEDED), outcome
        raise AssertionError("every attempt returns or is followed by another")

    async def _send_rounds(
        self, call: CallToSend, show_progress: ShowProgress, ask: AskPerson
    ) -> ToolOutcome | AskingCall:
        """Sends again at once as long as the server only wants its state back."""
        for _ in range(MAX_ROUNDS_WITHOUT_QUESTIONS):
            answer = await self._send_once(call, show_progress, ask)
            if not isinstance(answer, InputRequiredResult):
                return replace(outcome_of(answer), origin=_origin_of(answer, call.tool.server))
            if questions := questions_of(answer):
                return AskingCall(call.call_id, tuple(questions), answer.request_state)
            call = replace(call, responses=None, request_state=answer.request_state)
        raise CallRefused("The tool wants to be called again and again, and never answers.")

    async def _send_once(
        self, call: CallToSend, show_progress: ShowProgress, ask: AskPerson
    ) -> ToolAnswer:
        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            show_progress(call.call_id, progress, total, message or "")

        async def on_elicit(params: ElicitRequestParams) -> ElicitResult:
            return await ask(call.call_id, question_of(params))

        server = call.tool.server
        return await server.call(
            partition(call.principal),
            self.catalogue.sign(call.tool, call.principal),
            call.tool.tool.name,
            cast("dict[str, Any]", json.loads(call.arguments_text)),
            meta=call.meta,
            on_progress=on_progress,
            on_elicit=on_elicit,
            input_responses=call.responses,
            request_state=call.request_state,
        )


def _origin_of(answer: CallToolResult, server: McpServer) -> Origin:
    """As its operator says; a server of ours may tell the web from documents. Whom to trust is never its word."""
    if not server.own or answer.structured_content is None:
        return server.origin
    said = cast("JsonValue", answer.structured_content.get("origin"))
    kind = _SAID_KINDS.get(str(said.get("kind"))) if isinstance(said, dict) else None
    return server.origin.model_copy(update={"kind": kind}) if kind else server.origin


def without_question(answer: ToolAnswer) -> CallToolResult:
    """The answer of a companion, which has nobody to ask. Raises CallRefused."""
    if isinstance(answer, InputRequiredResult):
        raise CallRefused("The tool asks a question of its own where it must only answer.")
    return answer


def _preview_of(said: JsonValue) -> tuple[Preview | None, str | None]:
    """What a companion answered, if it is a preview of a size that a person can look at."""
    if len(orjson.dumps(said)) > MAX_PREVIEW_BYTES:
        return None, "It is too large to be shown here."
    try:
        preview = Preview.model_validate(said)
    except ValidationError:
        return None, "The server's preview cannot be read."
    return preview.model_copy(update={"changes": preview.changes[:MAX_CHANGES_SHOWN]}), None


def _may_have_arrived(error: ExpectedError) -> bool:
    """The server may have done it before the answer was lost."""
    if isinstance(error, ServerUnavailable):
        return error.sent
    return isinstance(error, CallTimedOut | BadAnswer)
