"""What tool servers keep of an organisation goes when Steward says so, and for nobody else."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from typing import Any

import httpx
import pytest
from support.tool_servers import HOST, SERVERS, ToolServers, bearer, modern_request

from shared.scopes import RESOURCES, in_order
from shared.service_tokens import TokenIssuer

pytestmark = pytest.mark.asyncio(loop_scope="session")
KEPT = {
    "store.saved_queries",
    "mailboxes.mailbox",
    "ledger.sends",
    "knowledge.tenant",
    "knowledge.collection",
    "knowledge.document",
    "knowledge.gap",
    "knowledge.upload",
}
"""Tables that have something of whoever used all three."""
LISTED = modern_request("tools/list")


def remover(servers: ToolServers, server: str, **differing: Any) -> str:
    """What the orchestrator brings."""
    claims: dict[str, Any] = {"subject": "orchestrator", "tenant": "closed", "scope": "removal"}
    issuer = TokenIssuer(HOST, servers.host.key)
    return issuer.issue(audience=servers.url(server), lifetime_s=60, **claims | differing)


def remove(servers: ToolServers, server: str, token: str) -> httpx.Response:
    address = f"{servers.addresses[server]}/v1/tenant"
    return servers.http.delete(address, headers=bearer(token), timeout=30)


def rows_with(servers: ToolServers, tenant: str) -> set[str]:
    """The tables of all servers that have rows which name a tenant."""
    found: set[str] = set()
    for path in servers.folder.rglob("*.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for table, column in _columns(connection):
                named = f'SELECT 1 FROM "{table}" WHERE "{column}" IN (?, ?) LIMIT 1'
                if connection.execute(named, (tenant, tenant.encode())).fetchone():
                    found.add(f"{path.stem}.{table}")
    return found


def _columns(connection: sqlite3.Connection) -> Generator[tuple[str, str]]:
    """Virtual tables are left out: they are indexes, of kinds that not every SQLite knows."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    for (table,) in tables:
        for (column,) in connection.execute(f'SELECT name FROM pragma_table_info("{table}")'):
            if column in {"tenant", "name"}:
                yield table, column


def empty(servers: ToolServers, server: str) -> None:
    """Ask until nothing is left, as the orchestrator does."""
    for _ in range(50):
        answer = remove(servers, server, remover(servers, server))
        assert answer.status_code == 200, answer.text
        if answer.json()["done"]:
            return
    raise AssertionError("never done")


async def use_all(servers: ToolServers, tenant: str) -> None:
    """Somebody of the tenant saves a query, sends a mail, keeps a document and asks what nobody knows."""
    uses: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "mcp-dbquery": [
            ("save_query", {"name": "one", "title": "One", "arguments": {"sql": "SELECT 1"}})
        ],
        "mcp-email": [
            ("send_email", {"to": ["bob@example.com"], "subject": "Lunch", "body": "At noon?"})
        ],
        "mcp-search": [
            ("kb_upload", {"name": "a.txt", "content_base64": "SGVsbG8gd29ybGQu"}),
            ("kb_search", {"query": "who painted the bicycle shed?"}),
        ],
    }
    for server, calls in uses.items():
        issuer = TokenIssuer(HOST, servers.host.key)
        token = issuer.issue(
            audience=servers.url(server),
            subject="ada",
            tenant=tenant,
            roles=["owner"],
            scope=in_order(RESOURCES[server].all),
            lifetime_s=300,
        )
        async with servers.client(server, token) as client:
            for tool, arguments in calls:
                result = await client.call_tool(tool, arguments)
                assert not getattr(result, "is_error", False), result


async def test_all_that_is_kept_of_a_closed_organisation_goes_and_nothing_of_another(
    servers: ToolServers,
) -> None:
    await use_all(servers, "closed")
    await use_all(servers, "open")
    for tenant in ("closed", "open"):
        assert rows_with(servers, tenant) >= KEPT

    for server in SERVERS:
        empty(servers, server)

    assert rows_with(servers, "closed") == set()
    assert rows_with(servers, "open") >= KEPT
    await use_all(servers, "closed")  # as if it had never been there
    for server in SERVERS:
        empty(servers, server)


@pytest.mark.parametrize("server", SERVERS)
async def test_nobody_else_deletes_it(servers: ToolServers, server: str) -> None:
    everything = in_order(RESOURCES[server].all)
    for refused in (
        remover(servers, server, scope=everything, subject="ada", roles=["owner"]),
        remover(servers, server, scope=f"{everything} removal"),
        servers.token(server, "removal"),
        servers.frontend.token(servers.url(server), "removal", tenant="closed"),
    ):
        assert remove(servers, server, refused).status_code == 403


@pytest.mark.parametrize("server", SERVERS)
async def test_what_deletes_can_do_nothing_else(servers: ToolServers, server: str) -> None:
    token = remover(servers, server)
    headers = {**LISTED["headers"], **bearer(token)}
    for path in ("/mcp", "/v1/documents"):
        address = f"{servers.addresses[server]}{path}"
        answer = servers.http.post(address, json=LISTED["json"], headers=headers)
        assert answer.status_code == 403
