"""Chat completion chunks as server-sent events."""

from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


def event(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


def chunk(
    completion_id: str, model: str, delta: dict[str, Any], finish_reason: str | None = None
) -> dict[str, Any]:
    """One chunk with one choice, as OpenAI sends it."""
    return {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def usage_chunk(completion_id: str, model: str, usage: dict[str, int]) -> dict[str, Any]:
    """The last chunk, when the client asked for usage."""
    body = chunk(completion_id, model, {})
    return {**body, "choices": [], "usage": usage}
