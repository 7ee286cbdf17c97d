"""The demo model as an OpenAI-compatible server, met by the real client over real HTTP."""

import json
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from support.servers import serving

from demo_model.app import create_app
from demo_model.demo.answers import SUGGESTIONS
from demo_model.demo.brain import reply
from demo_model.settings import Settings
from mcp_dbquery.sample.make import make_sample

TOOLS = [
    "dbquery__list_tables",
    "dbquery__query",
    "dbquery__set_task_status",
    "dbquery__add_comment",
]


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async with serving(create_app(Settings(word_delay_ms=0), scripts_allowed=True)) as url:
        yield url


def converse(question: str, *told: dict[str, Any], tools: list[str] = TOOLS) -> str:
    """What is said once the calls for a question have come back like this."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    first = reply(messages, tools)
    if not first.calls:
        return first.text
    calls = [
        {"id": f"c{i}", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}
        for i, call in enumerate(first.calls)
    ]
    results = [
        {"role": "tool", "tool_call_id": f"c{i}", "content": json.dumps(one)}
        for i, one in enumerate(told)
    ]
    return reply([*messages, {"role": "assistant", "tool_calls": calls}, *results], tools).text


def test_every_query_it_writes_runs_on_the_sample(tmp_path: Path) -> None:
    make_sample(tmp_path / "sample.db")
    connection = sqlite3.connect(tmp_path / "sample.db")
    entities = [
        "tasks",
        "bugs",
        "user stories",
        "commits",
        "comments",
        "projects",
        "people",
        "clients",
    ]
    groups = [
        "",
        " per project",
        " by status",
        " by severity",
        " per assignee",
        " per client",
        " per month",
    ]
    asked = [f"How many {e}{g}?" for e in entities for g in groups]
    asked += [f"List open {e} in Harbor" for e in entities] + list(SUGGESTIONS)
    for question in asked:
        for call in reply([{"role": "user", "content": question}], TOOLS).calls:
            if call.name.endswith("query"):
                connection.execute(
                    call.arguments["sql"], call.arguments.get("params", {})
                ).fetchall()
    connection.close()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"status": "succeeded", "result": {"summary": "Task 42 is now done."}},
            "Task 42 is now done.",
        ),
        ({"status": "rejected", "message": "no"}, "I left task 42 as it is"),
        ({"status": "rejected", "note_from_person": "Not yet"}, "Not yet"),
        ({"status": "expired"}, "nothing was done"),
        ({"status": "outcome_unknown"}, "check before repeating"),
        ({"status": "failed", "message": "It is busy."}, "It is busy."),
        ({"status": "refused", "message": "Your role."}, "Your role."),
    ],
)
def test_it_never_claims_more_than_the_tool_said(told: dict[str, Any], words: str) -> None:
    answer = converse("Set task 42 to done", told)
    assert words in answer
    if told["status"] != "succeeded":
        assert "now done" not in answer


def test_values_from_the_database_cannot_break_out_of_the_table() -> None:
    table = {
        "columns": [{"name": "name", "type": "text"}],
        "rows": [["a | b\n| c | ![x](http://evil) <img>"]],
        "row_count": 1,
    }
    answer = converse("Which projects are there?", {"status": "succeeded", "result": table})
    assert "![x](" not in answer
    assert "<img>" not in answer.replace("\\<", "")
    assert answer.count("\n") == 4


def test_without_a_database_tool_it_says_so() -> None:
    assert "no database tool" in converse("How many tasks?", tools=[])


async def test_the_real_client_streams_text_and_fragmented_calls(url: str) -> None:
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any")
    tool: Any = {
        "type": "function",
        "function": {"name": "db__query", "parameters": {"type": "object"}},
    }
    stream = await client.chat.completions.create(
        model="steward-demo",
        messages=[{"role": "user", "content": "How many open tasks does each project have?"}],
        tools=[tool],
        stream=True,
        stream_options={"include_usage": True},
    )
    arguments, fragments, usage = "", 0, None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or []:
                assert call.function is not None
                arguments += call.function.arguments or ""
                fragments += 1
    await client.close()
    assert "GROUP BY" in json.loads(arguments)["sql"]
    assert fragments > 3
    assert usage is not None


async def test_it_also_answers_without_streaming_and_embeds(url: str) -> None:
    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any")
    whole = await client.chat.completions.create(
        model="steward-demo", messages=[{"role": "user", "content": "hello"}]
    )
    near = await client.embeddings.create(
        model="steward-demo", input=["harbour", "harbours", "xyz"]
    )
    models = await client.models.list()
    await client.close()
    a, b, c = (item.embedding for item in near.data)
    similar, different = (sum(x * y for x, y in zip(a, other, strict=True)) for other in (b, c))
    assert "demo model" in (whole.choices[0].message.content or "")
    assert similar > 0.8 > different
    assert [model.id for model in models.data] == ["steward-demo"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "not JSON"),
        (b"[]", "JSON object"),
        (b"{}", "messages"),
        (b'{"messages": []}', "messages"),
        (b'{"messages": ["x"]}', "object"),
        (b'{"messages": [{"role": "user"}]}', "model"),
        (b'{"messages": [{"role": "user"}], "model": "x", "n": 3}', "`n`"),
        (b'{"messages": [{"role": "user"}], "model": "load:speed=3"}', "not known"),
        (b'{"messages": [{"role": "user"}], "model": "script:none"}', "no script"),
    ],
)
async def test_bad_requests_are_answered_in_openais_shape(
    url: str, body: bytes, words: str
) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{url}/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_a_load_profile_sends_as_many_tokens_as_it_names(url: str) -> None:
    async with httpx.AsyncClient() as http:
        body = {
            "model": "load:tokens=300",
            "messages": [{"role": "user", "content": "go"}],
            "stream": True,
        }
        answer = await http.post(f"{url}/v1/chat/completions", json=body)
    assert answer.text.count('"content":"tok') == 300
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_scripts_are_off_unless_allowed() -> None:
    async with serving(create_app(Settings())) as url, httpx.AsyncClient() as http:
        put = await http.put(f"{url}/v1/scripts/x", content=b'{"replies": [{}]}')
    assert put.status_code == 404
