"""Questions asked while an answer is under way: they wait, run one after the other, and can be stopped."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack

from support.models import Part, ScriptedModel, calls
from support.world import Api, Reader, World, one

from shared.wire.events import (
    ApprovalNeeded,
    Outcome,
    TextDelta,
    TextFinished,
    TurnFinished,
    TurnStarted,
)


async def ask(stack: AsyncExitStack, api: Api, text: str, number: int) -> tuple[Reader, str]:
    """Ask and read the first event; the reader stays open."""
    reader = await stack.enter_async_context(api.ask(text, client_id=f"client-{number:04}"))
    started = await reader.next()
    assert isinstance(started, TurnStarted)
    return reader, started.turn_id


async def state_of(api: Api, turn_id: str) -> str:
    return (await api.request("GET", f"/v1/turns/{turn_id}")).json()["state"]


async def test_questions_asked_meanwhile_are_answered_in_order(world: World) -> None:
    hold = asyncio.Event()
    model = ScriptedModel([[hold, "One."], ["Two."], ["Three."]])
    async with world.orchestrator(model), AsyncExitStack() as stack:
        api = world.api()
        first, _ = await ask(stack, api, "First", 1)
        second, second_id = await ask(stack, api, "Second", 2)
        third, third_id = await ask(stack, api, "Third", 3)
        states = [await state_of(api, turn_id) for turn_id in (second_id, third_id)]
        hold.set()
        ends = [one(await reader.rest(), TextFinished).text for reader in (first, second, third)]
    assert [one(r.events, TurnStarted).queued for r in (first, second, third)] == [
        False,
        True,
        True,
    ]
    assert states == ["queued", "queued"]
    assert ends == ["One.", "Two.", "Three."]
    told = [message["content"] for message in model.asked[2][1:]]
    assert told == ["First", "One.", "Second", "Two.", "Third"]


async def test_a_queued_question_asked_again_joins_the_same_turn(world: World) -> None:
    hold = asyncio.Event()
    async with (
        world.orchestrator(ScriptedModel([[hold, "One."], ["Two."]])),
        AsyncExitStack() as stack,
    ):
        api = world.api()
        await ask(stack, api, "First", 1)
        second, second_id = await ask(stack, api, "Second", 2)
        again, again_id = await ask(stack, api, "Second", 2)
        hold.set()
        assert one(await second.rest(), TextFinished).text == "Two."
        assert one(await again.rest(), TextFinished).text == "Two."
    assert again_id == second_id


async def test_a_failed_turn_lets_the_next_one_begin(world: World) -> None:
    hold = asyncio.Event()
    bug = ValueError("a bug")
    async with (
        world.orchestrator(ScriptedModel([[hold, bug], ["Two."]])),
        AsyncExitStack() as stack,
    ):
        api = world.api()
        first, _ = await ask(stack, api, "First", 1)
        second, _ = await ask(stack, api, "Second", 2)
        hold.set()
        assert one(await first.rest(), TurnFinished).outcome is Outcome.FAILED
        assert one(await second.rest(), TurnFinished).outcome is Outcome.ANSWERED


async def test_the_queue_has_an_end(world: World) -> None:
    hold = asyncio.Event()
    replies: list[Sequence[Part]] = [[hold, "One."]]
    replies += [["More."] for _ in range(10)]
    async with world.orchestrator(ScriptedModel(replies)), AsyncExitStack() as stack:
        api = world.api()
        readers = [(await ask(stack, api, f"Question {n}", n))[0] for n in range(11)]
        refused = await api.request(
            "POST",
            "/v1/conversations/conversation-1/turns",
            json={"client_id": "client-0099", "text": "One too many"},
        )
        hold.set()
        for reader in readers:
            assert one(await reader.rest(), TurnFinished).outcome is Outcome.ANSWERED
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "queue_full")
    assert "10 questions" in refused.json()["error"]["message"]


async def test_stop_ends_the_answer_and_everything_that_waits_for_it(world: World) -> None:
    never = asyncio.Event()
    model = ScriptedModel([["One, ", never], ["Fourth."]])
    async with world.orchestrator(model), AsyncExitStack() as stack:
        api = world.api()
        first, first_id = await ask(stack, api, "First", 1)
        second, second_id = await ask(stack, api, "Second", 2)
        third, _ = await ask(stack, api, "Third", 3)
        await first.until(TextDelta)
        assert (await api.stop(first_id)).status_code == 202
        for reader in (first, second, third):
            assert one(await reader.rest(), TurnFinished).outcome is Outcome.STOPPED
        assert await state_of(api, second_id) == "stopped"
        fourth = await api.answer("Fourth", "client-0004")
    assert one(fourth, TurnStarted).queued is False
    assert one(fourth, TextFinished).text == "Fourth."
    assert len(model.asked) == 2


async def test_a_queued_question_can_be_stopped_alone(world: World) -> None:
    hold = asyncio.Event()
    async with (
        world.orchestrator(ScriptedModel([[hold, "One."], ["Three."]])),
        AsyncExitStack() as stack,
    ):
        api = world.api()
        first, _ = await ask(stack, api, "First", 1)
        second, second_id = await ask(stack, api, "Second", 2)
        third, _ = await ask(stack, api, "Third", 3)
        stopped = await api.stop(second_id)
        assert stopped.json()["state"] == "stopped"
        assert [event.kind for event in await second.rest()] == ["turn_started", "turn_finished"]
        again = await api.stop(second_id)
        hold.set()
        assert one(await first.rest(), TextFinished).text == "One."
        assert one(await third.rest(), TextFinished).text == "Three."
    assert (again.status_code, again.json()["state"]) == (202, "stopped")


async def test_an_open_question_keeps_the_queue_waiting(world: World) -> None:
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    model = ScriptedModel([[proposed], ["Done."], ["Two."]])
    async with world.orchestrator(model), AsyncExitStack() as stack:
        api = world.api()
        first, _ = await ask(stack, api, "Set task 42 to done", 1)
        needed = await first.until(ApprovalNeeded)
        second, second_id = await ask(stack, api, "Second", 2)
        assert await state_of(api, second_id) == "queued"
        await api.decide(needed.call_id, "approve")
        assert one(await second.rest(), TextFinished).text == "Two."
    assert [write[:2] for write in world.tracker.writes] == [(42, "done")]


async def test_stop_while_a_question_is_open_empties_the_queue_too(world: World) -> None:
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    async with world.orchestrator(ScriptedModel([[proposed]])), AsyncExitStack() as stack:
        api = world.api()
        first, first_id = await ask(stack, api, "Set task 42 to done", 1)
        await first.until(ApprovalNeeded)
        second, _ = await ask(stack, api, "Second", 2)
        await api.stop(first_id)
        for reader in (first, second):
            assert one(await reader.rest(), TurnFinished).outcome is Outcome.STOPPED
        assert (await api.stop(first_id)).json()["state"] == "stopped"
    assert world.tracker.writes == []


async def test_the_queue_goes_on_after_a_restart(world: World) -> None:
    never = asyncio.Event()
    async with AsyncExitStack() as stack:
        async with world.orchestrator(ScriptedModel([["One, ", never]])):
            api = world.api()
            first, _ = await ask(stack, api, "First", 1)
            await first.until(TextDelta)
            _, second_id = await ask(stack, api, "Second", 2)
        async with (
            world.orchestrator(ScriptedModel([["One."], ["Two."]])),
            world.api().watch(second_id) as second,
        ):
            assert one(await second.rest(), TextFinished).text == "Two."


async def test_a_turn_made_ready_by_a_replica_that_died_is_taken_up(world: World) -> None:
    never = asyncio.Event()
    async with world.orchestrator(ScriptedModel([["One, ", never]])), AsyncExitStack() as stack:
        api = world.api()
        first, first_id = await ask(stack, api, "First", 1)
        await first.until(TextDelta)
        _, second_id = await ask(stack, api, "Second", 2)
    with sqlite3.connect(world.directory / "assistant.db") as database:
        # What the replica had stored when it died: the first turn's end, and that the second may begin.
        for turn_id, state in ((first_id, "answered"), (second_id, "ready")):
            database.execute("UPDATE turns SET state = ? WHERE turn_id = ?", (state, turn_id))
    database.close()
    async with (
        world.orchestrator(ScriptedModel([["Two."]])),
        world.api().watch(second_id) as second,
    ):
        assert one(await second.rest(), TextFinished).text == "Two."


async def test_only_its_owner_can_stop_a_queued_question(world: World) -> None:
    hold = asyncio.Event()
    async with (
        world.orchestrator(ScriptedModel([[hold, "One."], ["Two."]])),
        AsyncExitStack() as stack,
    ):
        api = world.api()
        await ask(stack, api, "First", 1)
        second, second_id = await ask(stack, api, "Second", 2)
        for stranger in (world.api("eve"), world.api("ada", tenant="other")):
            assert (await stranger.stop(second_id)).status_code == 404
        hold.set()
        assert one(await second.rest(), TextFinished).text == "Two."
