"""What plays the client's part for the conformance suite: our own host class, and a person who agrees to everything.

What is right and wrong the suite sees on the wire. In scenarios of sign-in a real database holds the person's
connection, and only their browser is played here.
"""

import secrets
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import httpx2
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, InputResponses, Tool
from pydantic import IPvAnyNetwork, JsonValue, TypeAdapter

from orchestrator.connections.access import PersonAccess
from orchestrator.connections.addresses import AddressGuard
from orchestrator.connections.discovery import discover
from orchestrator.connections.exchange import Client, Exchange
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.pinned import PinnedTransport
from orchestrator.connections.servers import add_server, set_client
from orchestrator.connections.sign_in import Callback, begin, finish
from orchestrator.connections.tokens import MAX_SIGN_INS, SignInNeeded
from orchestrator.database import Base, Database
from orchestrator.tools.elicitation import (
    InputQuestion,
    elicit_result,
    question_of,
    questions_of,
)
from orchestrator.tools.host import McpServer, Token, ToolAnswer, new_pool
from shared.errors import ExpectedError
from shared.sealed import Sealer
from shared.service_tokens import Principal
from shared.sql import utc_now
from shared.wire.events import InputAction, Origin

CALL_TIMEOUT_S = 20.0
MAX_ROUNDS = 10
ORIGIN = Origin(kind="tool", server="peer", trusted=False)
ADA = Principal(subject="ada", tenant="acme", roles=frozenset({"owner"}), name="Ada")
PARTITION, TOKEN = "acme/ada", "conformance"
PUBLIC_URL = "https://conformance-test.local"
TABLES = (
    "audit_heads",
    "audit_rows",
    "connections",
    "oauth_clients",
    "remote_servers",
    "sign_ins",
)
CLIENT_DOCUMENT = f"{PUBLIC_URL}/client-metadata.json"
LOOPBACK = TypeAdapter(tuple[IPvAnyNetwork, ...]).validate_python(["127.0.0.0/8", "::1/128"])
ANY_VALUE: Mapping[str, JsonValue] = {
    "string": "x",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "object": {},
    "array": [],
}
Call = tuple[str, dict[str, JsonValue]]
T = TypeVar("T")


def filled_in(schema: Mapping[str, Any]) -> dict[str, JsonValue]:
    """An object that fits: what is preset, and anything for what is required besides."""
    fields = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    preset = {name: field["default"] for name, field in fields.items() if "default" in field}
    required = {n: ANY_VALUE[fields[n].get("type", "object")] for n in schema.get("required", [])}
    return required | preset


def agree(question: InputQuestion) -> ElicitResult:
    return elicit_result(question.mode, InputAction.ACCEPT, filled_in(question.schema or {}))


async def answer_at_once(params: ElicitRequestParams) -> ElicitResult:
    return agree(question_of(params))


@dataclass
class Host:
    """The server as our host has it, and what the person does when it wants them to sign in."""

    server: McpServer
    sign: Token
    connections: ConnectionParts | None = None

    async def list_tools(self) -> list[Tool]:
        return await self._signing_in(lambda: self.server.list_tools(PARTITION, self.sign))

    async def call(self, tool: str, arguments: dict[str, JsonValue], **more: Any) -> ToolAnswer:
        return await self._signing_in(
            lambda: self.server.call(PARTITION, self.sign, tool, arguments, **more)
        )

    async def _signing_in(self, act: Callable[[], Awaitable[T]]) -> T:
        """As turns do: asked again after each sign-in, which are limited in number."""
        for _ in range(MAX_SIGN_INS):
            try:
                return await act()
            except SignInNeeded:
                await self._sign_in()
        return await act()

    async def _sign_in(self) -> None:
        """What the pages and the person's browser do."""
        assert self.connections is not None
        address = await begin(self.connections, self.server.key, ADA)
        async with httpx2.AsyncClient() as browser:
            page = await browser.get(address)
        answer = dict(parse_qsl(urlsplit(page.headers["location"]).query))
        callback = Callback(
            answer["state"], answer.get("code"), answer.get("error"), answer.get("iss")
        )
        await finish(self.connections, ADA, callback)


@asynccontextmanager
async def open_host(address: str, scenario: str, known: dict[str, Any]) -> AsyncGenerator[Host]:
    """Where nobody signs in, the server is one that the operator has configured."""
    if not scenario.startswith("auth/"):
        async with new_pool() as pool:
            yield Host(
                McpServer("peer", address, False, pool, CALL_TIMEOUT_S, ORIGIN, address), TOKEN
            )
        return
    guard = AddressGuard(LOOPBACK)
    async with PinnedTransport(guard) as transport, open_database() as database:
        sealer = Sealer([secrets.token_urlsafe(32)], "connections")
        exchange = Exchange(transport)
        parts = ConnectionParts(
            database, sealer, exchange, guard, PUBLIC_URL, CLIENT_DOCUMENT, utc_now
        )
        await add_server(parts, ADA, name="peer", url=address, taken=())
        if "client_id" in known:
            await register_by_hand(parts, address, known)
        server = McpServer(
            "peer", address, False, transport, CALL_TIMEOUT_S, ORIGIN, address, is_added=True
        )
        yield Host(server, PersonAccess(parts, "peer", ADA), parts)


@asynccontextmanager
async def open_database() -> AsyncGenerator[Database]:
    with tempfile.TemporaryDirectory() as directory:
        database = Database(f"sqlite+aiosqlite:///{directory}/assistant.db")
        async with database.engine.begin() as connection:
            tables = [Base.metadata.tables[name] for name in TABLES]
            await connection.run_sync(Base.metadata.create_all, tables=tables)
        yield database
        await database.close()


async def register_by_hand(parts: ConnectionParts, address: str, known: dict[str, Any]) -> None:
    """As an admin does who has registered us with the issuer."""
    authority = await discover(parts.exchange, address, None)
    method = "client_secret_basic" if "client_secret" in known else "none"
    client = Client(known["client_id"], known.get("client_secret"), method)
    await set_client(parts, ADA, "peer", authority.issuer, client)


async def call(host: Host, tool: str, arguments: dict[str, JsonValue]) -> None:
    """Call a tool and answer what it asks until it is done."""
    responses: InputResponses | None = None
    state: str | None = None
    for _ in range(MAX_ROUNDS):
        answer = await host.call(
            tool,
            arguments,
            on_elicit=answer_at_once,
            input_responses=responses,
            request_state=state,
        )
        if isinstance(answer, CallToolResult):
            return
        responses = {question.key: agree(question) for question in questions_of(answer)} or None
        state = answer.request_state
    raise RuntimeError(f"{tool} does not stop asking")


def calls_of(scenario: str, context: dict[str, Any], tools: Sequence[Tool]) -> list[Call]:
    schemas = {tool.name: tool.input_schema for tool in tools}
    if scenario == "http-custom-headers":
        wanted = context.get("toolCalls", [])
        return [(c["name"], c.get("arguments") or {}) for c in wanted if c["name"] in schemas]
    if scenario == "json-schema-2020-12-preservation":
        return [("json_schema_echo", {"schema": schemas["json_schema_2020_12_tool"]})]
    return [(name, filled_in(schema)) for name, schema in schemas.items()]


async def play(scenario: str, url: str, context: dict[str, Any]) -> list[str]:
    """Do what a scenario wants at the address of its server: call each tool once, or what the context says.

    The answer is what was turned away: some scenarios' servers misbehave on purpose.
    """
    refused: list[str] = []
    async with open_host(url, scenario, context) as host:
        try:
            tools = await host.list_tools()
        except ExpectedError as error:
            return [repr(error)]
        for tool, arguments in calls_of(scenario, context, tools):
            try:
                await call(host, tool, arguments)
            except ExpectedError as error:
                refused.append(f"{tool}: {error!r}")
    return refused
