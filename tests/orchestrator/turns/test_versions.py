"""Editing a question and asking again: every version stays reachable, and each goes on from its own past."""

import asyncio
from typing import Any

import pytest
from support.models import ScriptedModel, calls
from support.world import Api, World, one

from shared.wire.events import (
    ApprovalNeeded,
    Outcome,
    TextDelta,
    TurnFinished,
    TurnStarted,
)

PATH = "/v1/conversations/conversation-1"


async def read(api: Api, query: str = "") -> dict[str, Any]:
    answer = await api.request("GET", f"{PATH}{query}")
    assert answer.status_code == 200
    return answer.json()


async def show(api: Api, turn_id: str) -> dict[str, Any]:
    answer = await api.request("PUT", f"{PATH}/head", json={"turn_id": turn_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


def questions(detail: dict[str, Any]) -> list[str]:
    return [turn["events"][0]["question"] for turn in detail["turns"]]


def told(messages: Any) -> list[str]:
    """What the model was told, without the system prompt."""
    return [str(message["content"]) for message in messages[1:]]


async def test_an_edited_question_becomes_another_version_and_the_old_one_stays(
    world: World,
) -> None:
    model = ScriptedModel([["One."], ["Two."], ["Three."], ["Four."]])
    async with world.orchestrator(model):
        api = world.api()
        await api.turn("First", "client-0001")
        second = await api.turn("Second", "client-0002")
        third = await api.turn("Third", "client-0003")
        events = await api.answer("Second, better", "client-0004", replaces=second)
        edited = one(events, TurnStarted)
        detail = await read(api)
        back = await show(api, second)
    assert edited.replaces == second
    assert questions(detail) == ["First", "Second, better"]
    assert detail["turns"][0]["versions"] == []
    assert detail["turns"][1]["versions"] == [second, edited.turn_id]
    assert questions(back) == ["First", "Second", "Third"]
    assert back["turns"][2]["turn_id"] == third
    assert told(model.asked[3]) == ["First", "One.", "Second, better"]


async def test_a_first_question_has_versions_too(world: World) -> None:
    model = ScriptedModel([["One."], ["Two."], ["Three."]])
    async with world.orchestrator(model):
        api = world.api()
        first = await api.turn("First", "client-0001")
        edited = await api.turn("First, better", "client-0002", replaces=first)
        again = await api.turn("First, better", "client-0003", replaces=edited)
        detail = await read(api)
    assert questions(detail) == ["First, better"]
    assert detail["turns"][0]["versions"] == [first, edited, again]
    assert detail["earlier_turns"] is False
    assert told(model.asked[2]) == ["First, better"]


async def test_the_next_question_goes_on_from_the_version_that_is_shown(world: World) -> None:
    model = ScriptedModel([["One."], ["Two."], ["Three."], ["Four."]])
    async with world.orchestrator(model):
        api = world.api()
        first = await api.turn("First", "client-0001")
        await api.turn("Second", "client-0002")
        await api.turn("First, better", "client-0003", replaces=first)
        assert questions(await show(api, first)) == ["First", "Second"]
        await api.turn("Third", "client-0004")
        detail = await read(api)
    assert questions(detail) == ["First", "Second", "Third"]
    assert told(model.asked[3]) == ["First", "One.", "Second", "Two.", "Third"]


async def test_a_long_conversation_is_read_in_pages_along_its_path(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[f"{n}."] for n in range(54)])):
        api = world.api()
        turns = [await api.turn(f"Question {n}", f"client-{n:04}") for n in range(53)]
        await api.turn("Question 1, better", "client-0053", replaces=turns[1])
        await show(api, turns[1])
        latest = await read(api)
        earlier = await read(api, f"?before={latest['turns'][0]['position']}")
    assert questions(latest) == [f"Question {n}" for n in range(3, 53)]
    assert questions(earlier) == ["Question 0", "Question 1", "Question 2"]
    assert (latest["earlier_turns"], earlier["earlier_turns"]) == (True, False)


async def test_a_new_version_stops_what_goes_on_in_the_old_one(world: World) -> None:
    never = asyncio.Event()
    async with world.orchestrator(ScriptedModel([["One"], ["Two, ", never], ["Better."]])):
        api = world.api()
        first = await api.turn("First", "client-0001")
        async with api.ask("Second", client_id="client-0002") as reader:
            await reader.until(TextDelta)
            edited = await api.answer("First, better", "client-0003", replaces=first)
            events = await reader.rest()
    assert one(events, TurnFinished).outcome is Outcome.STOPPED
    assert one(edited, TurnStarted).queued is True
    assert one(edited, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_new_version_takes_the_open_question_of_the_old_one_back(world: World) -> None:
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    async with world.orchestrator(ScriptedModel([[proposed], ["Never mind."]])):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            turn_id = reader.response.headers["x-turn-id"]
            edited = await api.answer("Leave task 42", "client-0002", replaces=turn_id)
            await reader.rest()
        late = await api.decide(needed.call_id, "approve")
    assert one(edited, TurnFinished).outcome is Outcome.ANSWERED
    assert late.status_code == 409
    assert world.tracker.writes == []


@pytest.mark.parametrize("field", ["replaces", "head"])
async def test_turns_of_others_and_of_other_conversations_cannot_be_named(
    world: World, field: str
) -> None:
    async with world.orchestrator(ScriptedModel([["One."], ["Secret."]])):
        api, eve = world.api(), world.api("eve")
        await api.request("PUT", "/v1/conversations/conversation-2")
        await eve.request("PUT", "/v1/conversations/conversation-3")
        named = ["unknown"]
        for one_api, number in ((api, 2), (eve, 3)):
            async with one_api.ask("Hello", f"conversation-{number}") as reader:
                named.append(one(await reader.rest(), TurnStarted).turn_id)
        answers = [
            await api.request("PUT", f"{PATH}/head", json={"turn_id": turn_id})
            if field == "head"
            else await api.request(
                "POST",
                f"{PATH}/turns",
                json={"client_id": "client-0009", "text": "Hello", "replaces": turn_id},
            )
            for turn_id in named
        ]
        foreign = await eve.request("PUT", f"{PATH}/head", json={"turn_id": named[0]})
        detail = await read(api)
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert {answer.json()["error"]["message"] for answer in answers} == {
        "This conversation has no such turn."
    }
    assert foreign.json()["error"]["message"] == "There is no such conversation."
    assert detail["turns"] == []


async def test_what_is_no_position_or_version_is_refused(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        answers = [
            await api.request("GET", f"{PATH}?before=0"),
            await api.request("GET", f"{PATH}?before=99999999999999999999"),
            await api.request("PUT", f"{PATH}/head", json={}),
            await api.request("PUT", f"{PATH}/head", json={"turn_id": "x" * 100_000}),
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 404]
