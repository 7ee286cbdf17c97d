"""Answers chat completions in demo mode, streamed or whole."""

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator
from typing import Any

import orjson

from demo_model.demo.brain import Reply, reply
from demo_model.request import ChatRequest
from demo_model.sse import DONE, chunk, event, usage_chunk

MODEL = "steward-demo"
ARGUMENT_FRAGMENT = 24
"""Characters of a call's arguments in one chunk: clients must put them together, as with real servers."""


def think(request: ChatRequest) -> Reply:
    return reply(request.messages, request.tool_names)


def whole(request: ChatRequest, answer: Reply) -> dict[str, Any]:
    """A completion that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": function}
            for call_id, function in _functions(answer)
        ]
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": _finish_reason(answer)}],
        "usage": _usage(request, answer),
    }


async def streamed(
    request: ChatRequest, answer: Reply, word_delay_s: float
) -> AsyncGenerator[bytes]:
    """The same as server-sent events, a word at a time."""
    completion_id = f"chatcmpl-{uuid.uuid4().hex}"
    yield event(chunk(completion_id, request.model, {"role": "assistant", "content": ""}))
    for word in re.findall(r"\S+\s*|\s+", answer.text):
        yield event(chunk(completion_id, request.model, {"content": word}))
        await asyncio.sleep(word_delay_s)
    for index, (call_id, function) in enumerate(_functions(answer)):
        head = {"index": index, "id": call_id, "type": "function"}
        named = {"name": function["name"], "arguments": ""}
        yield event(
            chunk(completion_id, request.model, {"tool_calls": [{**head, "function": named}]})
        )
        text = function["arguments"]
        for start in range(0, len(text), ARGUMENT_FRAGMENT):
            part = {"arguments": text[start : start + ARGUMENT_FRAGMENT]}
            delta = {"tool_calls": [{"index": index, "function": part}]}
            yield event(chunk(completion_id, request.model, delta))
    yield event(chunk(completion_id, request.model, {}, _finish_reason(answer)))
    if request.wants_usage:
        yield event(usage_chunk(completion_id, request.model, _usage(request, answer)))
    yield DONE


def _functions(answer: Reply) -> list[tuple[str, dict[str, str]]]:
    return [
        (
            f"call_{uuid.uuid4().hex[:24]}",
            {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
        )
        for call in answer.calls
    ]


def _finish_reason(answer: Reply) -> str:
    return "tool_calls" if answer.calls else "stop"


def _usage(request: ChatRequest, answer: Reply) -> dict[str, int]:
    """Estimated at four characters a token."""
    prompt = len(orjson.dumps(request.messages)) // 4
    completion = (
        len(answer.text) + sum(len(str(call.arguments)) for call in answer.calls)
    ) // 4 + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
