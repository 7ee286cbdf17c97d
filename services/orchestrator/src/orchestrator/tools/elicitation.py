"""What a tool server asks a person, in plain values for the page, and the person's answer as the protocol wants it.

Pure. No question is trusted: what is too large, malformed or not meant for a person is refused, never cut, because
whoever agrees must have seen all of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
)
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import to_json

from orchestrator.connections.tokens import SignInNeeded
from orchestrator.tools.gate import problem_with
from shared.errors import UpstreamFailed
from shared.wire.events import InputAction

MAX_QUESTIONS = 10
MAX_KEY_CHARACTERS = 200
MAX_MESSAGE_CHARACTERS = 4_000
MAX_SCHEMA_BYTES = 20_000
MAX_URL_CHARACTERS = 2_048
MAX_STATE_CHARACTERS = 100_000
PUSHED_KEY = "asked"
"""The key of a question asked during a call: it comes alone, and the protocol gives it no name."""

Mode: TypeAlias = Literal["form", "url", "sign_in"]
SIGN_IN: Final = "sign_in"

_IN_THE_PROTOCOL: Mapping[InputAction, Literal["accept", "decline", "cancel"]] = {
    InputAction.ACCEPT: "accept",
    InputAction.DECLINE: "decline",
    InputAction.CANCEL: "cancel",
    InputAction.EXPIRED: "cancel",
}


class QuestionRefused(UpstreamFailed):
    """The server asks for what it must not or in a way that cannot be shown."""

    code = "tool_question_refused"


@dataclass(frozen=True, slots=True)
class InputQuestion:
    """One thing a server asks a person."""

    key: str
    """The server's name for it; its answer carries the same."""
    mode: Mode
    message: str
    schema: dict[str, JsonValue] | None
    """What a form asks for: an object of texts, numbers, yes or no, and choices. None for a URL."""
    url: str | None
    """What the person is to open, as a browser writes it: ASCII only. None for a form."""
    domain: str | None
    """The URL's host, with its readable form behind it when that is another one. None for a form."""


def questions_of(asked: InputRequiredResult) -> list[InputQuestion]:
    """The questions in the server's order; none when it only wants to be called again with its state.

    Raises:
        QuestionRefused.
    """
    requests = asked.input_requests or {}
    if len(requests) > MAX_QUESTIONS:
        raise QuestionRefused(f"The tool asks more than {MAX_QUESTIONS} questions at once.")
    if len(asked.request_state or "") > MAX_STATE_CHARACTERS:
        raise QuestionRefused("The tool wants more remembered than a question needs.")
    questions: list[InputQuestion] = []
    for key, request in requests.items():
        if not isinstance(request, ElicitRequest):
            wish = "this machine's folders" if isinstance(request, ListRootsRequest) else "a model"
            raise QuestionRefused(f"The tool asks for {wish}, which tools here do not get.")
        questions.append(question_of(request.params, key))
    return questions


def question_of(params: ElicitRequestParams, key: str = PUSHED_KEY) -> InputQuestion:
    """One question.

    Raises:
        QuestionRefused.
    """
    if len(key) > MAX_KEY_CHARACTERS or len(params.message) > MAX_MESSAGE_CHARACTERS:
        raise QuestionRefused(
            f"The tool's question is longer than {MAX_MESSAGE_CHARACTERS:,} characters."
        )
    if isinstance(params, ElicitRequestURLParams):
        url = _checked_url(params.url)
        return InputQuestion(key, "url", params.message, None, str(url), _domain(url))
    return InputQuestion(key, "form", params.message, _checked_schema(params), None, None)


def sign_in_question(needed: SignInNeeded, server_url: str) -> InputQuestion:
    """That the person has to sign in at a server before it answers."""
    host = _domain(AnyHttpUrl(server_url))
    return InputQuestion(needed.server, SIGN_IN, needed.message, None, None, host)


def problem_with_answer(
    schema: dict[str, JsonValue] | None, content: Mapping[str, JsonValue] | None
) -> str | None:
    """Why a form cannot be accepted as it was filled in, None when it can."""
    return problem_with(schema, dict(content or {})) if schema else None


def elicit_result(
    mode: Mode, action: InputAction, content: Mapping[str, JsonValue] | None = None
) -> ElicitResult:
    """An answer that has no problem, as the server gets it. Only an accepted form carries content.

    `input_responses` of a call is one of these for each question, by the question's key.
    """
    if action is InputAction.ACCEPT and mode == "form":
        return ElicitResult(action="accept", content=cast("Any", dict(content or {})))
    return ElicitResult(action=_IN_THE_PROTOCOL[action])


def _checked_url(text: str) -> AnyHttpUrl:
    if len(text) > MAX_URL_CHARACTERS or not text.isprintable() or "\\" in text or " " in text:
        raise QuestionRefused("The tool asks to open an address that cannot be shown safely.")
    try:
        url = AnyHttpUrl(
            text
        )  # reads addresses as browsers do (WHATWG), so what is shown is opened
    except ValidationError:
        raise QuestionRefused("The tool asks to open something that is no web address.") from None
    if url.username or url.password:
        raise QuestionRefused("The tool asks to open an address with a user name in it.")
    if url.scheme != "https" and not _is_loopback(url.host or ""):
        raise QuestionRefused("The tool asks to open an address without encryption.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _domain(url: AnyHttpUrl) -> str:
    ascii_host, readable = url.host or "", url.unicode_host() or ""
    return ascii_host if readable == ascii_host else f"{ascii_host} ({readable})"


def _checked_schema(params: ElicitRequestFormParams) -> dict[str, JsonValue]:
    if len(to_json(params.requested_schema)) > MAX_SCHEMA_BYTES:
        raise QuestionRefused(f"The tool's form is larger than {MAX_SCHEMA_BYTES:,} bytes.")
    try:
        form = _Form.model_validate(params.requested_schema)
    except ValidationError:
        raise QuestionRefused("The tool's form is not one that the protocol allows.") from None
    if not form.properties.keys() >= set(form.required):
        raise QuestionRefused("The tool's form requires fields that it does not have.")
    schema = form.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**schema, "additionalProperties": False}


class _Part(BaseModel):
    """A part of a form. Keywords that the protocol does not allow are left out: no patterns, no references."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True)


class _Field(_Part):
    title: str | None = None
    description: str | None = None


class _Option(_Part):
    const: str
    title: str


class _Text(_Field):
    type: Literal["string"]
    min_length: int | None = None
    max_length: int | None = None
    format: Literal["email", "uri", "date", "date-time"] | None = None
    enum: list[str] | None = None
    enum_names: list[str] | None = None
    one_of: list[_Option] | None = None
    default: str | None = None


class _Number(_Field):
    type: Literal["number", "integer"]
    minimum: int | float | None = None
    maximum: int | float | None = None
    default: int | float | None = None


class _YesOrNo(_Field):
    type: Literal["boolean"]
    default: bool | None = None


class _PlainOptions(_Part):
    type: Literal["string"]
    enum: list[str]


class _TitledOptions(_Part):
    any_of: list[_Option]


class _Choices(_Field):
    type: Literal["array"]
    items: _PlainOptions | _TitledOptions
    min_items: int | None = None
    max_items: int | None = None
    default: list[str] | None = None


class _Form(_Part):
    type: Literal["object"]
    properties: dict[
        str, Annotated[_Text | _Number | _YesOrNo | _Choices, Field(discriminator="type")]
    ]
    required: list[str] = []
