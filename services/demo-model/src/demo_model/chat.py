"""Answers chat completions in demo mode, streamed or whole."""

import asyncio
import re
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from demo_model.demo.replies import Reply, reply
from demo_model.demo.toolbox import Call
from demo_model.request import ChatRequest
from demo_model.sse import DONE, chunk, event, usage_chunk
from demo_model.transcript import answers_in, questions_in, results_in, toolbox_of

MODEL = "steward-demo"
ARGUMENT_FRAGMENT = 24
"""Characters of a call's arguments in one chunk: clients must put them together, as with real servers."""
CHARACTERS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply with what a completion has besides: its id, when it was made, its calls with their ids."""

    id: str
    created: int
    model: str
    text: str
    calls: list[dict[str, Any]]
    usage: dict[str, int]

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.calls else "stop"

    def body(self) -> dict[str, Any]:
        """The completion as one answer, not streamed."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self.text or None,
            "refusal": None,
        }
        if self.calls:
            message["tool_calls"] = self.calls
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": self.finish_reason,
            "logprobs": None,
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": self.usage,
        }


def complete(request: ChatRequest, now: datetime) -> Completion:
    """What the demo model answers to the request."""
    answer = reply(
        questions_in(request.messages),
        results_in(request.messages),
        toolbox_of(request.offered_tools),
        now.date(),
        answers=answers_in(request.messages),
    )
    return Completion(
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(now.timestamp()),
        model=request.model,
        text=answer.text,
        calls=[_as_tool_call(call) for call in answer.calls],
        usage=_usage(request, answer),
    )


async def streamed(
    completion: Completion, *, word_delay_s: float, with_usage: bool
) -> AsyncGenerator[bytes]:
    """The completion as server-sent events, a word at a time, calls' arguments in fragments."""
    for delta in _deltas(completion):
        yield _event(completion, delta)
        if delta.get("content"):
            await asyncio.sleep(word_delay_s)
    yield _event(completion, {}, completion.finish_reason)
    if with_usage:
        yield event(
            usage_chunk(
                completion.id, completion.model, completion.usage, created=completion.created
            )
        )
    yield DONE


def _deltas(completion: Completion) -> list[dict[str, Any]]:
    words = re.findall(r"\s*\S+\s*|\s+", completion.text)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words]
    for index, call in enumerate(completion.calls):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        head = {"index": index, "id": call["id"], "type": "function"}
        deltas.append({"tool_calls": [{**head, "function": {"name": name, "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
            for part in _parts(arguments)
        ]
    return deltas


def _parts(text: str) -> list[str]:
    return [text[at : at + ARGUMENT_FRAGMENT] for at in range(0, len(text), ARGUMENT_FRAGMENT)]


def _event(
    completion: Completion, delta: dict[str, Any], finish_reason: str | None = None
) -> bytes:
    return event(
        chunk(completion.id, completion.model, delta, finish_reason, created=completion.created)
    )


def _as_tool_call(call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()}
    return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}


def _usage(request: ChatRequest, answer: Reply) -> dict[str, int]:
    """Estimated: there are no tokens where there is no language model."""
    prompt = sum(len(message.text) for message in request.messages) // CHARACTERS_A_TOKEN + 1
    said = len(answer.text) + sum(len(str(call.arguments)) for call in answer.calls)
    completion = said // CHARACTERS_A_TOKEN + 1
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def now_utc() -> datetime:
    return datetime.now(UTC)
