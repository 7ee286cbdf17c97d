"""Two orchestrators on one PostgreSQL and one Valkey: the same turn on either, and one goes on where the other died."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.models import ScriptedModel, calls
from support.world import Api, World, make_world, one

from orchestrator.models.port import Message, ReplyEnd, ToolForModel
from shared.wire.events import (
    ApprovalNeeded,
    CallFinished,
    Outcome,
    TextDelta,
    TextFinished,
    TurnFinished,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(tmp_path: Path, assistant_url: str, valkey: str) -> AsyncGenerator[World]:
    async with make_world(tmp_path) as world:
        world.settings = {"database_url": assistant_url, "redis_url": valkey}
        yield world


async def test_a_viewer_on_another_replica_sees_every_word_as_it_is_said(world: World) -> None:
    hold = asyncio.Event()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            world.orchestrator(ScriptedModel([["It is ", hold, "noon."]]))
        )
        here = world.api()
        await stack.enter_async_context(world.orchestrator(ScriptedModel([])))
        there = world.api()
        asking = await stack.enter_async_context(here.ask("What time is it?"))
        await asking.until(TextDelta)
        turn_id = asking.response.headers["x-turn-id"]
        watching = await stack.enter_async_context(there.watch(turn_id))
        assert (await watching.until(TextDelta)).text == "It is "
        hold.set()
        assert one(await watching.rest(), TextFinished).text == "It is noon."
        assert [e.n for e in await asking.rest()] == [e.n for e in watching.events]


async def test_a_decision_taken_on_another_replica_is_carried_out_once(world: World) -> None:
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.orchestrator(ScriptedModel([[proposed], ["Done."]])))
        here = world.api()
        await stack.enter_async_context(world.orchestrator(ScriptedModel([["Done."]])))
        there = world.api()
        asking = await stack.enter_async_context(here.ask("Set task 42 to done"))
        needed = await asking.until(ApprovalNeeded)
        answers: list[Any] = await asyncio.gather(
            *(api.decide(needed.call_id, "approve") for api in (here, there, here, there))
        )
        events = await asking.rest()
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]
    assert one(events, CallFinished).error is None


async def test_a_stop_reaches_the_replica_that_runs_the_turn(world: World) -> None:
    never = asyncio.Event()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.orchestrator(ScriptedModel([["It is ", never]])))
        here = world.api()
        await stack.enter_async_context(world.orchestrator(ScriptedModel([])))
        there = world.api()
        asking = await stack.enter_async_context(here.ask("What time is it?"))
        await asking.until(TextDelta)
        turn_id = asking.response.headers["x-turn-id"]
        await there.request("PUT", f"/v1/turns/{turn_id}/cancellation")
        events = await asking.rest()
    assert one(events, TurnFinished).outcome is Outcome.STOPPED
    assert one(events, TextFinished).text == "It is "


async def test_a_turn_whose_replica_goes_silent_is_taken_over_without_a_gap(world: World) -> None:
    never = asyncio.Event()
    async with AsyncExitStack() as stack:
        silent = ScriptedModel([["It is ", never]])
        await stack.enter_async_context(world.orchestrator(silent, sweep_interval_s=3_600))
        asking = await stack.enter_async_context(world.api().ask("What time is it?"))
        await asking.until(TextDelta)
        seen = asking.events[-1].n
        turn_id = asking.response.headers["x-turn-id"]
        world.clock.ahead = timedelta(minutes=5)  # its lease has run out
        other = ScriptedModel([["It is noon."]])
        await stack.enter_async_context(world.orchestrator(other))
        watching = await stack.enter_async_context(world.api().watch(turn_id, after=seen))
        events = await watching.rest()
        world.clock.ahead = timedelta()
    applied = seen
    for event in events:
        assert event.first <= applied + 1 <= event.n
        applied = event.n
    assert one(events, TextFinished).text == "It is noon."
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


@dataclass
class CountingModel:
    """Answers after a moment, and counts how many answers of it are under way at once."""

    counts: list[int]
    name: str = "counting"

    async def reply(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolForModel],  # noqa: ARG002 - the port's
    ) -> AsyncGenerator[str | ReplyEnd]:
        self.counts[0] += 1
        self.counts[1] = max(self.counts)
        try:
            for _ in range(20):
                await asyncio.sleep(0)
            yield f"Answer to {messages[-1]['content']}"
            yield ReplyEnd()
        finally:
            self.counts[0] -= 1


async def test_questions_asked_of_two_replicas_at_once_are_answered_one_by_one(
    world: World,
) -> None:
    counts = [0, 0]
    async with AsyncExitStack() as stack:
        replicas: list[Api] = []
        for _ in range(2):
            await stack.enter_async_context(world.orchestrator(CountingModel(counts)))
            replicas.append(world.api())
        answers = await asyncio.gather(
            *(replicas[n % 2].answer(f"Question {n}", f"client-{n:04}") for n in range(10))
        )
        detail = (await world.api().request("GET", "/v1/conversations/conversation-1")).json()
    for n, events in enumerate(answers):
        assert one(events, TextFinished).text == f"Answer to Question {n}"
    assert counts == [0, 1]
    assert [turn["position"] for turn in detail["turns"]] == list(range(1, 11))
    assert {turn["state"] for turn in detail["turns"]} == {"answered"}


async def test_a_stop_on_another_replica_empties_the_queue(world: World) -> None:
    never = asyncio.Event()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.orchestrator(ScriptedModel([["One, ", never]])))
        here = world.api()
        await stack.enter_async_context(world.orchestrator(ScriptedModel([])))
        there = world.api()
        first = await stack.enter_async_context(here.ask("First"))
        await first.until(TextDelta)
        second = await stack.enter_async_context(here.ask("Second", client_id="client-0002"))
        await second.next()
        await there.stop(first.response.headers["x-turn-id"])
        for reader in (first, second):
            assert one(await reader.rest(), TurnFinished).outcome is Outcome.STOPPED
