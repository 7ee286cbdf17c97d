"""How long a stop takes: from the request on another replica to the turn's last event."""

import subprocess
import sys
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import httpx

from steward_dev.bench.system import START_TIMEOUT_S, Target
from steward_dev.launcher.ports import free_port

STOPS = 40


@contextmanager
def another_orchestrator(target: Target) -> Generator[str]:
    """A second replica beside the one that runs, told the same; yields its address."""
    raw = Path(f"/proc/{target.pids['orchestrator']}/environ").read_text()
    environment = dict(line.split("=", 1) for line in raw.split("\0") if line)
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "orchestrator", "serve", "--http", address]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=50)) as http:
                http.get(f"http://{address}/ready", timeout=START_TIMEOUT_S)
            yield f"http://{address}"
        finally:
            process.terminate()


async def measure_stops(target: Target) -> list[float]:
    """Milliseconds of each of some stops, one after the other."""
    with another_orchestrator(target) as other_url:
        async with aiohttp.ClientSession() as http:
            return [await _stop_one(http, target, other_url) for _ in range(STOPS)]


async def _stop_one(http: aiohttp.ClientSession, target: Target, other_url: str) -> float:
    headers = {"Authorization": f"Bearer {target.token}"}
    conversation = f"{target.orchestrator_url}/v1/conversations/{uuid.uuid4()}"
    async with http.put(conversation, headers=headers) as made:
        made.raise_for_status()
    body = {"client_id": str(uuid.uuid4()), "text": "go"}
    started = 0.0
    async with http.post(f"{conversation}/turns", json=body, headers=headers) as response:
        response.raise_for_status()
        turn = f"{other_url}/v1/turns/{response.headers['X-Turn-Id']}"
        async for line in response.content:
            if not started and line.startswith(b"event: text_delta"):
                started = time.monotonic()
                async with http.put(f"{turn}/cancellation", headers=headers) as stopped:
                    stopped.raise_for_status()
            elif line.startswith(b"event: turn_finished"):
                return (time.monotonic() - started) * 1_000
    raise SystemExit("A turn was not stopped.")
