"""The orchestrator as its callers meet it: over real HTTP, on a real database, with a real tool server."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.certificates import certificate
from support.servers import serving
from support.tracker import Tracker

from orchestrator.app import create_app
from orchestrator.models.port import Model
from orchestrator.settings import Settings
from shared.service_tokens import SigningKey, TokenIssuer
from shared.sql import utc_now
from shared.wire.events import EVENT, Event, EventBase, TurnStarted

ISSUER = "http://frontend.test"
WAIT_S = 10


@dataclass
class Clock:
    """The time as the orchestrator sees it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


EventT = TypeVar("EventT", bound=EventBase)


def one(events: Iterable[Event], kind: type[EventT]) -> EventT:
    """The only event of a kind."""
    (event,) = every(events, kind)
    return event


def every(events: Iterable[Event], kind: type[EventT]) -> list[EventT]:
    """The events of a kind, in order."""
    return [event for event in events if isinstance(event, kind)]


@dataclass
class Reader:
    """Reads one turn's events as they arrive."""

    response: httpx.Response
    events: list[Event] = field(default_factory=list[Event])

    def __post_init__(self) -> None:
        self._lines = self.response.aiter_lines()

    async def next(self) -> Event | None:
        """The next event, None at the end of the stream."""
        async with asyncio.timeout(WAIT_S):
            async for line in self._lines:
                if line.startswith("data: "):
                    event = EVENT.validate_json(line[6:])
                    self.events.append(event)
                    return event
        return None

    async def until(self, kind: type[EventT]) -> EventT:
        """Read on to the next event of this kind."""
        while (event := await self.next()) is not None:
            if isinstance(event, kind):
                return event
        raise AssertionError(f"no {kind.__name__} among {[event.kind for event in self.events]}")

    async def rest(self) -> list[Event]:
        while await self.next() is not None:
            pass
        return self.events


@dataclass
class Api:
    """The orchestrator's API in the name of one person."""

    url: str
    token: str
    http: httpx.AsyncClient

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.http.request(method, f"{self.url}{path}", headers=headers, **options)

    @asynccontextmanager
    async def stream(self, method: str, path: str, **options: Any) -> AsyncGenerator[Reader]:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        async with self.http.stream(
            method, f"{self.url}{path}", headers=headers, **options
        ) as response:
            assert response.status_code == 200, await response.aread()
            yield Reader(response)

    def ask(
        self,
        text: str,
        conversation_id: str = "conversation-1",
        client_id: str = "client-0001",
        **more: Any,
    ) -> AbstractAsyncContextManager[Reader]:
        body = {"client_id": client_id, "text": text, **more}
        return self.stream("POST", f"/v1/conversations/{conversation_id}/turns", json=body)

    def watch(self, turn_id: str, after: int = 0) -> AbstractAsyncContextManager[Reader]:
        return self.stream(
            "GET", f"/v1/turns/{turn_id}/events", headers={"Last-Event-ID": str(after)}
        )

    async def answer(self, text: str, client_id: str = "client-0001", **more: Any) -> list[Event]:
        """Ask and read to the end."""
        async with self.ask(text, client_id=client_id, **more) as reader:
            return await reader.rest()

    async def turn(self, text: str, client_id: str, **more: Any) -> str:
        """Ask, read to the end, and give the turn's id."""
        return one(await self.answer(text, client_id, **more), TurnStarted).turn_id

    async def stop(self, turn_id: str) -> httpx.Response:
        return await self.request("PUT", f"/v1/turns/{turn_id}/cancellation")

    async def decide(self, call_id: str, decision: str, **body: Any) -> httpx.Response:
        return await self.request(
            "PUT", f"/v1/calls/{call_id}/decision", json={"decision": decision, **body}
        )


@dataclass
class World:
    """A running orchestrator and everything around it."""

    directory: Path
    tracker: Tracker
    key: SigningKey
    http: httpx.AsyncClient
    clock: Clock
    jwks_url: str
    tracker_url: str
    url: str = ""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    def api(self, person: str = "ada", tenant: str = "acme", **claims: Any) -> Api:
        issuer = TokenIssuer(ISSUER, self.key)
        claims = {"roles": ["owner"], "name": person.title(), **claims}
        token = issuer.issue(
            audience=claims.pop("audience", "orchestrator"),
            subject=person,
            tenant=tenant,
            lifetime_s=claims.pop("lifetime_s", 300),
            **claims,
        )
        return Api(self.url, token, self.http)

    @asynccontextmanager
    async def orchestrator(self, model: Model | None, **overrides: Any) -> AsyncGenerator["World"]:
        """Run an orchestrator on this world's database."""
        app = create_app(self.make_settings(**overrides), model=model, now=self.clock)
        async with serving(app) as url:
            self.url = url
            api = self.api()
            await api.request("PUT", "/v1/conversations/conversation-1")
            yield self

    def make_settings(self, **overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "database_url": f"sqlite+aiosqlite:///{self.directory / 'assistant.db'}",
            "key_file": self.directory / "key.json",
            "issuer": "http://orchestrator.test",
            "trusted_issuers": {ISSUER: self.jwks_url},
            "tool_servers": {"tracker": {"url": f"{self.tracker_url}/mcp", "own": True}},
            "demo_model_url": "http://127.0.0.1:9/v1",
            "sweep_interval_s": 0.05,
            "coalesce_ms": 0,
            **self.settings,
            **overrides,
        }
        return Settings(**values)


@asynccontextmanager
async def make_world(directory: Path) -> AsyncGenerator[World]:
    """Everything around an orchestrator but its database."""
    key = SigningKey.generate()
    SigningKey.load_or_create(directory / "key.json")
    tracker = Tracker()

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(key.public_jwks())

    keys = Starlette(routes=[Route("/jwks", jwks)])
    with pytest.MonkeyPatch.context() as patch:
        # Nothing here is asked over TLS, and each client takes 25 ms to read the authorities of the world.
        patch.setenv("SSL_CERT_FILE", str(certificate(directory).ca_file))
        async with (
            serving(keys) as keys_url,
            serving(tracker.app()) as tracker_url,
            httpx.AsyncClient(timeout=WAIT_S) as http,
        ):
            yield World(directory, tracker, key, http, Clock(), f"{keys_url}/jwks", tracker_url)
