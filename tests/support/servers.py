"""Runs an ASGI application on a free port of this machine, inside the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

START_TIMEOUT_S = 10


class _Server(uvicorn.Server):
    """Leaves signals alone: they are pytest's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@asynccontextmanager
async def serving(app: Any, *, port: int = 0) -> AsyncGenerator[str]:
    """Yields the base URL."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
    server = _Server(config)
    task = asyncio.create_task(server._serve(sockets=[listener]))  # pyright: ignore[reportPrivateUsage]
    up = asyncio.create_task(server.is_up.wait())
    try:
        await asyncio.wait({task, up}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        up.cancel()
        await asyncio.wait({task}, timeout=START_TIMEOUT_S)
        listener.close()
