"""Chat completion chunks as server-sent events, and the response that carries them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

DONE = b"data: [DONE]\n\n"


class CutConnection(Exception):
    """The connection is to break here, in the middle of the response."""


class EventStream(Response):
    """Sends bytes to the server as they come, until they end or the reader goes away."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncGenerator[bytes]) -> None:
        self._chunks = chunks
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        async with anyio.create_task_group() as group:

            async def send_all() -> None:
                async with aclosing(self._chunks) as chunks:
                    try:
                        async for chunk in chunks:
                            await send(
                                {"type": "http.response.body", "body": chunk, "more_body": True}
                            )
                        await send({"type": "http.response.body", "body": b"", "more_body": False})
                    except CutConnection:
                        pass  # a server closes the connection of a response that was not ended
                group.cancel_scope.cancel()

            group.start_soon(send_all)
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()


def event(body: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(body) + b"\n\n"


def chunk(
    completion_id: str,
    model: str,
    delta: dict[str, Any],
    finish_reason: str | None = None,
    *,
    created: int = 0,
) -> dict[str, Any]:
    """One chunk with one choice, as OpenAI sends it."""
    return {
        "id": completion_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def usage_chunk(
    completion_id: str, model: str, usage: dict[str, int], *, created: int = 0
) -> dict[str, Any]:
    """The last chunk, when the client asked for usage."""
    body = chunk(completion_id, model, {}, created=created)
    return {**body, "choices": [], "usage": usage}
