"""Search over a person's own messages: the same on SQLite and on PostgreSQL."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from support.models import ScriptedModel
from support.world import Api, World, make_world, one

from orchestrator.migrations import upgrade
from shared.wire.events import Outcome, TurnFinished


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if request.param == "postgres":
        return request.getfixturevalue("assistant_url")
    address = f"sqlite+aiosqlite:///{tmp_path / 'assistant.db'}"
    upgrade(address)
    return address


@pytest.fixture
async def world(tmp_path: Path, address: str) -> AsyncGenerator[World]:
    async with make_world(tmp_path) as world:
        world.settings = {"database_url": address}
        yield world


async def search(api: Api, q: str, **more: Any) -> list[dict[str, Any]]:
    answer = await api.request("GET", "/v1/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["hits"]


def marked(hit: dict[str, Any]) -> str:
    """The snippet with what was found in brackets."""
    return "".join(
        f"[{part['text']}]" if part["found"] else part["text"] for part in hit["snippet"]
    )


async def test_questions_and_answers_are_found_by_all_their_words(world: World) -> None:
    model = ScriptedModel([["The release notes are in the wiki."], ["Release it on Friday."]])
    async with world.orchestrator(model):
        api = world.api()
        first = await api.turn("Where are the notes for version 2?", "client-0001")
        await api.turn("When do we ship?", "client-0002")
        both = await search(api, "notes release")
        begun = await search(api, "wh")
        number = await search(api, "version 2")
        nothing = await search(api, "release monday")
    (hit,) = both
    assert (hit["turn_id"], hit["role"]) == (first, "assistant")
    assert hit["title"] == "Where are the notes for version 2?"
    assert marked(hit) == "The [release] [notes] are in the wiki."
    assert {hit["role"] for hit in begun} == {"person"}
    assert sorted(marked(hit) for hit in begun) == [
        "[When] do we ship?",
        "[Where] are the notes for version 2?",
    ]
    assert [marked(hit) for hit in number] == ["Where are the notes for [version] [2]?"]
    assert nothing == []


async def test_case_accents_and_signs_make_no_difference(world: World) -> None:
    questions = [
        "Réunion à l'ÉCOLE",
        "Weiße Straße",
        "Cafe\u0301 crème",
        "mail ada@example.com soon",
        "Москва Ёлка",
        "東京の天気",
    ]
    async with world.orchestrator(ScriptedModel([["Yes."] for _ in questions])):
        api = world.api()
        for number, question in enumerate(questions):
            await api.turn(question, f"client-{number:04}")
        asked = ["ecole reunion", "STRASSE", "café", "example.com", "елка", "東京"]
        found = {q: [marked(hit) for hit in await search(api, q)] for q in asked}
    assert found == {
        "ecole reunion": ["[Réunion] à l'[ÉCOLE]"],
        "STRASSE": ["Weiße [Straße]"],
        "café": ["[Cafe\u0301] crème"],
        "example.com": ["mail ada@[example].[com] soon"],
        "елка": ["Москва [Ёлка]"],
        "東京": ["[東京の天気]"],
    }


@pytest.mark.parametrize(
    "q",
    ['"', "a AND", "NOT notes", "notes*", "words:notes", "'; DROP TABLE turns; --", "(", "a:*&"],
)
async def test_what_looks_like_syntax_is_only_text(world: World, q: str) -> None:
    async with world.orchestrator(ScriptedModel([["I see."]])):
        api = world.api()
        await api.turn("A note about notes and words", "client-0001")
        answer = await api.request("GET", "/v1/search", params={"q": q})
        after = await search(api, "note")
    assert answer.status_code == (422 if q in {'"', "("} else 200)
    assert len(after) == 1


async def test_a_long_message_is_shown_around_what_was_found(world: World) -> None:
    answer = "filler words " * 2_000 + "the\nneedle  is here " + "and more " * 2_000
    async with world.orchestrator(ScriptedModel([[answer]])):
        api = world.api()
        await api.turn("Where?", "client-0001")
        (hit,) = await search(api, "the needle")
    shown = marked(hit)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert "[the] [needle] is here and more" in shown
    assert len(shown) < 250


async def test_nobody_finds_what_others_wrote_and_nothing_is_found_of_what_is_gone(
    world: World,
) -> None:
    async with world.orchestrator(ScriptedModel([["A secret answer."], ["Another secret."]])):
        api = world.api()
        await api.turn("The secret question", "client-0001")
        for stranger in (world.api("eve"), world.api("ada", tenant="other")):
            assert await search(stranger, "secret") == []
        assert len(await search(api, "secret")) == 2
        await api.request("DELETE", "/v1/conversations/conversation-1")
        assert await search(api, "secret") == []
        await api.request("PUT", "/v1/conversations/conversation-1")
        await api.turn("Again", "client-0001")
        assert [hit["role"] for hit in await search(api, "secret")] == ["assistant"]


async def test_every_version_is_found_and_the_best_comes_first(world: World) -> None:
    model = ScriptedModel([["One."], ["Two."]])
    async with world.orchestrator(model):
        api = world.api()
        first = await api.turn("Budget. " + "Something else entirely. " * 40, "client-0001")
        edited = await api.turn("Budget, budget!", "client-0002", replaces=first)
        found = await search(api, "budget")
        best = await search(api, "budget", limit=1)
    assert [hit["turn_id"] for hit in found] == [edited, first]
    assert [hit["turn_id"] for hit in best] == [edited]


@pytest.mark.parametrize(
    "answer",
    ["nul \0 inside, findable", "\ufdfa " * 60_000 + "findable", "x" * 150_000 + " findable"],
    ids=["a NUL", "signs that stand for many", "one endless word"],
)
async def test_no_answer_is_too_odd_to_be_stored(world: World, answer: str) -> None:
    async with world.orchestrator(ScriptedModel([[answer], ["Findable too."]])):
        api = world.api()
        events = await api.answer("Say something odd")
        assert one(events, TurnFinished).outcome is Outcome.ANSWERED
        await api.turn("Go on", "client-0002")
        assert await search(api, "findable")


async def test_a_nul_in_a_name_is_refused_or_names_nothing(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        path = "/v1/conversations/conversation-1"
        answers = [
            await api.request("GET", "/v1/conversations/%00"),
            await api.request("GET", "/v1/shared/%00"),
            await api.request("PUT", f"{path}/head", json={"turn_id": "\0"}),
            await api.request(
                "POST",
                f"{path}/turns",
                json={"client_id": "client-0001", "text": "Hello", "replaces": "\0"},
            ),
        ]
    assert {answer.status_code for answer in answers} <= {404, 422}


async def test_what_is_no_search_is_refused_in_words(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        empty = await api.request("GET", "/v1/search", params={"q": "  ?! "})
        absent = await api.request("GET", "/v1/search")
        huge = await api.request("GET", "/v1/search", params={"q": "x" * 201})
        many = await api.request("GET", "/v1/search", params={"q": "x", "limit": 1_000})
        nul = await api.request("GET", "/v1/search", params={"q": "a\x00b"})
    assert [answer.status_code for answer in (empty, absent, huge, many)] == [422] * 4
    assert nul.status_code == 200
    assert "at least one word" in empty.json()["error"]["message"]
    assert "200 characters" in huge.json()["error"]["message"]
