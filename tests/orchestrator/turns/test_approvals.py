"""The yes: asked once, decided once, wherever it comes from."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.world import Api, World, one

from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    CallState,
    Decision,
    Outcome,
    TurnFinished,
)

SET_42 = ("tracker__set_status", '{"task_id": 42, "status": "done"}')
SET_43 = ("tracker__set_status", '{"task_id": 43, "status": "done"}')


def asks_once(last_words: str = "All right.") -> ScriptedModel:
    return ScriptedModel([[calls(SET_42)], [last_words]])


async def test_a_rejection_is_told_to_the_model_and_nothing_is_done(world: World) -> None:
    model = asks_once()
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "reject", note="Not before Friday.")
            events = await reader.rest()
    told = str(model.asked[1][-1]["content"])
    assert '"status":"rejected"' in told
    assert "Not before Friday." in told
    assert world.tracker.writes == []
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_only_the_first_of_two_decisions_counts(world: World) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            answers = await asyncio.gather(
                *(api.decide(needed.call_id, kind) for kind in ("approve", "reject", "approve"))
            )
            await reader.rest()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 409, 409]
    loser = next(answer for answer in answers if answer.status_code == 409)
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert loser.json()["error"]["details"]["winner"] == winner.json()["decision"]
    assert len(world.tracker.writes) <= 1


async def test_a_question_nobody_answers_expires_and_says_so(world: World) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            world.clock.ahead = timedelta(hours=2)
            events = await reader.rest()
        world.clock.ahead = timedelta()
        late = await api.decide(needed.call_id, "approve")
    assert one(events, ApprovalDecided).decision is Decision.EXPIRED
    assert one(events, CallFinished).state is CallState.EXPIRED
    assert late.status_code == 409
    assert late.json()["error"]["details"]["winner"] == "expired"
    assert world.tracker.writes == []


async def test_an_open_question_survives_a_restart_and_runs_once(world: World) -> None:
    async with world.orchestrator(asks_once()), world.api().ask("Set task 42 to done") as reader:
        needed = await reader.until(ApprovalNeeded)
        turn_id = reader.response.headers["x-turn-id"]
    async with world.orchestrator(ScriptedModel([["Done."]])):
        api = world.api()
        async with api.watch(turn_id) as reader:
            again = await reader.until(ApprovalNeeded)
            assert again == needed
            assert (await api.decide(needed.call_id, "approve")).status_code == 200
            events = await reader.rest()
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_two_questions_wait_side_by_side_and_each_is_decided_alone(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(SET_42, SET_43)], ["Half done."]])):
        api = world.api()
        async with api.ask("Set tasks 42 and 43 to done") as reader:
            first = await reader.until(ApprovalNeeded)
            second = await reader.until(ApprovalNeeded)
            await api.decide(second.call_id, "approve")
            await reader.until(CallFinished)
            await api.decide(first.call_id, "reject")
            events = await reader.rest()
    assert [write[:2] for write in world.tracker.writes] == [(43, "done")]
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"task_id": 42}, "status"),
        ({"task_id": 0, "status": "done"}, "task_id"),
        ({"task_id": 42, "status": "gone"}, "status"),
        ({"task_id": "42; DROP TABLE", "status": "done"}, "task_id"),
    ],
)
async def test_edited_arguments_that_break_the_schema_are_refused_and_the_question_stays(
    world: World, arguments: dict[str, Any], fragment: str
) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            refused = await api.decide(needed.call_id, "approve", arguments=arguments)
            assert refused.status_code == 422
            assert fragment in refused.json()["error"]["message"]
            assert (await api.decide(needed.call_id, "approve")).status_code == 200
            await reader.rest()


async def test_the_preview_follows_edited_arguments(world: World) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            path = f"/v1/calls/{needed.call_id}/preview"
            edited = await api.request(
                "POST", path, json={"arguments": {"task_id": 43, "status": "done"}}
            )
            absent = await api.request(
                "POST", path, json={"arguments": {"task_id": 99, "status": "done"}}
            )
    assert edited.json()["preview"]["changes"][0]["old"] == "todo"
    assert absent.json()["problem"] == "There is no task 99."
    assert world.tracker.writes == []


@pytest.mark.parametrize("person", ["eve", "ada-of-another-tenant"])
async def test_somebody_elses_question_cannot_be_told_from_an_absent_one(
    world: World, person: str
) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        stranger = world.api(person) if person == "eve" else world.api("ada", tenant="other")
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            foreign = await stranger.decide(needed.call_id, "approve")
            absent = await stranger.decide("call_absent", "approve")
    assert foreign.status_code == absent.status_code == 404
    assert _error(foreign) == _error(absent)
    assert world.tracker.writes == []


def _error(response: httpx.Response) -> dict[str, Any]:
    return response.json()["error"]


async def test_several_questions_are_decided_at_once_each_by_itself(world: World) -> None:
    async with world.orchestrator(ScriptedModel([[calls(SET_42, SET_43)], ["Done."]])):
        api = world.api()
        async with api.ask("Set tasks 42 and 43 to done") as reader:
            first = await reader.until(ApprovalNeeded)
            second = await reader.until(ApprovalNeeded)
            decisions = [
                {"call_id": first.call_id, "decision": "approve"},
                {"call_id": "call_unknown", "decision": "approve"},
                {"call_id": second.call_id, "decision": "approve", "arguments": {"task_id": 0}},
                {"call_id": second.call_id, "decision": "reject"},
            ]
            answer = await api.request("POST", "/v1/decisions", json={"decisions": decisions})
            await reader.rest()
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [200, 404, 422, 200]
    assert [result["decision"] for result in results] == ["approved", None, None, "rejected"]
    assert results[1]["error"]["error"]["code"] == "not_found"
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]


async def test_open_questions_are_listed_until_they_are_decided(world: World) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()

        async def listed(person: Api) -> list[dict[str, Any]]:
            return (await person.request("GET", "/v1/approvals")).json()["approvals"]

        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            (mine,) = await listed(api)
            assert (mine["mine"], mine["may_decide"], mine["requested_by"]) == (True, True, "Ada")
            assert mine["conversation_id"] == "conversation-1"
            assert mine["needed"]["call_id"] == mine["call"]["call_id"] == needed.call_id
            assert await listed(world.api("bob")) == []
            assert await listed(world.api("ada", tenant="other")) == []
            await api.decide(needed.call_id, "approve")
            await reader.rest()
            assert await listed(api) == []


async def test_questions_of_a_deleted_conversation_are_gone_with_it(world: World) -> None:
    async with world.orchestrator(asks_once()):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.request("DELETE", "/v1/conversations/conversation-1")
            await reader.rest()
        listed = await api.request("GET", "/v1/approvals")
        late = await api.decide(needed.call_id, "approve")
    assert listed.json()["approvals"] == []
    assert late.status_code == 404
    assert "deleted" in late.json()["error"]["message"]
    assert world.tracker.writes == []


ODD_VALUES = ['"\\ud800"', "1" + "0" * 40, "1e400", "NaN", '"\\u0000"', "[" * 500 + "]" * 500]


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("field", ["arguments", "grant"])
async def test_values_that_cannot_be_stored_are_refused(
    world: World, value: str, field: str
) -> None:
    vary = f'{{"lifetime_s": 600, "vary": {{"status": {{"one_of": [{value}, "done"]}}}}}}'
    sent = vary if field == "grant" else f'{{"task_id": 42, "status": {value}}}'
    async with world.orchestrator(asks_once()), world.api().ask("Set task 42 to done") as reader:
        needed = await reader.until(ApprovalNeeded)
        answer = await world.api().request(
            "PUT",
            f"/v1/calls/{needed.call_id}/decision",
            content=f'{{"decision": "approve", "{field}": {sent}}}',
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code in {400, 422}, answer.text
