"""A call that was sent and whose answer was lost: the person chooses, nothing is repeated by itself."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.world import Api, Reader, World, every, one

from shared.wire.events import (
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallState,
    OutcomeChecked,
    OutcomeChoice,
    OutcomeDecided,
    OutcomeNeeded,
    TurnFinished,
)

ORDER_5 = ("tracker__order", '{"amount": 5}')
LOST_AFTER, LOST_BEFORE = 1, -1


@asynccontextmanager
async def lost_order(
    world: World, loses: int = LOST_AFTER
) -> AsyncGenerator[tuple[ScriptedModel, Api, Reader, OutcomeNeeded]]:
    """An approved order whose answer did not come in time."""
    model = ScriptedModel([[calls(ORDER_5)], ["All right."]])
    world.tracker.loses = loses
    server = {"url": f"{world.tracker_url}/mcp", "own": True, "timeout_s": 1.0}
    async with world.orchestrator(model, tool_servers={"tracker": server}):
        api = world.api()
        async with api.ask("Order five") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "approve")
            yield model, api, reader, await reader.until(OutcomeNeeded)


async def choose(api: Api, call_id: str, choice: str) -> httpx.Response:
    return await api.request("PUT", f"/v1/calls/{call_id}/outcome", json={"choice": choice})


async def test_the_server_wants_the_key_as_an_argument_and_the_model_never_sees_it(
    world: World,
) -> None:
    model = ScriptedModel([[calls(ORDER_5)], ["Ordered."]])
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("Order five") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "approve")
            await reader.rest()
    (tool,) = [tool for tool in model.tools[0] if tool.name == "tracker__order"]
    assert set(tool.parameters["properties"]) == {"amount"}  # pyright: ignore[reportArgumentType]
    assert needed.arguments == {"amount": 5}
    (key,) = world.tracker.orders
    assert len(key) == 32


async def test_left_unknown_is_told_to_the_model_and_not_repeated(world: World) -> None:
    async with lost_order(world) as (model, api, reader, asked):
        assert asked.can_check
        assert (await choose(api, asked.call_id, "leave")).json()["choice"] == "leave"
        events = await reader.rest()
    assert one(events, OutcomeDecided).decided_by == "Ada"
    assert one(events, CallFinished).state is CallState.OUTCOME_UNKNOWN
    assert '"status":"outcome_unknown"' in str(model.asked[1][-1]["content"])
    assert list(world.tracker.orders.values()) == [5]


async def test_marked_done_is_told_to_the_model(world: World) -> None:
    async with lost_order(world) as (model, api, reader, asked):
        await choose(api, asked.call_id, "done")
        events = await reader.rest()
    assert one(events, CallFinished).state is CallState.MARKED_DONE
    told = str(model.asked[1][-1]["content"])
    assert '"status":"marked_done"' in told
    assert "Ada" in told


async def test_a_check_that_finds_it_done_settles_it(world: World) -> None:
    async with lost_order(world) as (model, api, reader, asked):
        answer = (await choose(api, asked.call_id, "check")).json()
        events = await reader.rest()
        audit = (await api.request("GET", "/v1/audit")).json()["rows"]
    assert [row["kind"] for row in audit][:3] == [
        "call_ended",
        "outcome_decided",
        "outcome_checked",
    ]
    assert (answer["choice"], answer["checked"]) == ("done", "done")
    assert one(events, OutcomeChecked).text == "5 were ordered."
    assert one(events, OutcomeDecided).decided_by == "tracker"
    assert '"status":"marked_done"' in str(model.asked[1][-1]["content"])


async def test_a_retry_needs_another_yes_and_has_another_key(world: World) -> None:
    async with lost_order(world, LOST_BEFORE) as (model, api, reader, asked):
        checked = (await choose(api, asked.call_id, "check")).json()
        assert (checked["choice"], checked["checked"]) == (None, "not_done")
        assert (await choose(api, asked.call_id, "retry")).status_code == 200
        needed = await reader.until(ApprovalNeeded)
        assert needed.rule == "writes_ask"
        await api.decide(needed.call_id, "approve")
        events = await reader.rest()
    again = every(events, CallProposed)[1]
    assert again.retry_of == asked.call_id
    assert again.call_id == needed.call_id
    ends = {end.call_id: end.state for end in every(events, CallFinished)}
    assert ends == {asked.call_id: CallState.RETRIED, needed.call_id: CallState.SUCCEEDED}
    assert list(world.tracker.orders.values()) == [5]
    # The model proposed one call and reads one result: that of the last try.
    assert [message["role"] for message in model.asked[1]].count("tool") == 1
    assert "Ordered 5." in str(model.asked[1][-1]["content"])


async def test_the_question_survives_a_restart(world: World) -> None:
    async with lost_order(world) as (_, _, reader, asked):
        turn_id = reader.response.headers["x-turn-id"]
    async with world.orchestrator(ScriptedModel([["All right."]])):
        api = world.api()
        async with api.watch(turn_id) as reader:
            assert await reader.until(OutcomeNeeded) == asked
            await choose(api, asked.call_id, "leave")
            await reader.until(TurnFinished)
    assert list(world.tracker.orders.values()) == [5]


async def test_nobody_choosing_leaves_it_unknown(world: World) -> None:
    async with lost_order(world) as (_, api, reader, asked):
        world.clock.ahead = timedelta(hours=2)
        events = await reader.rest()
        world.clock.ahead = timedelta()
        late = await choose(api, asked.call_id, "done")
    assert one(events, OutcomeDecided).choice is OutcomeChoice.EXPIRED
    assert one(events, CallFinished).state is CallState.OUTCOME_UNKNOWN
    assert late.status_code == 409
    assert late.json()["error"]["details"]["winner"] == "expired"


async def test_a_stop_closes_the_question(world: World) -> None:
    async with lost_order(world) as (_, api, reader, asked):
        turn_id = reader.response.headers["x-turn-id"]
        await api.request("PUT", f"/v1/turns/{turn_id}/cancellation")
        events = await reader.rest()
        assert (await choose(api, asked.call_id, "retry")).status_code == 409
    assert one(events, CallFinished).state is CallState.OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("person", "choice", "status"),
    [("bob", "done", 404), ("ada", "again", 422), ("bob", "check", 404)],
)
async def test_bad_choices_are_refused_and_the_question_stays(
    world: World, person: str, choice: str, status: int
) -> None:
    async with lost_order(world) as (_, api, reader, asked):
        refused = await choose(world.api(person), asked.call_id, choice)
        assert refused.status_code == status
        assert (await choose(api, "call_unknown", "done")).status_code == 404
        assert (await choose(api, asked.call_id, "leave")).status_code == 200
        again = await choose(api, asked.call_id, "retry")
        assert again.status_code == 409
        assert again.json()["error"]["details"]["winner"] == "leave"
        events: list[Any] = await reader.rest()
    assert one(events, CallFinished).state is CallState.OUTCOME_UNKNOWN
