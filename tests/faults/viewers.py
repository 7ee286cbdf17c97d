"""A viewer of a turn as the page is one: applies each event after the one before, asks again for what follows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from faults.tally import TALLY

from shared.wire.events import EVENT, Event, TextDelta

TURN_TIMEOUT_S = 40
RETRY_S = 0.03
PATIENCE_S = 0.4
"""A replica that is silent for longer is taken for lost, though it may only be paused, and another one is asked."""

OnEvent = Callable[[Event], Awaitable[None]]


class HungUp(Exception):
    """What a viewer's `on_event` raises to disconnect."""


async def ignore(event: Event) -> None:
    """For viewers that only look."""
    del event


@dataclass
class Viewer:
    """Reads one turn to its end, through every fault."""

    http: httpx.AsyncClient
    headers: dict[str, str]
    turn_id: str
    url: str
    """Whom to ask first: one replica, or the proxy."""
    proxy_url: str
    """Whom to ask when that connection is lost."""
    on_event: OnEvent = ignore
    applied: int = 0
    events: list[Event] = field(default_factory=list[Event])
    was_cut_off: bool = False
    """A connection broke, rather than being ended."""

    async def follow(self) -> list[Event]:
        """All events; reconnects for as long as the turn is not over."""
        async with asyncio.timeout(TURN_TIMEOUT_S):
            while not self.is_over:
                try:
                    await self._read_stream()
                except httpx.TimeoutException:
                    pass  # silent, but not broken
                except (httpx.TransportError, HungUp):
                    self.was_cut_off = True
                    await asyncio.sleep(RETRY_S)
                self.url = self.proxy_url
        return self.events

    @property
    def is_over(self) -> bool:
        return bool(self.events) and self.events[-1].kind == "turn_finished"

    async def read(self, response: httpx.Response) -> None:
        """Apply what one response brings."""
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                await self._apply(EVENT.validate_json(line[6:]))

    async def _read_stream(self) -> None:
        headers = {**self.headers, "Last-Event-ID": str(self.applied)}
        url = f"{self.url}/v1/turns/{self.turn_id}/events"
        async with self.http.stream("GET", url, headers=headers, timeout=PATIENCE_S) as response:
            if response.status_code == 200:
                await self.read(response)
                return
            await response.aread()
            check_refusal(response)
            await asyncio.sleep(RETRY_S)

    async def _apply(self, event: Event) -> None:
        TALLY.check_next(self.applied, event)
        self.applied = event.n
        self.events.append(event)
        await self.on_event(event)


def check_refusal(response: httpx.Response) -> None:
    """Raises AssertionError unless a failure says what it is: 503, a code and words."""
    assert response.status_code == 503, f"{response.status_code}: {response.text}"
    error = response.json()["error"]
    assert error["code"]
    assert error["message"]
    assert "Traceback" not in response.text


def lasting(events: list[Event]) -> list[Event]:
    """Those that are stored."""
    return [event for event in events if event.kind not in {"text_delta", "call_progress"}]


def shown_text(events: list[Event]) -> str:
    """The text as a page shows it once the events were applied in this order."""
    done: list[str] = []
    live: list[str] = []
    for event in events:
        match event.kind:
            case "text_delta":
                assert isinstance(event, TextDelta)
                live.append(event.text)
            case "text_finished":
                done.append(event.text)
                live = []
            case "text_dropped":
                live = []
            case _:
                pass
    return "".join([*done, *live])


def as_json(events: list[Event]) -> list[Any]:
    return [event.model_dump(mode="json") for event in events]
