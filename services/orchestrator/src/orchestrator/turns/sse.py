"""A streaming response that hands bytes straight to the server: no wrapping per event."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class EventStream(Response):
    """Sends what an iterator of bytes yields as `text/event-stream`, until it ends or the reader goes away."""

    media_type = "text/event-stream"

    def __init__(
        self, chunks: AsyncGenerator[bytes], headers: Mapping[str, str] | None = None
    ) -> None:
        self._chunks = chunks
        super().__init__(
            headers={
                "Cache-Control": "no-cache",
                "X-Accel-Buffering": "no",
                **(headers or {}),
            }
        )
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        async with anyio.create_task_group() as group:

            async def send_all() -> None:
                async with aclosing(self._chunks) as chunks:
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                group.cancel_scope.cancel()

            group.start_soon(send_all)
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()
