"""The bodies of requests, as far as this server looks at them. Unknown fields are ignored, as clients expect."""

from typing import Annotated, Any, Literal, TypeVar, cast

import orjson
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from demo_model.errors import BadRequest

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_EMBEDDING_INPUTS = 512

BodyT = TypeVar("BodyT", bound=BaseModel)


class FunctionCall(BaseModel):
    """The function of a call made before."""

    name: str
    arguments: str = ""


class ToolCall(BaseModel):
    """A call that the model made in an earlier reply."""

    id: str = ""
    function: FunctionCall


class Part(BaseModel):
    """A part of a message; only text is read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The content's text, of all its parts."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class Function(BaseModel):
    """A function that may be called."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    parameters: dict[str, Any] | None = None


class Tool(BaseModel):
    """A tool on offer."""

    type: Literal["function"]
    function: Function


class StreamOptions(BaseModel):
    """How to stream."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completions request."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    """Calls cannot be forced: rules either find one to make or do not."""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def offered_tools(self) -> list[Function]:
        """What may be called in the reply."""
        if self.tool_choice == "none":
            return []
        return [tool.function for tool in self.tools or []]


class EmbeddingsRequest(BaseModel):
    """An embeddings request."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[str], Field(min_length=1, max_length=MAX_EMBEDDING_INPUTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1, le=2_048)] | None = None

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


async def read_object(request: Request) -> dict[str, Any]:
    """The request's JSON object.

    Raises:
        BadRequest: when it is too large or no JSON object.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise BadRequest(f"The request is larger than {MAX_BODY_BYTES:,} bytes.", status=413)
    try:
        raw: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The request's body is not JSON.") from None
    if not isinstance(raw, dict):
        raise BadRequest("The request's body must be a JSON object.")
    return cast("dict[str, Any]", raw)


def validated(body_type: type[BodyT], raw: dict[str, Any]) -> BodyT:
    """The body, checked.

    Raises:
        BadRequest: naming the first field that is wrong.
    """
    try:
        return body_type.model_validate(raw)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        param = _path(problem["loc"])
        raise BadRequest(f"`{param}` {_fact(problem)}.", param=param) from None


def _fact(problem: ErrorDetails) -> str:
    """What is wrong, for a reader who knows JSON and not pydantic."""
    match problem["type"]:
        case "missing":
            return "is missing"
        case "model_type" | "dict_type":
            return "must be an object"
        case "extra_forbidden":
            return "is not known"
        case _:
            return f"is not usable: {problem['msg']}"


def _path(location: tuple[int | str, ...]) -> str:
    """`messages[0].content`, as OpenAI writes it; without the names pydantic gives to the options of a union."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier() and part != "str":
            path += f".{part}" if path else part
    return path
