"""The demo model's calls, made on the real database server: what it writes must pass its guard."""

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from support.dbquery import Desk, open_desk
from support.tool_calls import in_one_task

from demo_model.chat import complete
from demo_model.request import ChatRequest
from mcp_dbquery.sample.make import make_sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncGenerator[Desk]:
    make_sample(tmp_path / "sample.db")
    actions = Path(str(files("mcp_dbquery.sample") / "actions.toml"))
    async with in_one_task(open_desk(tmp_path, actions, roles=["member"])) as desk:
        yield desk


async def converse(desk: Desk, question: str) -> str:
    """Ask, make the calls it wants made, and give its answer."""
    listed = (await desk.client.list_tools()).tools
    tools = [
        {
            "type": "function",
            "function": {"name": f"dbquery__{tool.name}", "parameters": tool.input_schema},
        }
        for tool in listed
    ]
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    for _ in range(3):
        request = {"model": "steward-demo", "messages": messages, "tools": tools}
        message = complete(ChatRequest.model_validate(request), NOW).body()["choices"][0]["message"]
        if not message.get("tool_calls"):
            return str(message["content"])
        messages.append(message)
        for call in message["tool_calls"]:
            name = call["function"]["name"].removeprefix("dbquery__")
            result = await desk.call(name, json.loads(call["function"]["arguments"]))
            assert not result.is_error, result.content
            told = {"status": "succeeded", "result": result.structured_content}
            messages.append(
                {"role": "tool", "tool_call_id": call["id"], "content": json.dumps(told)}
            )
    raise AssertionError("It does not stop calling tools.")


async def test_what_it_offers_to_do_works_on_the_real_server(desk: Desk) -> None:
    heard = {
        question: await converse(desk, question)
        for question in (
            "How many open tasks does each project have?",
            "List tasks",
            "List urgent tasks in Harbor",
            "How many tasks for “100%_wrong”?",
            "Overdue tasks of Anna due this week",
            "Show a chart of bugs per month",
            "What is task 42?",
            "List tables",
            "How many rows in commits?",
            "Set task 42 to done",
            "Add a comment to task 42: It's “done”; really",
            "Comments on task 42",
        )
    }
    assert "| Harbor | " in heard["How many open tasks does each project have?"]
    assert "These are the first 20; there are more." in heard["List tasks"]
    assert "| urgent |" in heard["List urgent tasks in Harbor"]
    assert "**0** tasks for 100%\\_wrong" in heard["How many tasks for “100%_wrong”?"]
    assert "```chart" in heard["Show a chart of bugs per month"]
    assert heard["What is task 42?"].startswith("**Task 42: Write the release notes**")
    assert "| user\\_stories |" in heard["List tables"]
    assert "`commits` has **" in heard["How many rows in commits?"]
    assert "is now done" in heard["Set task 42 to done"]
    assert "was added to task 42" in heard["Add a comment to task 42: It's “done”; really"]
    assert "It's “done”; really" in heard["Comments on task 42"]
