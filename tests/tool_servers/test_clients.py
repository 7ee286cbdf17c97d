"""Clients that we did not write, signed in: each looks at each server, and hears what its sign-in does not allow."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.mcp_clients import (
    AUTO_TYPESCRIPT,
    CLIENTS,
    DEFAULT_TYPESCRIPT,
    MODERN_TYPESCRIPT,
    NODE,
    OLD_PYTHON_SDK,
    ClientFailed,
    Kind,
    RemoteClient,
    connected,
    install_node_clients,
)
from support.tool_servers import SERVERS, ToolServers, bearer

from shared.scopes import RESOURCES, in_order

pytestmark = pytest.mark.timeout(300)  # the first one may install the clients

VERSIONS = {
    DEFAULT_TYPESCRIPT: "2025-11-25",
    AUTO_TYPESCRIPT: "2026-07-28",
    MODERN_TYPESCRIPT: "2026-07-28",
    OLD_PYTHON_SDK: "2025-11-25",
}
INSPECTOR = CLIENTS / "node_modules" / "@modelcontextprotocol" / "inspector"
LOOKS = {
    "mcp-dbquery": "list_databases",
    "mcp-email": "list_accounts",
    "mcp-search": "kb_list_collections",
}
"""A tool that the first sign-in allows, and answers without arguments."""
CHANGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "mcp-dbquery": (
        "set_task_status", {"task_id": 42, "status": "done"}, "db:act:set_task_status",
    ),
    "mcp-email": (
        "send_email", {"to": ["bob@example.com"], "subject": "Hi", "body": "Hi"}, "mail:send",
    ),
    "mcp-search": ("kb_upload", {"name": "a.txt", "content_base64": "YQ=="}, "kb:write"),
}  # fmt: skip
"""One that it does not allow."""


def token_to_look(servers: ToolServers, server: str) -> str:
    return servers.token(server, in_order(RESOURCES[server].base), roles=["member"])


@pytest.mark.parametrize("kind", VERSIONS, ids=lambda kind: kind.name)
def test_an_official_client_with_a_token_can_use_each_server(
    servers: ToolServers, kind: Kind
) -> None:
    with ExitStack() as stack:
        clients = {
            server: stack.enter_context(
                connected(
                    kind,
                    {
                        "url": servers.url(server),
                        "headers": bearer(token_to_look(servers, server)),
                    },
                )
            )
            for server in SERVERS
        }
        for server, client in clients.items():
            assert client.do("version") == VERSIONS[kind]
            assert CHANGES[server][0] in client.do("tools")
            assert not client.call(LOOKS[server])["is_error"]
            assert CHANGES[server][2] in refusal(client, server, VERSIONS[kind])


def refusal(client: RemoteClient, server: str, version: str) -> str:
    """What the client says of a call that the token does not allow: an HTTP error, or the tool's answer."""
    tool, arguments, _ = CHANGES[server]
    if version == VERSIONS[MODERN_TYPESCRIPT]:
        with pytest.raises(ClientFailed, match="InsufficientScopeError") as refused:
            client.call(tool, **arguments)
        return str(refused.value)
    answer = client.call(tool, **arguments)
    assert answer["is_error"]
    assert answer["structured"]["code"] == "insufficient_scope"
    return answer["text"]


def inspect(url: str, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the Inspector's command line says, asked over HTTP."""
    entry = json.loads((INSPECTOR / "package.json").read_text())["bin"]
    script = INSPECTOR / (entry if isinstance(entry, str) else next(iter(entry.values())))
    return subprocess.run(
        [
            NODE, str(script), "--cli", url, "--transport", "http",
            "--header", f"Authorization: Bearer {token}", *arguments,
        ],
        env={"PATH": str(Path(NODE).parent), "MCP_INSPECTOR_SECRET_STORE": "memory"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_inspectors_command_line_is_answered_by_each_server(servers: ToolServers) -> None:
    install_node_clients()

    def look(server: str) -> subprocess.CompletedProcess[str]:
        call = ("--method", "tools/call", "--tool-name", LOOKS[server])
        return inspect(servers.url(server), token_to_look(servers, server), *call)

    with ThreadPoolExecutor(len(SERVERS)) as pool:
        for answered in pool.map(look, SERVERS):
            assert answered.returncode == 0, answered.stdout + answered.stderr
            assert '"structuredContent"' in answered.stdout
