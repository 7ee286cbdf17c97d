"""Reads a chat completions request, as far as this server looks at it."""

from dataclasses import dataclass
from typing import Any, cast

import orjson

from demo_model.errors import BadRequest

MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What was asked."""

    model: str
    messages: list[dict[str, Any]]
    tool_names: list[str]
    stream: bool
    wants_usage: bool
    raw: dict[str, Any]


def read_chat_request(body: bytes) -> ChatRequest:
    """Raises BadRequest with what is wrong."""
    raw = read_object(body)
    messages = raw.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("`messages` must be a list with at least one message.")
    if not all(isinstance(message, dict) for message in cast("list[object]", messages)):
        raise BadRequest("Each of `messages` must be an object.")
    model = raw.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("`model` must name a model; GET /v1/models lists them.")
    if raw.get("n") not in {None, 1}:
        raise BadRequest("`n` other than 1 is not supported.")
    stream_options = raw.get("stream_options")
    return ChatRequest(
        model=model,
        messages=cast("list[dict[str, Any]]", messages),
        tool_names=_tool_names(raw),
        stream=bool(raw.get("stream")),
        wants_usage=isinstance(stream_options, dict)
        and bool(cast("dict[str, Any]", stream_options).get("include_usage")),
        raw=raw,
    )


def read_object(body: bytes) -> dict[str, Any]:
    """Raises BadRequest when the body is no JSON object."""
    if len(body) > MAX_BODY_BYTES:
        raise BadRequest(f"The request is larger than {MAX_BODY_BYTES:,} bytes.")
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The request is not JSON.") from None
    if not isinstance(raw, dict):
        raise BadRequest("The request must be a JSON object.")
    return cast("dict[str, Any]", raw)


def _tool_names(raw: dict[str, Any]) -> list[str]:
    if raw.get("tool_choice") == "none":
        return []
    tools = raw.get("tools")
    if not isinstance(tools, list):
        return []
    functions = [tool.get("function") for tool in cast("list[dict[str, Any]]", tools)]
    return [str(function["name"]) for function in functions if function and "name" in function]
