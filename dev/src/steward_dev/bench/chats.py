"""One chat by each way: the bare model, the orchestrator's API, and the page's socket."""

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import socketio

from steward_dev.bench.system import Target


@dataclass(slots=True)
class Heard:
    """When words arrived, in seconds after the question."""

    first_s: float = 0.0
    last_s: float = 0.0
    tokens: int = 0
    gaps_s: list[float] = field(default_factory=list[float])

    def hear(self, started: float, text: str) -> None:
        now = time.monotonic() - started
        if not self.tokens:
            self.first_s = now
        else:
            self.gaps_s.append(now - self.last_s)
        self.last_s = now
        self.tokens += text.count("tok")


async def ask_model(http: aiohttp.ClientSession, target: Target, model: str) -> Heard:
    """Straight from the model."""
    heard, started = Heard(), time.monotonic()
    messages = [{"role": "user", "content": "go"}]
    body = {"model": model, "messages": messages, "stream": True}
    url = f"{target.model_url}/v1/chat/completions"
    async with http.post(url, json=body) as response:
        async for data in response.content.iter_any():
            heard.hear(started, data.decode())
    return heard


async def ask_orchestrator(http: aiohttp.ClientSession, target: Target, _: str) -> Heard:
    """Through the orchestrator's API."""
    headers = {"Authorization": f"Bearer {target.token}"}
    conversation = f"{target.orchestrator_url}/v1/conversations/{uuid.uuid4()}"
    async with http.put(conversation, headers=headers) as made:
        made.raise_for_status()
    heard, started = Heard(), time.monotonic()
    body = {"client_id": str(uuid.uuid4()), "text": "go"}
    async with http.post(f"{conversation}/turns", json=body, headers=headers) as response:
        response.raise_for_status()
        async for line in response.content:
            if line.startswith(b"data: ") and b'"text_delta"' in line:
                heard.hear(started, orjson.loads(line[6:])["text"])
    return heard


async def ask_page(_: aiohttp.ClientSession, target: Target, __: str) -> Heard:
    """Through the whole chain, as the page does it."""
    cookie = "; ".join(f"{name}={value}" for name, value in target.cookies.items())
    client: Any = socketio.AsyncClient(reconnection=False)
    heard, over, started = Heard(), asyncio.Event(), 0.0

    async def on_events(turn_id: str, events: str) -> None:
        del turn_id
        for event in orjson.loads(events):
            if event["kind"] == "text_delta":
                heard.hear(started, event["text"])
            elif event["kind"] == "turn_finished":
                over.set()

    client.on("events", on_events)
    headers = {"Cookie": cookie, "Origin": target.url}
    await client.connect(target.url, headers=headers, transports=["websocket"])
    conversation_id = str(uuid.uuid4())
    await client.call("watch", {"conversation_id": conversation_id})
    started = time.monotonic()
    question = {"conversation_id": conversation_id, "client_id": str(uuid.uuid4()), "text": "go"}
    answer = await client.call("ask", question)
    if not answer["ok"]:
        raise SystemExit(f"The page's question was refused: {answer['error']['message']}")
    await asyncio.wait_for(over.wait(), 120)
    await client.disconnect()
    return heard
