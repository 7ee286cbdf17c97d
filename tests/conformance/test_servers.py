"""Our tool servers against the official MCP conformance suite, in both protocol versions they speak.

The suite judges by tools, resources and prompts of names it knows. A server made as ours are, which has them, is judged
by everything; ours themselves by what needs none of that. docs/conformance.md says what comes of it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from conformance.fixtures import fixture_server
from conformance.suite import (
    REVISIONS,
    Verdicts,
    cell,
    judge_scenarios,
    judge_whole,
    surprises,
    table,
)
from support.servers import serving
from support.tool_apps import SignedIn, served, tool_apps

AT_ONCE = 2
"""Processes of Node: as many as the smallest machine has cores."""
FIXTURES = "fixtures"
SERVERS = ("mcp-dbquery", "mcp-email", "mcp-search")
FIXTURE_FREE = {
    "2026-07-28": (
        "server-stateless",
        "tools-list",
        "dns-rebinding-protection",
        "caching",
        "sep-2164-resource-not-found",
        "http-header-validation",
        "server-sse-multiple-streams",
        "input-required-result-unsupported-methods",
    ),
    "2025-11-25": (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
    ),
}
"""Scenarios that prove something of any server. Those that call a tool which is missing may pass, and prove nothing."""
LISTS = {"mcp-dbquery": ("resources-list", "prompts-list")}
"""Those of servers that have something to list."""
TASKS = "tasks-"
"""Scenarios of an extension."""

pytestmark = pytest.mark.timeout(600)  # the first one may install the suite
Judged = Mapping[tuple[str, str], Verdicts]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Server and revision → verdicts."""
    return asyncio.run(_judge_all(tmp_path_factory.mktemp("conformance")))


async def _judge_all(folder: Path) -> Judged:
    gate = asyncio.Semaphore(AT_ONCE)

    async def judge(server: str, revision: str) -> Verdicts:
        records = folder / "records" / server / revision
        # By this name, because one scenario wants to see it in the Host header.
        url = urls[server].replace("127.0.0.1", "localhost") + "/mcp"
        async with gate:
            if server == FIXTURES:
                return await judge_whole(url, revision, records)
            scenarios = [*FIXTURE_FREE[revision], *LISTS.get(server, ())]
            return await judge_scenarios(url, revision, scenarios, records)

    async with AsyncExitStack() as stack:
        apps = await stack.enter_async_context(tool_apps(folder))
        served_apps = {FIXTURES: served(fixture_server())} | {
            server: SignedIn(made.app, made.token()) for server, made in apps.items()
        }
        urls = {
            server: await stack.enter_async_context(serving(app))
            for server, app in served_apps.items()
        }
        keys = [(server, revision) for server in served_apps for revision in REVISIONS]
        verdicts = await asyncio.gather(*(judge(*key) for key in keys))
    return dict(zip(keys, verdicts, strict=True))


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("server", SERVERS)
def test_our_servers_pass_what_needs_no_fixtures(
    judged: Judged, server: str, revision: str
) -> None:
    verdicts = judged[server, revision]

    assert set(verdicts) == {*FIXTURE_FREE[revision], *LISTS.get(server, ())}
    assert surprises(verdicts, "every server", "our servers") == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_factory_of_our_servers_passes_everything(judged: Judged, revision: str) -> None:
    verdicts = judged[FIXTURES, revision]
    counted = {name: verdict for name, verdict in verdicts.items() if not name.startswith(TASKS)}

    assert surprises(counted, "every server", FIXTURES) == []
    assert all(verdict.passed for name, verdict in counted.items() if name != "server-sse-polling")


def test_tasks_are_judged_as_soon_as_they_are_offered(judged: Judged) -> None:
    negotiation = judged[FIXTURES, "2026-07-28"]["tasks-capability-negotiation"]
    assert "tasks-extension-advertised" in negotiation.failed


def test_the_document_tells_what_the_factory_passes(judged: Judged) -> None:
    whole = {revision: judged[FIXTURES, revision] for revision in REVISIONS}
    names = {name for verdicts in whole.values() for name in verdicts}
    rows = [
        {"Scenario": name, **{rev: cell(found, name) for rev, found in whole.items()}}
        for name in sorted(names)
        if not name.startswith(TASKS)
    ]
    assert table("Tool servers: every scenario") == rows


def test_the_document_tells_what_our_servers_pass(judged: Judged) -> None:
    rows = [
        {
            "Scenario": name,
            "Revision": revision,
            **{server: cell(judged[server, revision], name) for server in SERVERS},
        }
        for revision in REVISIONS
        for name in sorted({name for server in SERVERS for name in judged[server, revision]})
    ]
    assert table("Tool servers: signed in to ours") == rows
