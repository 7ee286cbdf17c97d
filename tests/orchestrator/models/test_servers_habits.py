"""OpenAI-compatible servers have habits: each is played by a real HTTP server, and a turn must bear it."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from support.servers import serving

from demo_model.app import create_app
from demo_model.settings import Settings as DemoSettings
from orchestrator.models.openai_model import OpenAIModel, Patience, create_client
from orchestrator.models.port import (
    ModelBusy,
    ModelFailed,
    ModelKeyRefused,
    ModelRefused,
    ModelUnavailable,
    ProposedCall,
    ReplyCut,
    ReplyEnd,
)
from orchestrator.settings import ModelSettings

COUNT = {"name": "db__query", "arguments": {"sql": "SELECT count(*) FROM tasks"}}
LIST: dict[str, Any] = {"name": "db__list_tables", "arguments": {}}


@pytest.fixture
async def provider() -> AsyncGenerator[str]:
    async with serving(create_app(DemoSettings(word_delay_ms=0), scripts_allowed=True)) as url:
        yield url


async def reply_to(provider: str, *replies: dict[str, Any]) -> tuple[str, ReplyEnd]:
    """Script the provider, ask it, and give the text and the end of its reply."""
    async with httpx.AsyncClient() as http:
        await http.put(f"{provider}/v1/scripts/test", json={"replies": replies})
    settings = ModelSettings(
        base_url=f"{provider}/v1", api_key=SecretStr("sk-test"), model="script:test", is_demo=False
    )
    patience = Patience(token_timeout_s=1, reply_timeout_s=10, attempts=2)
    model = OpenAIModel(create_client(settings, patience.token_timeout_s), "script:test", patience)
    text, end = "", None
    try:
        async for part in model.reply([{"role": "user", "content": "hello"}], []):
            if isinstance(part, ReplyEnd):
                end = part
            else:
                text += part
    finally:
        await model.close()
    assert end is not None
    return text, end


@pytest.mark.parametrize(
    "habit",
    [
        {},
        {"comments": True},
        {"crlf": True},
        {"space": False},
        {"done": False},
        {"finish": None},
        {"comments": True, "crlf": True, "space": False},
        {"usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ],
    ids=str,
)
async def test_text_arrives_whole_whatever_the_habits(provider: str, habit: dict[str, Any]) -> None:
    text, end = await reply_to(provider, {"text": ["It is ", None, "nöön", "."], **habit})
    assert text == "It is nöön."
    assert end.calls == ()
    assert end.output_tokens == (2 if "usage" in habit else None)


@pytest.mark.parametrize(
    "habit",
    [
        {},
        {"fragment": 1},
        {"fragment": 7},
        {"call_ids": False},
        {"call_index": False},
        {"call_ids": False, "call_index": False},
        {"fragment": 3, "call_ids": False},
        {"finish": "stop"},
    ],
    ids=str,
)
async def test_parallel_calls_are_put_together_whatever_the_habits(
    provider: str, habit: dict[str, Any]
) -> None:
    _, end = await reply_to(provider, {"calls": [COUNT, LIST], **habit})
    assert [call.name for call in end.calls] == ["db__query", "db__list_tables"]
    assert "count(*)" in end.calls[0].arguments_json
    assert end.calls[1].arguments_json == "{}"


async def test_arguments_that_are_no_json_are_passed_on_for_the_gate_to_refuse(
    provider: str,
) -> None:
    _, end = await reply_to(provider, {"calls": [{"name": "db__query", "arguments": '{"sql": '}]})
    assert end.calls == (ProposedCall("db__query", '{"sql": '),)


@pytest.mark.parametrize(
    ("reply", "failure", "words"),
    [
        ({"text": ["It is"], "cut_after": 1}, ReplyCut, "broke off"),
        ({"text": ["It is", " noon"], "cut_after": 0}, ReplyCut, "broke off"),
        ({"text": ["It is"], "finish": None, "done": False}, ReplyCut, "broke off"),
        ({"text": ["It is"], "hold_before": 1}, ReplyCut, "broke off"),
        ({"text": ["a", "b"], "error_after": 1, "error": "overloaded"}, ModelFailed, "overloaded"),
        ({"status": 401}, ModelKeyRefused, "Check OPENAI_API_KEY"),
        ({"status": 403}, ModelKeyRefused, "Check OPENAI_API_KEY"),
        ({"status": 404, "error": "no such model"}, ModelRefused, "no such model"),
        ({"status": 400, "error": "context too long"}, ModelRefused, "context too long"),
        ({"status": 503}, ModelUnavailable, "problem of its own"),
        ({"status": 429, "headers": {"Retry-After": "900"}}, ModelBusy, "in 900 s"),
    ],
)
async def test_failures_have_names_and_say_what_to_do(
    provider: str, reply: dict[str, Any], failure: type[Exception], words: str
) -> None:
    with pytest.raises(failure, match=words):
        await reply_to(provider, reply)


@pytest.mark.parametrize(
    "first", [{"status": 429, "headers": {"Retry-After": "0"}}, {"status": 500}, {"status": 503}]
)
async def test_a_passing_failure_is_asked_again_before_the_first_token(
    provider: str, first: dict[str, Any]
) -> None:
    text, _ = await reply_to(provider, first, {"text": ["Here I am."]})
    assert text == "Here I am."


async def test_a_provider_that_is_not_there_is_named() -> None:
    settings = ModelSettings(
        base_url="http://127.0.0.1:9/v1", api_key=SecretStr("x"), model="m", is_demo=False
    )
    model = OpenAIModel(create_client(settings, 1), "m", Patience(1, 5, attempts=1))
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        await anext(model.reply([{"role": "user", "content": "hello"}], []))
    await model.close()
