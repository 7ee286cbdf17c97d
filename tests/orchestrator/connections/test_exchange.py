"""What an issuer's answer means: a refusal, trouble that passes, or an answer."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from orchestrator.connections import exchange
from orchestrator.connections.exchange import (
    BadIssuer,
    Client,
    Exchange,
    IssuerRefused,
    IssuerUnavailable,
)
from shared.errors import ExpectedError


async def asked(status: int, body: str) -> dict[str, object]:
    async def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body.encode())

    asking = Exchange(httpx2.MockTransport(answer))
    return await asking.submit("https://login.example/token", Client("steward"), {})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error": "invalid_grant"}', IssuerRefused),
        (401, "", IssuerRefused),
        (200, '{"error": "bad_refresh_token"}', IssuerRefused),
        (403, '{"error": "access_denied"}', IssuerRefused),
        (403, "<h1>Blocked</h1>", IssuerUnavailable),
        (400, '{"error": "temporarily_unavailable"}', IssuerUnavailable),
        (200, '{"error": "server_error"}', IssuerUnavailable),
        (429, '{"error": "invalid_grant"}', IssuerUnavailable),
        (503, "", IssuerUnavailable),
        (302, "", IssuerUnavailable),
        (200, "<h1>Hello</h1>", BadIssuer),
    ],
)
async def test_only_a_word_about_the_token_is_taken_for_one(
    status: int, body: str, kind: type[ExpectedError]
) -> None:
    with pytest.raises(kind):
        await asked(status, body)


async def test_an_answer_is_an_object_or_nothing() -> None:
    assert await asked(200, '{"access_token": "a"}') == {"access_token": "a"}
    assert await asked(200, "") == {}


async def test_an_issuer_that_answers_drop_by_drop_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "ANSWER_WITHIN_S", 0.05)

    class Drops(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0)
                yield b""

    async def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Drops())

    with pytest.raises(IssuerUnavailable):
        await Exchange(httpx2.MockTransport(answer)).find("https://login.example/metadata")
