"""Everything long-lived, built once per process and closed in reverse order."""

import asyncio
import os
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from orchestrator.connections.addresses import AddressGuard
from orchestrator.connections.endings import ending_what_was_left
from orchestrator.connections.exchange import Exchange
from orchestrator.connections.parts import CLIENT_DOCUMENT_PATH, ConnectionParts, load_sealer
from orchestrator.connections.pinned import PinnedTransport
from orchestrator.database import Database
from orchestrator.models.openai_model import OpenAIModel
from orchestrator.models.port import Model
from orchestrator.policy_file import load_policy
from orchestrator.settings import Settings
from orchestrator.tools.calls import ToolCaller
from orchestrator.tools.catalogue import Catalogue
from orchestrator.tools.host import McpServer, new_pool
from orchestrator.tools.remote import RemoteServers
from orchestrator.turns.parts import TurnParts
from orchestrator.turns.redis_transport import RedisTransport
from orchestrator.turns.runner import TurnRunner
from orchestrator.turns.stream import SingleProcess, TurnStream
from shared.key_file import KeyFile
from shared.redis_clients import command_client, reader_client
from shared.service_tokens import JwksSource, TokenIssuer, TokenVerifier
from shared.sql import utc_now
from shared.wire.events import Origin

AUDIENCE = "orchestrator"


@dataclass(frozen=True, slots=True)
class Resources:
    """What requests are answered with."""

    parts: TurnParts
    runner: TurnRunner
    verifier: TokenVerifier
    key: KeyFile
    transport: RedisTransport | None
    http: httpx.AsyncClient
    connections: ConnectionParts | None
    """None: servers of others cannot be added here."""

    async def hand_over(self) -> None:
        """Let others go on with the turns that run here, and with showing them."""
        await self.runner.hand_over()
        self.parts.stream.close()

    async def stream_problem(self) -> str | None:
        """Why live events do not travel between replicas, None when they do."""
        return None if self.transport is None else await self.transport.problem()


@asynccontextmanager
async def open_resources(
    settings: Settings, *, model: Model | None = None, now: Callable[[], datetime] = utc_now
) -> AsyncGenerator[Resources]:
    """Build the parts, start the background tasks, and on leaving hand running turns over."""
    instance_id = _new_instance_id()
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        http = await stack.enter_async_context(httpx.AsyncClient())
        pool = await stack.enter_async_context(new_pool())
        key = KeyFile(settings.key_file)
        if model is None:
            model = OpenAIModel.from_settings(settings)
            stack.push_async_callback(model.close)
        servers = {
            name: McpServer(
                name,
                str(server.url),
                server.own,
                pool,
                server.timeout_s,
                Origin(kind=server.origin, server=name, trusted=server.trusted_text),
                str(server.audience or server.url),
            )
            for name, server in settings.tool_servers.items()
        }
        guard = AddressGuard(settings.reachable_networks)
        outside = PinnedTransport(guard)
        stack.push_async_callback(outside.aclose)
        connections = _create_connections(settings, database, guard, outside, now)
        if connections is not None:
            stack.push_async_callback(connections.settle)
        remote = None if connections is None else RemoteServers(connections, outside)
        catalogue = Catalogue(servers, TokenIssuer(settings.issuer, key), database, remote)
        caller = ToolCaller(catalogue)
        policy = load_policy(settings.policy_file)
        transport = _create_transport(settings, instance_id)
        stream = TurnStream(transport or SingleProcess())
        parts = TurnParts(database, stream, model, catalogue, caller, policy, settings, now)
        runner = TurnRunner(parts, instance_id)
        if database.is_sqlite:
            await runner.take_over_everything()
        if transport is not None:
            stack.push_async_callback(transport.close)
            await _run_in_background(stack, transport.writing())
            await _run_in_background(stack, transport.reading(stream, runner.request_stop))
        stack.push_async_callback(runner.hand_over)
        await _run_in_background(stack, runner.sweeping())
        await _run_in_background(stack, runner.keeping_leases())
        if connections is not None:
            await _run_in_background(stack, ending_what_was_left(connections))
        verifier = _create_verifier(settings, http)
        yield Resources(parts, runner, verifier, key, transport, http, connections)


def _new_instance_id() -> str:
    """At most 64 characters. Host and pid are for people: a lease in SQL leads to the process that holds it."""
    return f"{os.uname().nodename[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _create_transport(settings: Settings, instance_id: str) -> RedisTransport | None:
    if settings.redis_url is None:
        return None
    return RedisTransport(
        command_client(settings.redis_url), reader_client(settings.redis_url), instance_id
    )


def _create_connections(
    settings: Settings,
    database: Database,
    guard: AddressGuard,
    transport: PinnedTransport,
    now: Callable[[], datetime],
) -> ConnectionParts | None:
    if settings.secret_file is None or settings.public_url is None:
        return None
    public_url = str(settings.public_url).rstrip("/")
    is_public = settings.public_url.scheme == "https"
    return ConnectionParts(
        database=database,
        sealer=load_sealer(settings.secret_file),
        exchange=Exchange(transport),
        guard=guard,
        public_url=public_url,
        client_document=f"{public_url}{CLIENT_DOCUMENT_PATH}" if is_public else None,
        now=now,
    )


def _create_verifier(settings: Settings, http: httpx.AsyncClient) -> TokenVerifier:
    sources = {
        issuer: JwksSource(str(url), http) for issuer, url in settings.trusted_issuers.items()
    }
    return TokenVerifier(AUDIENCE, sources)


async def _run_in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)

    async def stop() -> None:
        task.cancel()
        await asyncio.wait({task})

    stack.push_async_callback(stop)
