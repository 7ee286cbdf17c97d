"""Runs a real process for as long as a test needs it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], *, ready: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start the process, wait until `ready` answers 200, and stop it at the end."""
    process = await asyncio.create_subprocess_exec(*command, env=dict(environment))
    try:
        async with asyncio.timeout(START_TIMEOUT_S), httpx.AsyncClient() as http:
            while not await _answers(http, ready):
                if process.returncode is not None:
                    raise AssertionError(f"{command} ended with {process.returncode}")
                await asyncio.sleep(0.02)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False
