"""Runs an ASGI application on a free port of this machine, inside the test's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

START_TIMEOUT_S = 10
GRACE_S = 1
TICK_S = 0.1
LOOK_S = 0.002


class _Server(uvicorn.Server):
    """Leaves signals alone: they are pytest's. Ends at once, where uvicorn pauses for tenths of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self._is_over = asyncio.Event()

    def end(self) -> None:
        self.should_exit = True
        self._is_over.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or [])):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(LOOK_S)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def serving(app: Any, *, port: int = 0) -> AsyncGenerator[str]:
    """Yields the base URL."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(app, log_config=None, lifespan="on")
    server = _Server(config)
    task = asyncio.create_task(server._serve(sockets=[listener]))  # pyright: ignore[reportPrivateUsage]
    up = asyncio.create_task(server.is_up.wait())
    try:
        await asyncio.wait({task, up}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.end()
        up.cancel()
        await asyncio.wait({task}, timeout=START_TIMEOUT_S)
        listener.close()
