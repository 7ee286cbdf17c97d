"""Every official client, old and new, over both transports, gets the same from the server."""

import json
from collections.abc import Generator

import pytest
from support.mcp_clients import (
    KINDS,
    LEGACY_PYTHON,
    MODERN_PYTHON,
    MODERN_TYPESCRIPT,
    OLD_PYTHON_SDK,
    TYPESCRIPT_1,
    Kind,
    RemoteClient,
    Target,
    connected,
)
from support.proc import command_of, descendants_of, processor_time_s, state_of, wait_until

pytestmark = pytest.mark.timeout(300)  # the first one may install the clients

VERSIONS = {
    MODERN_PYTHON: "2026-07-28",
    LEGACY_PYTHON: "2025-11-25",
    OLD_PYTHON_SDK: "2025-11-25",
    TYPESCRIPT_1: "2025-11-25",
    MODERN_TYPESCRIPT: "2026-07-28",
}
TOOLS = {
    "list_databases", "list_tables", "describe_tables", "search_schema", "query", "explain",
    "list_saved_queries", "run_saved_query",
}  # fmt: skip
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
WORKS_AFTER_S = 0.2
"""A worker that has used so much time since the call began is at work on it."""


@pytest.fixture(
    scope="module",
    params=[(kind, way) for way in ("stdio", "http") for kind in KINDS],
    ids=lambda param: f"{param[0].name}, {param[1]}",
)
def visit(
    request: pytest.FixtureRequest, stdio_target: Target
) -> Generator[tuple[RemoteClient, Kind, str]]:
    """A connected client, which client it is, and over what it is connected."""
    kind, way = request.param
    target = stdio_target if way == "stdio" else request.getfixturevalue("http_server").target()
    with connected(kind, target) as client:
        yield client, kind, way


@pytest.fixture
def client(visit: tuple[RemoteClient, Kind, str]) -> RemoteClient:
    return visit[0]


def test_it_speaks_the_clients_era(visit: tuple[RemoteClient, Kind, str]) -> None:
    client, kind, _ = visit
    assert client.do("version") == VERSIONS[kind]


def test_it_lists_tools_and_answers_in_a_structure(client: RemoteClient) -> None:
    assert set(client.do("tools")) >= TOOLS
    answer = client.call("query", sql="SELECT name FROM projects WHERE id = :id", params={"id": 1})
    assert not answer["is_error"]
    assert answer["structured"]["row_count"] == 1
    assert answer["structured"]["rows"] == json.loads(answer["text"])["rows"]


def test_a_refusal_is_an_answer_with_words_and_a_code(client: RemoteClient) -> None:
    client.do("tools")  # Clients that know a tool's output schema hold its answers against it.
    refused = client.call("query", sql="DELETE FROM projects")
    assert refused["is_error"]
    assert refused["structured"]["code"] == "sql_rejected"
    assert refused["structured"]["message"] in refused["text"]
    assert client.call("query", sql="SELECT count(*) FROM projects")["structured"]["rows"] == [[8]]


def test_wrong_arguments_are_an_answer_too(client: RemoteClient) -> None:
    client.do("tools")
    refused = client.call("query", sql="SELECT 1", limit=5)
    assert refused["is_error"]
    assert "There is no argument limit" in refused["text"]


def test_the_schema_can_be_read_as_resources(client: RemoteClient) -> None:
    assert "schema://tracker" in client.do("resources")
    table = json.loads(client.do("read", uri="schema://tracker/projects"))
    assert table["name"] == "projects"


def test_prompts_tell_what_the_model_needs(client: RemoteClient) -> None:
    assert "write_query" in client.do("prompts")
    text = client.do("prompt", name="write_query", arguments={"question": "late tasks"})
    assert "tasks" in text
    assert "SQLite" in text


def test_a_call_that_is_cancelled_ends_the_statement(
    visit: tuple[RemoteClient, Kind, str], request: pytest.FixtureRequest
) -> None:
    client, _, way = visit
    above = client.process.pid if way == "stdio" else request.getfixturevalue("http_server").pid
    client.call("query", sql="SELECT 1")  # so that the server and its workers are there
    used = {pid: processor_time_s(pid) for pid in workers_below(above)}
    client.do("begin", tool="query", arguments={"sql": ENDLESS})
    busy: list[int] = []

    def is_at_work() -> bool:
        busy[:] = [
            pid
            for pid in workers_below(above)
            if processor_time_s(pid) - used.get(pid, 0.0) > WORKS_AFTER_S and state_of(pid) == "R"
        ]
        return bool(busy)

    wait_until(is_at_work, "a worker runs the statement")
    assert client.do("cancel") == "cancelled"
    wait_until(lambda: not any(state_of(pid) == "R" for pid in busy), "the statement has ended")
    assert client.call("query", sql="SELECT 2")["structured"]["rows"] == [[2]]


def workers_below(pid: int) -> list[int]:
    return [one for one in descendants_of(pid) if "mcp_dbquery.sqlite" in command_of(one)]
