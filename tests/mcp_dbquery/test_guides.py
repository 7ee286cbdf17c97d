"""Resources and prompts, as clients of both eras of the protocol meet them."""

import json
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextContent, TextResourceContents
from structlog.testing import capture_logs
from support.dbquery import Desk, open_desk
from support.tool_calls import in_one_task

Mode = Literal["auto", "legacy"]


@pytest.fixture(params=["auto", "legacy"])
async def reader(
    sample: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncGenerator[Desk]:
    """A member's desk, of the present protocol and of the earlier one."""
    shutil.copy(sample, tmp_path / "sample.db")
    mode: Mode = request.param
    async with in_one_task(open_desk(tmp_path, None, roles=["member"], mode=mode)) as desk:
        yield desk


async def read(desk: Desk, uri: str) -> dict[str, Any]:
    (content,) = (await desk.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


async def prompt(desk: Desk, name: str, arguments: dict[str, str]) -> str:
    (message,) = (await desk.client.get_prompt(name, arguments)).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


async def test_the_schema_can_be_read_as_resources(reader: Desk) -> None:
    listed = (await reader.client.list_resources()).resources
    assert [str(one.uri) for one in listed] == ["schema://sample"]
    templates = (await reader.client.list_resource_templates()).resource_templates
    assert sorted(one.uri_template for one in templates) == [
        "schema://{database}",
        "schema://{database}/{table}",
    ]
    assert len((await read(reader, "schema://sample"))["tables"]) == 8
    tasks = await read(reader, "schema://sample/tasks")
    assert tasks["name"] == "tasks"
    assert tasks["referenced_by"] == ["comments.task_id", "commits.task_id"]


@pytest.mark.parametrize(
    "uri", ["schema://other", "schema://sample/sqlite_master", "schema://other/tasks"]
)
async def test_a_resource_that_is_not_visible_is_not_found(reader: Desk, uri: str) -> None:
    with pytest.raises(MCPError, match="There is no") as refused:
        await reader.client.read_resource(uri)
    assert refused.value.code == -32602


async def test_a_prompt_gives_the_rules_and_the_tables_that_fit(reader: Desk) -> None:
    text = await prompt(reader, "write_query", {"question": "How many critical bugs are open?"})
    assert "Write one SQLite query for the database sample" in text
    assert "How many critical bugs are open?" in text
    assert "severity TEXT (one of critical, major, minor)" in text
    assert "project_id INTEGER → projects.id" in text
    assert ":name or ?" in text


async def test_a_prompt_helps_to_mend_and_another_to_explore(reader: Desk) -> None:
    mended = await prompt(
        reader, "mend_query", {"sql": "SELECT titel FROM tasks", "error": "no column titel"}
    )
    assert "SELECT titel FROM tasks" in mended
    assert "- tasks: id INTEGER" in mended
    explored = await prompt(reader, "explore_database", {})
    assert "- tasks.project_id → projects.id" in explored


async def test_a_prompt_for_a_database_that_is_not_there_says_so(reader: Desk) -> None:
    with pytest.raises(MCPError, match="There is no database “other”"):
        await reader.client.get_prompt("explore_database", {"database": "other"})


async def test_what_is_read_is_audited_without_what_was_said(reader: Desk) -> None:
    with capture_logs() as logs:
        await read(reader, "schema://sample/tasks")
        await prompt(reader, "write_query", {"question": "hush"})
    told = [log for log in logs if log["event"] in {"resource_read", "prompt_got"}]
    assert [log.get("uri") or log.get("prompt") for log in told] == [
        "schema://sample/tasks",
        "write_query",
    ]
    assert {(log["person"], log["tenant"]) for log in told} == {("ada", "acme")}
    assert "hush" not in str(told)


async def test_names_are_completed(reader: Desk) -> None:
    table = ResourceTemplateReference(type="ref/resource", uri="schema://{database}/{table}")
    result = await reader.client.complete(
        table, {"name": "table", "value": "C"}, context_arguments={"database": "sample"}
    )
    assert result.completion.values == ["clients", "comments", "commits"]
    nothing = await reader.client.complete(
        table, {"name": "table", "value": ""}, context_arguments={"database": "other"}
    )
    assert nothing.completion.values == []
    ref = PromptReference(type="ref/prompt", name="write_query")
    database = await reader.client.complete(ref, {"name": "database", "value": ""})
    assert database.completion.values == ["sample"]


async def test_lists_and_resources_may_be_kept_for_a_minute_by_their_caller_alone(
    desk: Desk,
) -> None:
    for result in (
        await desk.client.list_tools(),
        await desk.client.list_resources(),
        await desk.client.list_prompts(),
        await desk.client.read_resource("schema://sample"),
    ):
        assert (result.ttl_ms, result.cache_scope) == (60_000, "private")
