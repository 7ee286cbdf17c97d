"""Queries that must run, and statements that must not, on a real database."""

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.dbquery import Desk, open_desk
from support.tool_calls import in_one_task, said

from mcp_dbquery import schema

LEGITIMATE = [
    "SELECT 1",
    "select count(*) from tasks where status <> 'done'",
    "-- how many\nSELECT p.name, count(*) AS open FROM tasks t JOIN projects p ON p.id = t.project_id GROUP BY p.id",
    "WITH late AS (SELECT * FROM tasks WHERE due_on < '2026-11-20') SELECT count(*) FROM late",
    "WITH tasks AS (SELECT * FROM bugs) SELECT count(*) FROM tasks",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT sum(i) FROM n",
    "SELECT name, rank() OVER (ORDER BY budget_usd DESC) FROM projects",
    "SELECT project_id, lag(id) OVER (PARTITION BY project_id ORDER BY id) FROM tasks",
    "SELECT strftime('%Y-%m', reported_on) AS month, count(*) FROM bugs GROUP BY month ORDER BY month",
    "SELECT json_object('id', id, 'name', name) FROM projects",
    "SELECT value FROM json_each('[1,2,3]')",
    "SELECT upper(name), length(name), substr(name, 1, 3), round(budget_usd / 7.0, 2) FROM projects",
    "SELECT group_concat(name, ', ') FROM people WHERE role = 'tester'",
    "SELECT CASE WHEN severity = 'critical' THEN 1 ELSE 0 END FROM bugs LIMIT 3",
    "SELECT * FROM tasks WHERE title LIKE '%search%' ESCAPE '!' UNION SELECT * FROM tasks WHERE id < 3",
    "SELECT julianday('now') - julianday(max(committed_at)) FROM commits",
    "VALUES (1, 'a'), (2, 'b')",
]

ATTACKS = [
    "SELECT 1; DROP TABLE tasks",
    "DELETE FROM tasks",
    "WITH x AS (SELECT 1) DELETE FROM tasks",
    "ATTACH DATABASE '/tmp/evil.db' AS evil",
    "PRAGMA writable_schema = 1",
    "SELECT sql FROM sqlite_master",
    "SELECT load_extension('/tmp/evil.so')",
    "EXPLAIN DELETE FROM tasks",
    "SELECT 1 \x00; DROP TABLE tasks",
    "",
    "not sql at all",
]
"""A few; what SQLite itself is asked to stop is in sqlite/test_attacks.py."""


@pytest.mark.parametrize("sql", LEGITIMATE)
async def test_analytical_queries_run(desk: Desk, sql: str) -> None:
    assert (await desk.query(sql))["columns"]


async def test_nothing_but_reading_gets_through(desk: Desk) -> None:
    before = desk.fingerprint()
    files_before = set(os.listdir("/tmp"))
    for sql in ATTACKS:
        result = await desk.call("query", {"sql": sql})
        assert result.is_error, sql
        assert "CREATE TABLE" not in said(result), sql
    assert desk.fingerprint() == before
    assert not {"evil.db", "stolen.db"} & (set(os.listdir("/tmp")) - files_before)


async def test_a_cancelled_call_ends_its_statement(desk: Desk) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    task = asyncio.create_task(desk.query(endless))
    other = asyncio.create_task(desk.query("SELECT count(*) FROM tasks"))
    await other
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    started = time.monotonic()
    for _ in range(3):
        await desk.query("SELECT 1")
    assert time.monotonic() - started < 5


async def test_rows_stop_at_the_limit_and_the_result_says_so(desk: Desk) -> None:
    result = await desk.query("SELECT id FROM comments ORDER BY id", max_rows=3)
    assert result["rows"] == [[1], [2], [3]]
    assert result["truncated"] is True
    assert "Only the first 3 rows" in result["warnings"][0]


async def test_exactly_as_many_rows_as_allowed_are_not_called_truncated(desk: Desk) -> None:
    assert (await desk.query("SELECT id FROM projects", max_rows=8))["truncated"] is False


async def test_long_values_and_large_results_are_cut_and_it_is_said(
    sample: Path, tmp_path: Path
) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    async with open_desk(tmp_path, None, cell_characters=10, read_bytes=2_000) as desk:
        result = await desk.query("SELECT body FROM comments")
    assert result["truncated"] is True
    assert result["rows"][0][0].endswith("characters]")
    assert len(result["warnings"]) == 2


@pytest.mark.parametrize(
    ("params", "rows"),
    [
        (["Harbor"], [["HAR"]]),
        (["Harbor' OR 1=1 --"], []),
    ],
)
async def test_bound_values_stay_values(
    desk: Desk, params: list[str], rows: list[list[str]]
) -> None:
    result = await desk.query("SELECT key FROM projects WHERE name = ?", params=params)
    assert result["rows"] == rows


async def test_named_parameters_are_bound(desk: Desk) -> None:
    result = await desk.query("SELECT title FROM tasks WHERE id = :id", params={"id": 42})
    assert result["rows"] == [["Write the release notes"]]


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT * FROM taks", "Did you mean tasks"),
        ("SELECT * FROM tasks WHERE status = open_ones", "single quotes"),
        ("SELECT interrupted FROM tasks", "no column “interrupted”"),
        ("SELECT titel FROM tasks", "Did you mean title"),
        ("SELECT * FROM tasks WHERE", "Incomplete input"),
        ("SELECT * FORM tasks", "syntax error"),
        ("SELECT nope(1)", "nope"),
        ("DELETE FROM tasks WHERE id = 1", "add_comment, set_task_status"),
        ("SELECT * FROM sqlite_master", "list_tables"),
    ],
)
async def test_a_refusal_says_how_to_mend_it(desk: Desk, sql: str, hint: str) -> None:
    assert hint in await desk.refusal(sql)


async def test_tables_are_listed_and_described_with_what_helps_to_write_sql(desk: Desk) -> None:
    listed = await desk.call("list_tables", {})
    assert listed.structured_content is not None
    names = [table["name"] for table in listed.structured_content["tables"]]
    assert names == sorted(names)
    assert "tasks" in names
    described = await desk.call("describe_tables", {"tables": ["Tasks"], "sample_rows": 1})
    assert described.structured_content is not None
    (tasks,) = described.structured_content["tables"]
    columns = {column["name"]: column for column in tasks["columns"]}
    assert columns["status"]["values"] == ["done", "in_progress", "review", "todo"]
    assert columns["project_id"]["references"] == "projects.id"
    assert len(tasks["sample_rows"]) == 1


async def test_an_unknown_table_is_named_with_its_neighbour(desk: Desk) -> None:
    result = await desk.call("describe_tables", {"tables": ["sqlite_master"]})
    assert "There is no table" in said(result)


async def test_reading_tools_say_that_they_only_read(desk: Desk) -> None:
    tools = {tool.name: tool for tool in (await desk.client.list_tools()).tools}
    for name in ("list_tables", "describe_tables", "query", "preview_set_task_status"):
        annotations = tools[name].annotations
        assert annotations is not None
        assert annotations.read_only_hint is True
    writes = tools["set_task_status"].annotations
    assert writes is not None
    assert writes.read_only_hint is False


@pytest.mark.parametrize(
    ("params", "fact"),
    [
        ([2**70], "does not fit into 64 bits"),
        (["\ud800"], "not valid Unicode"),
        ([1, 2], "2 values were given"),
        ({"other": 1}, "give the values as a list"),
    ],
)
async def test_a_value_that_cannot_be_bound_is_named(desk: Desk, params: object, fact: str) -> None:
    result = await desk.call("query", {"sql": "SELECT ?", "params": params})
    assert result.is_error
    assert fact in said(result)


async def test_a_database_that_went_away_is_said_to_be_away(desk: Desk) -> None:
    desk.database.rename(desk.database.with_name("elsewhere.db"))
    assert "cannot be asked right now" in await desk.refusal("SELECT * FROM tasks")
    assert (await desk.call("list_tables", {})).is_error
    assert (await desk.call("preview_set_task_status", {"task_id": 42, "status": "done"})).is_error


@pytest.fixture
async def odd(tmp_path: Path) -> AsyncGenerator[Desk]:
    """A server over a database with what real ones have: search indexes, old encodings, endless views."""
    connection = sqlite3.connect(tmp_path / "sample.db")
    connection.executescript(
        """
        CREATE TABLE "order details" (note TEXT, state VARCHAR(10), picture BLOB);
        INSERT INTO "order details" VALUES (CAST(x'4dfc6c6c6572' AS TEXT), 'new', x'00ff');
        CREATE VIRTUAL TABLE notes USING fts5 (body);
        INSERT INTO notes VALUES ('the release notes'), ('a bug');
        CREATE TABLE n (i INTEGER);
        CREATE VIEW endless AS SELECT a.i FROM n a, n b, n c, n d, n e WHERE a.i + b.i + c.i + d.i + e.i < 0;
        CREATE VIEW broken AS SELECT gone FROM n;
        """
    )
    connection.executemany("INSERT INTO n VALUES (?)", [(i,) for i in range(500)])
    connection.commit()
    connection.close()
    async with in_one_task(open_desk(tmp_path, None)) as desk:
        yield desk


async def test_full_text_search_works(odd: Desk) -> None:
    found = await odd.query(
        "SELECT highlight(notes, 0, '[', ']') FROM notes WHERE notes MATCH 'release'"
    )
    assert found["rows"] == [["the [release] notes"]]
    assert (await odd.query("SELECT count(*) FROM notes"))["rows"] == [[2]]


async def test_text_of_another_encoding_and_blobs_are_readable(odd: Desk) -> None:
    result = await odd.query('SELECT * FROM "order details"')
    assert result["rows"] == [["M\N{REPLACEMENT CHARACTER}ller", "new", "[2 bytes]"]]


async def test_a_table_with_a_space_in_its_name_is_suggested(odd: Desk) -> None:
    assert "Did you mean order details" in await odd.refusal('SELECT * FROM "order detail"')


async def test_what_takes_too_long_or_is_broken_is_left_out_of_descriptions(
    odd: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUDGET_S", 0.2)
    names = ["order details", "endless", "broken"]
    described = await odd.call("describe_tables", {"tables": names, "sample_rows": 1})
    assert described.structured_content is not None
    orders, endless, broken = described.structured_content["tables"]
    assert orders["columns"][1]["values"] == ["new"]
    assert (endless["rows"], endless["sample_rows"]) == (None, [])
    assert (broken["rows"], broken["columns"]) == (None, [])


async def test_a_search_index_is_listed_without_its_storage(odd: Desk) -> None:
    listed = await odd.call("list_tables", {})
    assert listed.structured_content is not None
    names = [table["name"] for table in listed.structured_content["tables"]]
    assert names == ["broken", "endless", "n", "notes", "order details"]


async def test_agents_of_the_earlier_protocol_can_ask(sample: Path, tmp_path: Path) -> None:
    shutil.copy(sample, tmp_path / "sample.db")
    async with open_desk(tmp_path, None, mode="legacy") as desk:
        assert (await desk.query("SELECT 1 AS one"))["rows"] == [[1]]
