"""The clock of a machine jumps while a turn runs: nothing is lost, and nobody takes the turn from a living runner."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from faults.tally import TALLY
from support.models import ScriptedModel, calls
from support.world import World, make_world, one

from orchestrator.migrations import upgrade
from shared.wire.events import ApprovalNeeded, CallStarted, Outcome, TextDelta, TurnFinished

JUMPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400), timedelta(days=-400)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    await asyncio.to_thread(upgrade, f"sqlite+aiosqlite:///{tmp_path / 'assistant.db'}")
    async with make_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_turn_is_answered_once_although_the_clock_jumps(
    world: World, jump: timedelta
) -> None:
    TALLY.faults["clock jumped"] += 1
    hold = asyncio.Event()
    model = ScriptedModel([["It is ", hold, "noon."]])
    async with world.orchestrator(model, lease_s=0.3), world.api().ask("Time?") as asking:
        await asking.until(TextDelta)
        world.clock.ahead = jump
        world_api = world.api()
        assert (await world_api.request("GET", "/v1/conversations/conversation-1")).is_success
        hold.set()
        events = await asking.rest()
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert len(model.asked) == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_question_to_the_person_ends_in_words_although_the_clock_jumps(
    world: World, jump: timedelta
) -> None:
    TALLY.faults["clock jumped"] += 1
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    async with (
        world.orchestrator(ScriptedModel([[proposed], ["Done."]])),
        world.api().ask("Set it") as asking,
    ):
        needed = await asking.until(ApprovalNeeded)
        world.clock.ahead = jump
        status = (await world.api().decide(needed.call_id, "approve")).status_code
        events = await asking.rest()
    sent = [event for event in events if isinstance(event, CallStarted)]
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert status in {200, 409}
    assert len(world.tracker.writes) == len(sent) == (1 if status == 200 else 0)
