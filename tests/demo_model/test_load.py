"""Load profiles in the model's name."""

import json
import re
import time
from typing import Any

import httpx
import pytest

from demo_model.errors import BadRequest
from demo_model.load import Failures, LoadProfile, parse_profile


def ask(profile: str, **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": "go"}]
    return {"model": f"load:{profile}", "messages": messages, "stream": True, **fields}


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("load:", LoadProfile()),
        (
            "load:ttft=200,delay=20,tokens=128,errors=0.01,seed=1",
            LoadProfile(ttft=200, delay=20, tokens=128, errors=0.01, seed=1),
        ),
        ("load: delay = 2.5 ,", LoadProfile(delay=2.5)),
    ],
)
def test_a_name_is_a_profile(name: str, profile: LoadProfile) -> None:
    assert parse_profile(name) == profile


@pytest.mark.parametrize(
    "part",
    ["speed=3", "tokens", "tokens=1.5", "tokens=-1", "tokens=9999999", "delay=x", "ttft=nan"],
)
def test_a_name_with_a_wrong_part_is_refused_naming_it(part: str) -> None:
    with pytest.raises(BadRequest, match=f"`{part.partition('=')[0]}`"):
        parse_profile(f"load:{part}")


def test_the_share_of_failures_is_as_asked_and_the_same_for_the_same_seed() -> None:
    profile = LoadProfile(errors=0.1, seed=7)
    first, second = Failures(), Failures()
    fails = [first.next_fails("load:x", profile) for _ in range(1_000)]
    assert fails == [second.next_fails("load:x", profile) for _ in range(1_000)]
    assert 70 < sum(fails) < 130


@pytest.mark.parametrize("profile", ["tokens=300", "tokens=3,delay=1,ttft=2", "tokens=0"])
async def test_as_many_tokens_come_as_are_named_each_with_its_time(
    http: httpx.AsyncClient, profile: str
) -> None:
    before = time.monotonic_ns()
    answer = await http.post("/v1/chat/completions", json=ask(profile))
    after = time.monotonic_ns()
    events = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert choices[-1]["finish_reason"] == "stop"
    count = parse_profile(f"load:{profile}").tokens
    assert [choice["delta"]["content"] for choice in choices[:-1]] == [
        f"tok{n} " for n in range(count)
    ]
    sent = [choice["delta"]["x_sent_ns"] for choice in choices[:-1]]
    assert sent == sorted(sent)
    assert all(before <= at <= after for at in sent)


async def test_usage_comes_when_asked_for(http: httpx.AsyncClient) -> None:
    body = ask("tokens=5", stream_options={"include_usage": True})
    text = (await http.post("/v1/chat/completions", json=body)).text
    assert re.search(r'"completion_tokens":5\b', text)


async def test_a_load_reply_can_be_whole(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", json=ask("tokens=3", stream=False))
    assert answer.json()["choices"][0]["message"]["content"] == "tok0 tok1 tok2 "


async def test_a_request_that_is_to_fail_fails(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/chat/completions", json=ask("errors=1"))
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
