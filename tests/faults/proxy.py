"""A plain round-robin proxy: each connection goes to the next process that takes it, whoever opened it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from faults.replicas import Replica

CHUNK_BYTES = 65_536


class RoundRobin:
    """Hands connections out in turn; one that is refused goes to the next."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self._replicas = replicas
        self._next = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join one connection with a replica until either side ends it."""
        try:
            opened = await self._open()
            if opened is not None:
                await _join((reader, writer), opened)
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._replicas:
            replica = self._replicas[self._next % len(self._replicas)]
            self._next += 1
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", replica.port)
        return None


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(near: Ends, far: Ends) -> None:
    directions = [
        asyncio.create_task(_copy(near[0], far[1])),
        asyncio.create_task(_copy(far[0], near[1])),
    ]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in directions:
            task.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        far[1].close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK_BYTES):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def round_robin(replicas: Sequence[Replica], port: int) -> AsyncGenerator[str]:
    """Yields the address to use."""
    proxy = RoundRobin(replicas)
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", port)
    async with server:
        yield f"http://127.0.0.1:{port}"
        server.close()
