"""Each tool says what a token must allow, and no token that does not allow it gets a call through.

The tools are those that each server lists: one more without a scope fails here.
"""

from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextContent, Tool
from support.mcp_clients import ROOT
from support.readme import column
from support.tool_servers import SERVERS, Era, ToolServers, bearer, modern_request

from shared.scopes import DB_ACT, RESOURCES, act, allows, in_order, needed_by, words_of

pytestmark = pytest.mark.asyncio(loop_scope="session")
PREVIEW = "io.steward/preview"
ERAS: tuple[Era, ...] = ("auto", "legacy")


async def listed(client: Client) -> list[Tool]:
    return (await client.list_tools()).tools


def needed(tool: Tool) -> frozenset[str]:
    scopes = needed_by(tool.meta)
    assert scopes, f"{tool.name} does not say what it needs"
    return scopes


def all_but(server: str, scopes: frozenset[str]) -> str:
    """Every scope of the server without these, so that nothing but the missing one can be why."""
    rest = RESOURCES[server].all - scopes
    return in_order(rest - {DB_ACT} if any(one.startswith(DB_ACT) for one in scopes) else rest)


async def called(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


def text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("server", SERVERS)
async def test_whoever_may_look_sees_every_tool_and_what_it_needs(
    servers: ToolServers, server: str
) -> None:
    resource = RESOURCES[server]
    async with servers.client(server, servers.token(server, in_order(resource.base))) as client:
        tools = {tool.name: tool for tool in await listed(client)}
    for tool in tools.values():
        assert allows(resource.all, needed(tool)), tool.name
        assert all(words_of(scope) != scope for scope in needed(tool)), tool.name
        hints = tool.annotations
        assert hints is not None
        if not hints.read_only_hint and tool.name != "save_query":
            assert not allows(resource.base, needed(tool)), f"{tool.name} changes something"
        if companion := (tool.meta or {}).get(PREVIEW):
            assert needed(tools[companion]) == needed(tool), companion
    assert {scope for tool in tools.values() for scope in needed(tool)} >= resource.all - {DB_ACT}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_call_that_the_token_does_not_allow_is_refused_and_told_what_it_needs(
    servers: ToolServers, server: str
) -> None:
    async with servers.client(server, servers.token(server)) as client:
        tools = await listed(client)
    for tool in tools:
        token = servers.token(server, all_but(server, needed(tool)) or "none")
        asked = modern_request("tools/call", {"name": tool.name, "arguments": {}}, tool.name)
        asked["headers"] |= bearer(token)
        answer = servers.http.post(servers.url(server), **asked)
        challenge = answer.headers.get("WWW-Authenticate", "")
        assert answer.status_code == 403, (tool.name, answer.text)
        assert 'error="insufficient_scope"' in challenge
        assert f'scope="{in_order(needed(tool))}"' in challenge
        assert f'resource_metadata="{servers.metadata_url(server)}"' in challenge
        assert tool.name in answer.json()["message"]


@pytest.mark.parametrize("server", SERVERS)
async def test_older_protocols_are_told_the_same_in_the_answer(
    servers: ToolServers, server: str
) -> None:
    async with servers.client(server, servers.token(server)) as client:
        tools = await listed(client)
    for scopes in {needed(tool) for tool in tools}:
        allowed = all_but(server, scopes)
        if not allowed:
            continue
        async with servers.client(server, servers.token(server, allowed), "legacy") as client:
            for tool in tools:
                if not allows(allowed.split(), needed(tool)):
                    refused = await called(client, tool.name)
                    said: dict[str, Any] = refused.structured_content or {}
                    assert refused.is_error, tool.name
                    assert said["code"] == "insufficient_scope", tool.name
                    assert said["details"] == {"scope": in_order(needed(tool))}
                    for scope in needed(tool):
                        assert words_of(scope) in text_of(refused)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("server", SERVERS)
async def test_what_the_token_allows_is_held_against_the_tool_and_nothing_else(
    servers: ToolServers, server: str, era: Era
) -> None:
    """Called without arguments: they are refused for those, or answered where they need none."""
    async with servers.client(server, servers.token(server)) as client:
        tools = await listed(client)
    for scopes in {needed(tool) for tool in tools}:
        async with servers.client(server, servers.token(server, in_order(scopes)), era) as client:
            for tool in tools:
                if needed(tool) == scopes and "required" in tool.input_schema:
                    refused = await called(client, tool.name)
                    assert (refused.structured_content or {})["code"] == "invalid_argument"


async def test_all_actions_include_each_and_one_includes_no_other(servers: ToolServers) -> None:
    server, task = "mcp-dbquery", {"task_id": 42, "status": "done"}
    preview = "preview_set_task_status"
    other = servers.token(server, act("add_comment"), roles=["member"])
    for scope in (DB_ACT, act("set_task_status")):
        token = servers.token(server, scope, roles=["member"])
        async with servers.client(server, token, "legacy") as client:
            assert not (await called(client, preview, **task)).is_error
    async with servers.client(server, other, "legacy") as client:
        refused = await called(client, preview, **task)
    assert (refused.structured_content or {})["code"] == "insufficient_scope"


@pytest.mark.parametrize("scope", ["", "mail", "mail:reads", "MAIL:READ", "db:read", "kb:*", "*"])
async def test_a_token_without_a_scope_of_the_server_learns_nothing(
    servers: ToolServers, scope: str
) -> None:
    for method in ("tools/list", "server/discover", "ping", "resources/list"):
        asked = modern_request(method)
        asked["headers"] |= bearer(servers.token("mcp-email", scope))
        answer = servers.http.post(servers.url("mcp-email"), **asked)
        assert answer.status_code == 403, method
        assert 'scope="mail:read"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("server", SERVERS)
async def test_the_readme_tells_every_scope(server: str) -> None:
    readme = (ROOT / "services" / server / "README.md").read_text()
    told = column(readme, "Scopes", 0)
    assert [scope for scope in told if scope != act("NAME")] == sorted(RESOURCES[server].all)


LOOKS: dict[str, Callable[[Client], Any]] = {
    "resources": lambda client: client.list_resources(),
    "templates": lambda client: client.list_resource_templates(),
    "a resource": lambda client: client.read_resource("schema://tracker/projects"),
    "prompts": lambda client: client.list_prompts(),
    "a prompt": lambda client: client.get_prompt("write_query", {"question": "late tasks"}),
}


@pytest.mark.parametrize("look", LOOKS)
async def test_who_may_only_act_does_not_look(servers: ToolServers, look: str) -> None:
    server = "mcp-dbquery"
    async with servers.client(server, servers.token(server, DB_ACT), "legacy") as client:
        with pytest.raises(MCPError, match="db:read") as refused:
            await LOOKS[look](client)
    assert refused.value.error.data == {"scope": "db:read"}
    async with servers.client(server, servers.token(server, "db:read"), "legacy") as client:
        assert await LOOKS[look](client)


async def test_a_header_that_names_another_tool_than_the_body_calls_none(
    servers: ToolServers,
) -> None:
    body: dict[str, Any] = {"name": "send_email", "arguments": {}}
    for headers in ({"Mcp-Name": "search_email"}, {"Mcp-Method": "tools/list"}, {"Mcp-Name": ""}):
        asked = modern_request("tools/call", body, "send_email")
        asked["headers"] |= {**bearer(servers.token("mcp-email", "mail:read")), **headers}
        answer = servers.http.post(servers.url("mcp-email"), **asked)
        assert answer.status_code == 400, headers
        assert answer.json()["error"]["code"] == -32020
