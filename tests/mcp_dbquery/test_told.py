"""What is told of a policy: hidden, masked, filtered; and nothing of what it keeps."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from mcp import Client
from support.dbquery import UNHURRIED, person
from support.engines import ToldEngine
from support.tool_calls import answer

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.databases import Database, Databases
from mcp_dbquery.engine import Estimate, Reading, ResultColumn
from mcp_dbquery.library import Library
from mcp_dbquery.pages import Cursors
from mcp_dbquery.parts import Parts
from mcp_dbquery.queries import QueryRunner
from mcp_dbquery.quotas import LocalRate, Quota
from mcp_dbquery.report import report
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from mcp_dbquery.spool import MemorySpool
from shared.local_rate_limit import LocalRateLimit

READING = Reading(
    columns=[ResultColumn("email", "text", mask="domain"), ResultColumn("n", "integer")],
    rows=[["•••example.org", 1]],
    cut_cells=1,
    relations=frozenset({"people", "tasks"}),
)


def parts_over(engine: ToldEngine) -> Parts:
    limits = Limits(**UNHURRIED)
    engine.limits = limits
    database = Database(
        "crm",
        DatabaseConfig(url="postgresql://x/y"),
        engine,
        Quota(limits, LocalRate(LocalRateLimit(10**6))),
        None,
    )
    databases = Databases({"crm": database})
    runner = QueryRunner(databases, MemorySpool(), Cursors(b"k" * 32))
    return Parts(databases, runner, Library(databases, None), person("ada"))


@asynccontextmanager
async def client_of(engine: ToldEngine) -> AsyncGenerator[Client]:
    async with Client(build_server(Settings(), parts_over(engine))) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return answer(await client.call_tool(tool, arguments))


async def test_a_result_says_what_the_policy_keeps_from_it() -> None:
    async with client_of(ToldEngine(READING)) as client:
        result = await call(client, "query", sql="SELECT 1")
    assert result["columns"] == [
        {"name": "email", "type": "text", "masked": "domain"},
        {"name": "n", "type": "integer"},
    ]
    assert result["hidden_columns"] == 3
    assert result["warnings"] == [
        "1 long values were cut.",
        "3 columns of people hidden by policy.",
        "Masked by policy: email (domain).",
        "Only rows that you may see, by policy: people.",
    ]


async def test_a_result_without_restrictions_says_nothing() -> None:
    reading = replace(READING, relations=frozenset({"tasks"}), cut_cells=0)
    reading.columns = [ResultColumn("n", "integer"), ResultColumn("m", "integer")]
    async with client_of(ToldEngine(reading)) as client:
        result = await call(client, "query", sql="SELECT 1")
    assert (result["hidden_columns"], result["warnings"]) == (0, [])


async def test_restrictions_are_told_before_anything_is_asked() -> None:
    async with client_of(ToldEngine(READING)) as client:
        (database,) = (await call(client, "list_databases"))["databases"]
    assert database["restrictions"] == [
        "people: masked are email (domain).",
        "people: 3 columns are hidden.",
        "people: only the rows that you may see.",
    ]
    assert database["limits"]["cost"] == Limits().cost


async def test_descriptions_show_no_values_where_examples_are_not_allowed() -> None:
    engine = ToldEngine(Reading([ResultColumn("x", "text")], [["a"], ["b\x1b"]]))
    async with client_of(engine) as client:
        (people,) = (await call(client, "describe_tables", tables=["people"], sample_rows=2))[
            "tables"
        ]
    values = {column["name"]: column["values"] for column in people["columns"]}
    assert values == {"id": None, "email": None, "note": None, "kind": ["a", "b"]}
    assert engine.asked[0] == 'SELECT "id", "email", NULL, "kind" FROM "people" LIMIT 2'
    assert not any('"note"' in sql or 'DISTINCT "email"' in sql for sql in engine.asked)
    assert (people["hidden_columns"], people["rows_filtered"]) == (3, True)
    assert people["referenced_by"] == ["tasks.person_id"]


async def test_comments_are_clean_of_what_nobody_sees() -> None:
    async with client_of(ToldEngine(READING)) as client:
        listed = await call(client, "list_tables")
        described = await call(client, "describe_tables", tables=["people"])
        found = await call(client, "search_schema", text="kinds of people")
    assert listed["tables"][0]["comment"] == "Who.[2J"
    assert described["tables"][0]["columns"][3]["comment"] == "What they are."
    assert not {"\x1b", "\u202e"} & set(str(found))
    assert {hit["column"] for hit in found["hits"]} >= {None, "kind"}


async def test_the_values_of_columns_are_looked_up_once_a_minute() -> None:
    engine = ToldEngine(Reading([ResultColumn("x", "text")], [["a"]]))
    async with client_of(engine) as client:
        first = await call(client, "describe_tables", tables=["people"])
        asked = len(engine.asked)
        assert await call(client, "describe_tables", tables=["people"]) == first
        assert len(engine.asked) == asked
        brief = await call(client, "describe_tables", tables=["people"], detail="columns")
    assert brief["tables"][0]["columns"][3]["values"] is None
    assert brief["tables"][0]["referenced_by"] == []


async def test_a_plan_that_is_too_expensive_says_so_with_advice() -> None:
    engine = ToldEngine(READING, estimate=Estimate(2e6, 1e9, ["Scan\x1b"], "Add a filter on id."))
    async with client_of(engine) as client:
        told = await call(client, "explain", sql="SELECT 1")
    assert (told["verdict"], told["advice"]) == ("too_expensive", "Add a filter on id.")
    assert told["plan"] == ["Scan"]


async def test_large_schemas_come_in_pages_and_by_pattern_and_kind() -> None:
    engine = ToldEngine(READING)
    async with client_of(engine) as client:
        first = await call(client, "list_tables", limit=1)
        second = await call(client, "list_tables", limit=1, cursor=first["next_cursor"])
        assert [first["tables"][0]["name"], second["tables"][0]["name"]] == ["people", "tasks"]
        assert second["next_cursor"] is None
        for pattern, names in (("EO", ["people"]), ("t*", ["tasks"]), ("t", ["tasks"]), ("?", [])):
            listed = await call(client, "list_tables", pattern=pattern)
            assert [table["name"] for table in listed["tables"]] == names
        assert (await call(client, "list_tables", kind="view"))["tables"] == []
        wrong = await client.call_tool("list_tables", {"cursor": "!"})
        assert wrong.is_error


async def test_the_report_shows_what_such_a_caller_would_get() -> None:
    lines = await report(Settings(), parts_over(ToldEngine(READING)), person("x", ["member"]))
    text = "\n".join(lines)
    assert "As seen by a caller with: member (tenant acme)" in text
    assert "people (table, 4 columns): 3 hidden, email masked (domain), rows filtered" in text
    assert "It is told." in text
    assert "tasks (table, 1 columns)" in text
