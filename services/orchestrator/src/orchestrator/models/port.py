"""What a turn needs of a model, whoever serves it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Protocol, TypedDict

from pydantic import JsonValue

from shared.errors import ExpectedError, Unavailable, UpstreamFailed


class Message(TypedDict):
    """One message of the chat completions format."""

    role: str
    content: str | None
    tool_calls: NotRequired[list[dict[str, Any]]]
    tool_call_id: NotRequired[str]


@dataclass(frozen=True, slots=True)
class ToolForModel:
    """A tool as the model is told about it."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """A call as the model wrote it; nothing about it has been checked."""

    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True)
class ReplyEnd:
    """The reply is complete."""

    calls: tuple[ProposedCall, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cut_by_length: bool = False
    """The model stopped because its answer reached the longest it may be."""


class Model(Protocol):
    """A chat model behind some server."""

    @property
    def name(self) -> str: ...

    def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolForModel]
    ) -> AsyncGenerator[str | ReplyEnd]:
        """The reply's text as it arrives (what one network read brought is one string), then its end.

        Raises:
            ModelKeyRefused, ModelBusy, ModelUnavailable, ModelRefused: before any text.
            ReplyCut: the connection broke off before the reply was complete.
            ModelFailed: the server said in the stream that it failed.
        """
        ...


class ModelKeyRefused(ExpectedError):
    """The provider does not accept the key (401, 403)."""

    code = "model_key_refused"
    status = 502


class ModelBusy(Unavailable):
    """The provider limits our rate (429) and asks for a longer wait than a turn can bear."""

    code = "model_busy"


class ModelUnavailable(Unavailable):
    """The provider cannot be reached, times out or has an outage (5xx)."""

    code = "model_unavailable"


class ModelRefused(UpstreamFailed):
    """The provider rejects the request itself (400, 404, 413, 422): unknown model, too long, unsupported."""

    code = "model_refused"
    retryable = False


class ModelFailed(UpstreamFailed):
    """The provider reported an error in the middle of its reply."""

    code = "model_failed"


class ReplyCut(UpstreamFailed):
    """The reply broke off."""

    code = "reply_cut"
