"""The demo model as an OpenAI-compatible server."""

import json
from typing import Any

import httpx
import openai
import pytest
from support.servers import serving

from demo_model.app import create_app
from demo_model.settings import Settings

QUESTION = "How many open tasks does each project have?"
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "db__query", "parameters": {"type": "object"}},
}


def request(**fields: Any) -> dict[str, Any]:
    return {"model": "steward-demo", "messages": [{"role": "user", "content": "hello"}], **fields}


async def test_the_real_client_streams_fragmented_calls_and_usage(url: str) -> None:
    tool: Any = TOOL
    arguments, fragments, usage, reason = "", 0, None, None
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
        stream = await client.chat.completions.create(
            model="steward-demo",
            messages=[{"role": "user", "content": QUESTION}],
            tools=[tool],
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                reason = choice.finish_reason or reason
                for call in choice.delta.tool_calls or []:
                    assert call.function is not None
                    arguments += call.function.arguments or ""
                    fragments += 1
    assert "GROUP BY" in json.loads(arguments)["sql"]
    assert fragments > 3
    assert reason == "tool_calls"
    assert usage is not None
    assert usage.completion_tokens > 0


async def test_the_real_client_gets_whole_answers_models_and_embeddings(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:
        whole = await client.chat.completions.create(
            model="steward-demo", messages=[{"role": "user", "content": "hello"}]
        )
        near = await client.embeddings.create(
            model="steward-demo", input=["harbour", "harbours", "xyz"]
        )
        models = await client.models.list()
        one = await client.models.retrieve("steward-demo")
        with pytest.raises(openai.NotFoundError, match="does not exist here"):
            await client.models.retrieve("gpt-9")
    a, b, c = (item.embedding for item in near.data)
    similar, different = (sum(x * y for x, y in zip(a, other, strict=True)) for other in (b, c))
    assert "demo model" in (whole.choices[0].message.content or "")
    assert similar > 0.7 > different
    assert [model.id for model in models.data] == ["steward-demo"] == [one.id]


async def test_a_streamed_answer_is_the_whole_answer_word_by_word(http: httpx.AsyncClient) -> None:
    whole = (await http.post("/v1/chat/completions", json=request())).json()
    streamed = await http.post("/v1/chat/completions", json=request(stream=True))
    lines = [line for line in streamed.text.split("\n\n") if line]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    words = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert lines[-1] == "data: [DONE]"
    assert "".join(words) == whole["choices"][0]["message"]["content"]
    assert len(words) > 10
    assert streamed.headers["content-type"].startswith("text/event-stream")


async def test_without_usage_asked_for_no_usage_chunk_comes(http: httpx.AsyncClient) -> None:
    plain = await http.post("/v1/chat/completions", json=request(stream=True))
    asked = request(stream=True, stream_options={"include_usage": True})
    with_usage = await http.post("/v1/chat/completions", json=asked)
    assert '"usage"' not in plain.text
    assert '"usage"' in with_usage.text


async def test_tool_choice_none_is_obeyed(http: httpx.AsyncClient) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    asked = request(messages=messages, tools=[TOOL], tool_choice="none")
    message = (await http.post("/v1/chat/completions", json=asked)).json()["choices"][0]["message"]
    assert "tool_calls" not in message
    assert "no database tool" in message["content"]


@pytest.mark.parametrize("authorization", [None, "Bearer anything", "nonsense"])
async def test_any_key_or_none_will_do(http: httpx.AsyncClient, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = await http.post("/v1/chat/completions", json=request(), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "JSON object"),
        (b"{}", "`messages` is missing"),
        (b'{"messages": []}', "`messages`"),
        (b'{"messages": ["x"]}', "`messages[0]` must be an object"),
        (b'{"messages": [{"role": "king"}], "model": "x"}', "`messages[0].role`"),
        (b'{"messages": [{"role": "user", "content": 7}], "model": "x"}', "`messages[0].content`"),
        (b'{"messages": [{"role": "user", "content": ["x"]}], "model": "x"}', "messages[0].content"),
        (b'{"messages": [{"role": "user"}]}', "`model` is missing"),
        (b'{"messages": [{"role": "user"}], "model": "x", "n": 3}', "`n`"),
        (b'{"messages": [{"role": "user"}], "model": "x", "n": []}', "`n`"),
        (b'{"messages": [{"role": "user"}], "model": "x", "stream": "maybe"}', "`stream`"),
        (b'{"messages": [{"role": "user"}], "model": "x", "tools": [1]}', "`tools[0]`"),
        (b'{"messages": [{"role": "user"}], "model": "x", "tools": 1}', "`tools`"),
        (b'{"messages": [{"role": "user"}], "model": "x", "tool_choice": "required"}', "tool_choice"),
        (b'{"messages": [{"role": "user"}], "model": "load:speed=3"}', "not known"),
        (b'{"messages": [{"role": "user"}], "model": "load:tokens=nan"}', "`tokens`"),
        (b'{"messages": [{"role": "user"}], "model": "load:delay=inf"}', "`delay`"),
        (b'{"messages": [{"role": "user"}], "model": "load:errors=2"}', "`errors`"),
        (b'{"messages": [{"role": "user"}], "model": "script:none"}', "no script"),
    ],
)  # fmt: skip
async def test_bad_requests_are_answered_in_openais_shape(
    http: httpx.AsyncClient, body: bytes, words: str
) -> None:
    answer = await http.post("/v1/chat/completions", content=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}


async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", content=b" " * (4 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert "larger than" in answer.json()["error"]["message"]


async def test_an_unknown_model_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", json=request(model="gpt-9"))
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert "`gpt-9`" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405)],
)
async def test_a_wrong_address_or_method_is_answered_in_the_same_shape(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert path in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "given", [None, [], 7, ["x", 7], [[1, 2]], ["x"] * 513, {"text": "x"}], ids=str
)
async def test_bad_embedding_inputs_are_refused(http: httpx.AsyncClient, given: object) -> None:
    answer = await http.post("/v1/embeddings", json={"model": "steward-demo", "input": given})
    assert answer.status_code == 400
    assert "`input" in answer.json()["error"]["message"]


async def test_embeddings_are_the_same_each_time_and_of_length_one(http: httpx.AsyncClient) -> None:
    body = {"model": "steward-demo", "input": ["Harbor", "HARBOR", ""], "dimensions": 16}
    first = (await http.post("/v1/embeddings", json=body)).json()
    assert first == (await http.post("/v1/embeddings", json=body)).json()
    vector, upper, empty = (item["embedding"] for item in first["data"])
    assert len(vector) == 16
    assert sum(value * value for value in vector) == pytest.approx(1)
    assert upper == vector
    assert empty == [0.0] * 16


@pytest.mark.parametrize("path", ["/live", "/ready", "/metrics"])
async def test_its_health_can_be_asked(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 200


async def test_scripts_are_off_unless_allowed() -> None:
    async with serving(create_app(Settings())) as url, httpx.AsyncClient() as http:
        put = await http.put(f"{url}/v1/scripts/x", content=b'{"replies": [{}]}')
        asked = await http.post(f"{url}/v1/chat/completions", json=request(model="script:x"))
    assert put.status_code == 404
    assert asked.status_code == 404
