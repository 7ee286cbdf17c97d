"""Every route of the tool servers, asked by everybody: who gets an answer, and who is told that there is nothing."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from support.callers import ADA, NO_SCOPE, NOBODY, REMOVER, Caller
from support.callers import CALLERS as PEOPLE
from support.servers import serving
from support.tool_apps import ToolApp, tool_apps

from mcp_search.knowledge.access import reader_of
from mcp_search.knowledge.library import Upload
from shared.service_tokens import Principal

SERVERS = ("mcp-dbquery", "mcp-email", "mcp-search")
MCP = "POST /mcp"
LOOK_S, WAIT_S = 0.02, 30
LIST_TOOLS: dict[str, Any] = {
    "headers": {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/list",
    },
    "json": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/list",
        "params": {
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        },
    },
}
UPLOAD: dict[str, Any] = {"params": {"name": "note.txt"}, "content": b"A note."}
CALLERS = (*PEOPLE, Caller(NO_SCOPE, "owner", token={"scope": ""}))
EVERYBODY = frozenset(caller.name for caller in CALLERS)
SIGNED_IN = frozenset(caller.name for caller in PEOPLE if caller.role not in {None, REMOVER})
WRITERS = SIGNED_IN - {"visitor"}
HERS = frozenset({ADA})
COMMON: dict[str, frozenset[str]] = {
    MCP: SIGNED_IN,
    "GET /live": EVERYBODY,
    "GET /ready": EVERYBODY,
    "GET /metrics": EVERYBODY,
    # Says where to sign in (RFC 9728), so it cannot want that one has.
    "GET /.well-known/oauth-protected-resource/mcp": EVERYBODY,
}
LAST = {"DELETE /v1/tenant": frozenset({REMOVER})}
RULES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "mcp-dbquery": COMMON | LAST,
    "mcp-email": COMMON | LAST,
    "mcp-search": {
        **COMMON,
        "PUT /v1/documents": WRITERS,  # into a collection of their own
        "GET /v1/documents/{id}/original": HERS,
        "GET /v1/passages/{id}/page.png": frozenset(),  # a text has no pages
        **LAST,
    },
}
"""Whom each route answers. Others whose token counts learn that there is nothing (404), or what it lacks (403)."""
CASES = [(server, name) for server in SERVERS for name in RULES[server]]


def routes_of(app: Starlette) -> set[str]:
    """As the rules name them. MCP's own takes every method, and everything goes by POST."""
    found: set[str] = set()
    for route in app.routes:
        assert isinstance(route, Route), route
        methods: Iterable[str] = set(route.methods or {"POST"}) - {"HEAD", "OPTIONS"}
        found |= {f"{method} {route.path}" for method in methods}
    return found


@dataclass
class Walked:
    """What the servers have, and what came of every route and caller: status and text."""

    routes: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    answers: dict[tuple[str, str, str], tuple[int, str]] = field(
        default_factory=dict[tuple[str, str, str], tuple[int, str]]
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walked:
    return asyncio.run(_walk(tmp_path_factory.mktemp("servers")))


async def _walk(folder: Path) -> Walked:
    walked = Walked()
    async with (
        tool_apps(folder) as apps,
        AsyncExitStack() as stack,
        httpx.AsyncClient(timeout=WAIT_S) as http,
    ):
        for server, made in apps.items():
            walked.routes[server] = routes_of(made.app)
            url = await stack.enter_async_context(serving(made.app))
            things: Mapping[str, str] = await _things(made) if server == "mcp-search" else {}
            for name in RULES[server]:
                for caller in CALLERS:
                    said = await _ask(http, url, made, name, caller, things)
                    walked.answers[server, name, caller.name] = said
    return walked


async def _things(search: ToolApp) -> Mapping[str, str]:
    """What routes name, by the kind: a document of Ada's own, and a passage of it."""
    ada = Principal(ADA, "acme", frozenset({"member"}))
    added = await search.parts.library.add(ada, Upload("note.txt", b"Thirty days of leave."))
    document_id: str = added.document.id
    async with asyncio.timeout(WAIT_S):
        while (await search.parts.library.document(ada, document_id)).state != "ready":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(LOOK_S)
    [passage] = await search.parts.store.neighbours(reader_of(ada), document_id, 0, 1)
    return {"documents": document_id, "passages": passage.id}


async def _ask(
    http: httpx.AsyncClient,
    url: str,
    made: ToolApp,
    name: str,
    caller: Caller,
    things: Mapping[str, str],
) -> tuple[int, str]:
    method, _, path = name.partition(" ")
    if "{id}" in path:
        path = path.replace("{id}", things[path.split("/")[2]])
    options: dict[str, Any] = LIST_TOOLS if name == MCP else UPLOAD if method == "PUT" else {}
    headers: dict[str, str] = dict(options.get("headers", {}))
    if caller.name != NOBODY:
        token = made.token(caller.person, caller.tenant, **caller.claims)
        headers["Authorization"] = f"Bearer {token}"
    sent: dict[str, Any] = {**options, "headers": headers}
    answer = await http.request(method, f"{url}{path}", **sent)
    return answer.status_code, answer.text[:500]


@pytest.mark.parametrize("server", SERVERS)
def test_every_route_has_a_rule(walked: Walked, server: str) -> None:
    unknown = walked.routes[server] - RULES[server].keys()
    assert not unknown, (
        f"No rule of {server} says who may ask {sorted(unknown)}. Say in RULES whom it answers; what it names "
        "is Ada's, and made in `_things`."
    )
    assert not RULES[server].keys() - walked.routes[server], (
        "rules of routes that are there no more"
    )


@pytest.mark.parametrize(("server", "name"), CASES)
def test_a_route_answers_whom_its_rule_admits_and_nobody_else(
    walked: Walked, server: str, name: str
) -> None:
    wrong: dict[str, tuple[int, str]] = {}
    for caller in CALLERS:
        said = walked.answers[server, name, caller.name]
        if said[0] not in _expected(caller, RULES[server][name]):
            wrong[caller.name] = said
    assert wrong == {}


def _expected(caller: Caller, admitted: frozenset[str]) -> set[int]:
    if caller.name in admitted:
        return {200, 202}
    if caller.role is None:
        return {401}
    lacks_scope = caller.name in {NO_SCOPE, REMOVER} or admitted in (WRITERS, frozenset({REMOVER}))
    return {403} if lacks_scope else {404}
