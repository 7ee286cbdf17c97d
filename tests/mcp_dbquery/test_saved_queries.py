"""Queries under a name: the owner's, and a person's own."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult
from support.dbquery import Desk, open_desk, person
from support.tool_calls import answer, in_one_task, problem, said

from mcp_dbquery.config import Config, DatabaseConfig, SavedQuery
from mcp_dbquery.library import Library
from mcp_dbquery.parts import make_parts
from mcp_dbquery.settings import Settings
from shared.errors import BadSetup
from shared.mcp_server import Problem

DECLARED: dict[str, Any] = {
    "tasks_of": {
        "title": "Tasks of a status",
        "description": "How many.",
        "sql": "SELECT count(*) AS n FROM tasks WHERE status = :status AND id <= :most",
        "parameters": {
            "status": {"type": "enum", "description": "Which.", "values": ["todo", "done"]},
            "most": {"type": "integer", "description": "Id.", "optional": True, "default": 10**6},
        },
    },
    "budgets": {
        "title": "Budgets",
        "description": "Of all projects.",
        "sql": "SELECT name, budget_usd FROM projects",
        "roles": ["owner"],
    },
}


@pytest.fixture
async def shelf(sample: Path, tmp_path: Path) -> AsyncGenerator[Desk]:
    """A member's desk with declared queries."""
    shutil.copy(sample, tmp_path / "sample.db")
    section = {"queries": DECLARED}
    async with in_one_task(open_desk(tmp_path, None, roles=["member"], database=section)) as desk:
        yield desk


async def save(desk: Desk, name: str, arguments: dict[str, Any]) -> CallToolResult:
    return await desk.call("save_query", {"name": name, "title": "Mine", "arguments": arguments})


async def run(desk: Desk, name: str, **arguments: Any) -> dict[str, Any]:
    return answer(await desk.call("run_saved_query", {"name": name, **arguments}))


def library(desk: Desk) -> Library:
    return desk.parts.library


async def test_a_declared_query_runs_with_checked_parameters(shelf: Desk) -> None:
    whole = (await run(shelf, "tasks_of", params={"status": "done"}))["rows"][0][0]
    some = (await run(shelf, "tasks_of", params={"status": "done", "most": 50}))["rows"][0][0]
    assert 0 < some < whole
    for params, complaint in (
        ({"status": "late"}, "status"),
        ({"status": "done", "most": "x"}, "most"),
        ({"status": "done", "other": 1}, "There is no parameter other"),
        ({}, "status"),
    ):
        result = await shelf.call("run_saved_query", {"name": "tasks_of", "params": params})
        assert result.is_error
        assert complaint in said(result)


async def test_only_queries_of_ones_roles_are_listed_and_run(shelf: Desk) -> None:
    (query,) = answer(await shelf.call("list_saved_queries", {}))["queries"]
    assert (query["name"], query["own"]) == ("tasks_of", False)
    assert set(query["parameters"]) == {"status", "most"}
    refused = await shelf.call("run_saved_query", {"name": "budgets"})
    absent = await shelf.call("run_saved_query", {"name": "budges"})
    assert said(refused).replace("budgets", "x") == said(absent).replace("budges", "x")
    owner = await library(shelf).known_to(person("ada", ["owner"]))
    assert [one.name for one in owner.queries] == ["budgets", "tasks_of"]


async def test_a_call_that_worked_is_kept_with_its_values_as_defaults(shelf: Desk) -> None:
    sql = "SELECT title FROM tasks WHERE id = :id"
    rest: dict[str, Any] = {"params": {"id": 42}, "max_rows": 5}
    await shelf.query(sql, **rest)
    assert answer(await save(shelf, "the_task", {"sql": sql, **rest}))["name"] == "the_task"
    assert (await run(shelf, "the_task"))["rows"] == [["Write the release notes"]]
    other = await run(shelf, "the_task", params={"id": 43})
    assert other["rows"] != [["Write the release notes"]]
    wrong = await shelf.call("run_saved_query", {"name": "the_task", "params": {"id": "42"}})
    assert "id takes: integer" in said(wrong)


async def test_values_bound_by_position_and_as_a_text_are_kept_too(shelf: Desk) -> None:
    await save(shelf, "by_position", {"sql": "SELECT ?, ?", "params": [1, "a"]})
    assert (await run(shelf, "by_position", params={"p2": "b"}))["rows"] == [[1, "b"]]
    await save(shelf, "as_text", {"sql": "SELECT :x", "params": '{"x": 7}'})
    assert (await run(shelf, "as_text"))["rows"] == [[7]]


async def test_a_call_of_a_saved_query_can_be_kept_under_another_name(shelf: Desk) -> None:
    await save(shelf, "done_ones", {"name": "tasks_of", "params": {"status": "done"}})
    assert await run(shelf, "done_ones") | {"elapsed_ms": 0, "query_id": ""} == await run(
        shelf, "tasks_of", params={"status": "done"}
    ) | {"elapsed_ms": 0, "query_id": ""}


async def test_a_taken_name_is_a_conflict_and_the_same_wish_again_is_none(shelf: Desk) -> None:
    first, same = [await save(shelf, "mine", {"sql": "SELECT 1"}) for _ in range(2)]
    assert first.structured_content == same.structured_content
    for name in ("mine", "tasks_of"):
        assert problem(await save(shelf, name, {"sql": "SELECT 2"}))["code"] == "conflict"
    assert (await run(shelf, "mine"))["rows"] == [[1]]


async def test_a_persons_own_is_nobody_elses(shelf: Desk) -> None:
    await save(shelf, "mine", {"sql": "SELECT 1"})
    for stranger in (person("bob", ["member"]), person("ada", ["member"], tenant="other")):
        names = [one.name for one in (await library(shelf).known_to(stranger)).queries]
        assert names == ["tasks_of"]
        with pytest.raises(Problem, match="There is no saved query"):
            await library(shelf).find(stranger, "mine")


@pytest.mark.parametrize(
    "arguments",
    [{}, {"cursor": "x"}, {"sql": "SELECT ?", "params": [[1]]}, {"name": "none_such"}],
)
async def test_what_is_no_call_of_a_query_is_not_kept(
    shelf: Desk, arguments: dict[str, Any]
) -> None:
    assert (await save(shelf, "mine", arguments)).is_error
    assert not any(one.own for one in (await library(shelf).known_to(person("ada"))).queries)


@pytest.mark.parametrize("name", ["x", "Mine", "a b", "drop;", "a" * 42])
async def test_a_name_is_small_letters_digits_and_underscores(shelf: Desk, name: str) -> None:
    assert (await save(shelf, name, {"sql": "SELECT 1"})).is_error


async def test_the_keeping_tool_is_for_hosts_and_named_by_what_it_keeps(shelf: Desk) -> None:
    tools = {tool.name: tool for tool in (await shelf.client.list_tools()).tools}
    for name in ("query", "run_saved_query"):
        assert (tools[name].meta or {})["io.steward/keep"] == "save_query"
    assert (tools["save_query"].meta or {})["io.steward/hidden"] is True


async def test_without_a_store_nothing_can_be_kept_and_it_is_said(sample: Path) -> None:
    config = Config(databases={"a": DatabaseConfig(url=f"sqlite:///{sample}")})
    parts = make_parts(Settings(), config)
    with pytest.raises(Problem, match="cannot be saved here"):
        await parts.library.keep(person("ada"), "mine", "Mine", {"sql": "SELECT 1"})


def test_a_declared_query_may_not_look_names_up(sample: Path) -> None:
    query = SavedQuery.model_validate(
        {
            "title": "T",
            "description": "D",
            "sql": "SELECT :who",
            "parameters": {"who": {"type": "lookup", "description": "W.", "query": "SELECT 1"}},
        }
    )
    section = DatabaseConfig(url=f"sqlite:///{sample}", queries={"one": query})
    with pytest.raises(BadSetup, match="lookup parameter"):
        make_parts(Settings(), Config(databases={"a": section}))


async def test_large_queries_are_not_kept_and_long_ones_not_listed_in_full(desk: Desk) -> None:
    long = {"sql": f"SELECT ? AS x -- {'x' * 90_000}", "params": ["y" * 5_000]}
    kept = await desk.call("save_query", {"name": "long_one", "title": "t", "arguments": long})
    assert not kept.is_error
    value = "y" * 200_000
    for large in (
        {"sql": "SELECT ? AS x", "params": [value]},
        {"name": "long_one", "params": {"p1": value}},
    ):
        refused = await desk.call("save_query", {"name": "large", "title": "t", "arguments": large})
        assert problem(refused)["code"] == "invalid_argument"
    [own] = [q for q in answer(await desk.call("list_saved_queries", {}))["queries"] if q["own"]]
    assert len(str(own)) < 1_000
    told = answer(await desk.call("run_saved_query", {"name": "long_one"}))
    assert told["rows"][0][0].startswith("yyyy")
