"""Scripted replies: each habit and fault, byte for byte."""

import asyncio
import json
from typing import Any

import httpx
import pytest

ASK = {"model": "script:test", "messages": [{"role": "user", "content": "x"}], "stream": True}
CALL = {"name": "query", "arguments": {"sql": "SELECT 1"}}


async def script(http: httpx.AsyncClient, *replies: dict[str, Any]) -> None:
    answer = await http.put("/v1/scripts/test", json={"replies": replies})
    assert answer.json() == {"replies": len(replies)}


async def asked(http: httpx.AsyncClient, *replies: dict[str, Any]) -> httpx.Response:
    await script(http, *replies)
    return await http.post("/v1/chat/completions", json=ASK)


def chunks(answer: httpx.Response) -> list[Any]:
    lines = [line[5:].strip() for line in answer.text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def deltas(answer: httpx.Response) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(answer) if chunk.get("choices")]


async def test_text_comes_in_the_chunks_given_null_among_them(http: httpx.AsyncClient) -> None:
    answer = await asked(http, {"role": True, "text": ["It is ", None, "noon."]})
    assert deltas(answer) == [
        {"role": "assistant"},
        {"content": "It is "},
        {"content": None},
        {"content": "noon."},
        {},
    ]
    assert chunks(answer)[-1]["choices"][0]["finish_reason"] == "stop"
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_calls_are_parallel_fragmented_and_keep_their_arguments(
    http: httpx.AsyncClient,
) -> None:
    broken = {"name": "query", "arguments": '{"sql": '}
    answer = await asked(http, {"calls": [CALL, broken], "fragment": 5})
    arguments: dict[int, str] = {}
    for delta in deltas(answer)[:-1]:
        (call,) = delta["tool_calls"]
        arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
        assert len(call["function"]["arguments"]) <= 5
    assert arguments == {0: '{"sql": "SELECT 1"}', 1: '{"sql": '}
    assert chunks(answer)[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("field", "left_out"), [("call_ids", "id"), ("call_index", "index")])
async def test_calls_can_lack_their_id_or_index(
    http: httpx.AsyncClient, field: str, left_out: str
) -> None:
    usual = deltas(await asked(http, {"calls": [CALL]}))[0]["tool_calls"][0]
    lacking = deltas(await asked(http, {"calls": [CALL], field: False}))[0]["tool_calls"][0]
    assert set(usual) - set(lacking) == {left_out}


@pytest.mark.parametrize(
    ("habit", "wire"),
    [
        ({"finish": None, "done": False}, "data: {}\n\n"),
        ({"finish": None}, "data: {}\n\ndata: [DONE]\n\n"),
        ({"finish": None, "done": False, "space": False}, "data:{}\n\n"),
        ({"finish": None, "done": False, "crlf": True}, "data: {}\r\n\r\n"),
        ({"finish": None, "done": False, "comments": True}, ": keep-alive\n\n\ndata: {}\n\n"),
    ],
)
async def test_the_wire_has_the_habit_asked_for(
    http: httpx.AsyncClient, habit: dict[str, Any], wire: str
) -> None:
    answer = await asked(http, {"text": ["x"], **habit})
    (body,) = chunks(answer)
    assert answer.text == wire.replace("{}", json.dumps(body))


async def test_usage_is_sent_only_when_scripted(http: httpx.AsyncClient) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    with_usage = await asked(http, {"text": ["x"], "usage": usage})
    assert chunks(with_usage)[-1] | {"choices": [], "usage": usage} == chunks(with_usage)[-1]
    assert "usage" not in (await asked(http, {"text": ["x"]})).text


async def test_replies_are_taken_in_turn_and_the_last_one_stays(http: httpx.AsyncClient) -> None:
    await script(http, {"text": ["one"]}, {"text": ["two"]})
    heard = [deltas(await http.post("/v1/chat/completions", json=ASK))[0] for _ in range(3)]
    assert heard == [{"content": "one"}, {"content": "two"}, {"content": "two"}]


async def test_a_reply_can_be_kept_for_requests_with_so_many_results(
    http: httpx.AsyncClient,
) -> None:
    await script(
        http,
        {"text": ["first"], "after_results": 0},
        {"text": ["once"], "after_results": 1},
        {"text": ["again"], "after_results": 1},
        {"text": ["other"]},
    )
    question = {"role": "user", "content": "x"}
    result = {"role": "tool", "tool_call_id": "call_0", "content": "1"}

    async def said(*messages: dict[str, Any]) -> Any:
        body = {**ASK, "messages": [question, result, question, *messages]}
        return deltas(await http.post("/v1/chat/completions", json=body))[0]["content"]

    assert [await said(), await said()] == ["first", "first"]
    assert [await said(result) for _ in range(3)] == ["once", "again", "again"]
    assert await said(result, result) == "other"


@pytest.mark.parametrize(
    ("reply", "status", "kind"),
    [
        ({"status": 401, "error": "bad key"}, 401, "authentication_error"),
        ({"status": 429, "headers": {"Retry-After": "7"}}, 429, "rate_limit_error"),
        ({"status": 500}, 500, "server_error"),
        ({"status": 503}, 503, "server_error"),
    ],
)
async def test_a_reply_can_be_an_http_error(
    http: httpx.AsyncClient, reply: dict[str, Any], status: int, kind: str
) -> None:
    answer = await asked(http, reply)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == kind
    assert answer.json()["error"]["message"] == reply.get("error", "It broke.")
    assert answer.headers.get("retry-after") == reply.get("headers", {}).get("Retry-After")


async def test_an_error_object_can_come_in_the_middle(http: httpx.AsyncClient) -> None:
    answer = await asked(http, {"text": ["a", "b"], "error_after": 1, "error": "overloaded"})
    first, error = chunks(answer)
    assert first["choices"][0]["delta"] == {"content": "a"}
    assert error["error"]["message"] == "overloaded"
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_the_connection_breaks_after_so_many_chunks(
    wire: httpx.AsyncClient, after: int
) -> None:
    await script(wire, {"text": ["a", "b"], "cut_after": after})
    received: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError):
        await _receive(wire, received)
    assert "".join(received).count("data: {") == after
    assert "[DONE]" not in "".join(received)


async def _receive(http: httpx.AsyncClient, received: list[str]) -> None:
    async with http.stream("POST", "/v1/chat/completions", json=ASK) as answer:
        async for text in answer.aiter_text():
            received.append(text)  # noqa: PERF401 - what came before the break is kept


async def test_a_held_reply_waits_for_its_release(wire: httpx.AsyncClient) -> None:
    await script(wire, {"text": ["a", "b"], "hold_before": 1})
    async with wire.stream("POST", "/v1/chat/completions", json=ASK) as answer:
        lines = answer.aiter_lines()
        assert '"content": "a"' in await anext(lines)
        rest = asyncio.create_task(_rest(lines))
        await wire.get("/live")
        assert not rest.done()
        assert (await wire.post("/v1/scripts/test/release")).status_code == 204
        assert '"content": "b"' in await rest


async def _rest(lines: Any) -> str:
    return "".join([line async for line in lines])


async def test_a_reply_that_is_not_streamed_is_whole(http: httpx.AsyncClient) -> None:
    await script(http, {"text": ["It is ", None, "noon."], "calls": [CALL]})
    answer = await http.post("/v1/chat/completions", json={**ASK, "stream": False})
    (choice,) = answer.json()["choices"]
    assert choice["message"]["content"] == "It is noon."
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "query"
    assert choice["finish_reason"] == "tool_calls"


async def test_requests_can_be_read_afterwards_without_the_key(http: httpx.AsyncClient) -> None:
    await script(http, {})
    await http.post("/v1/chat/completions", json=ASK, headers={"Authorization": "Bearer sk-secret"})
    answer = await http.get("/v1/scripts/test/requests")
    (received,) = answer.json()["requests"]
    assert received["body"] == ASK
    assert received["headers"]["authorization"] == "[redacted]"
    assert "sk-secret" not in answer.text


NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (NOTHING, "`replies` is missing"),
        ({"replies": []}, "`replies`"),
        ({"replies": ["x"]}, "`replies[0]` must be an object"),
        ({"replies": [{"txet": ["a"]}]}, "`replies[0].txet` is not known"),
        ({"replies": [{"status": 200}]}, "`replies[0].status`"),
        ({"replies": [{"calls": [NOTHING]}]}, "`replies[0].calls[0].name` is missing"),
        ({"replies": [{"cut_after": -1}]}, "`replies[0].cut_after`"),
    ],
)
async def test_a_script_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, body: dict[str, Any], words: str
) -> None:
    answer = await http.put("/v1/scripts/test", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
