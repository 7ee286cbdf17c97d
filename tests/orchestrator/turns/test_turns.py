"""A turn from question to end, through the API."""

from support.models import ScriptedModel, calls
from support.world import World, one

from orchestrator.models.port import ReplyEnd
from shared.wire.events import (
    ApprovalDecided,
    ApprovalNeeded,
    CallFinished,
    CallProgress,
    CallState,
    Outcome,
    TextFinished,
    TurnFinished,
    TurnStarted,
)


async def test_an_answer_arrives_as_text_and_is_stored_whole(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["It is ", "noon.", ReplyEnd(output_tokens=4)]])):
        events = await world.api().answer("What time is it?")
    kinds = [event.kind for event in events]
    assert kinds == [
        "turn_started",
        "text_delta",
        "text_delta",
        "text_finished",
        "usage",
        "turn_finished",
    ]
    finished = one(events, TextFinished)
    assert (finished.text, finished.first, finished.n) == ("It is noon.", 2, 4)
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_read_runs_without_asking_and_its_table_reaches_the_model(world: World) -> None:
    model = ScriptedModel([[calls(("tracker__count_tasks", "{}"))], ["Two tasks."]])
    async with world.orchestrator(model):
        events = await world.api().answer("How many tasks?")
    finished = one(events, CallFinished)
    assert (finished.state, finished.rows) == (CallState.SUCCEEDED, 2)
    assert '"in_progress"' in str(model.asked[1][-1]["content"])
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_write_waits_for_a_yes_and_runs_once_with_the_edited_arguments(
    world: World,
) -> None:
    proposed = ("tracker__set_status", '{"task_id": 42, "status": "done"}')
    model = ScriptedModel([[calls(proposed)], ["Done."]])
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("Set task 42 to done") as reader:
            needed = await reader.until(ApprovalNeeded)
            assert needed.preview is not None
            assert needed.preview.changes[0].old == "in_progress"
            assert world.tracker.writes == []
            answer = await api.decide(
                needed.call_id, "approve", arguments={"task_id": 43, "status": "done"}
            )
            assert answer.status_code == 200
            events = await reader.rest()
    assert [write[:2] for write in world.tracker.writes] == [(43, "done")]
    assert world.tracker.writes[0][2]
    assert one(events, ApprovalDecided).edited == ["task_id"]
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_turn_whose_tool_told_its_progress_replays_from_every_number(world: World) -> None:
    world.tracker.hold.set()
    model = ScriptedModel([["I look.", calls(("tracker__slow", "{}"))], ["Done."]])
    async with world.orchestrator(model):
        asked = await world.api().answer("Take your time")
        turn_id = one(asked, TurnStarted).turn_id
        assert one(asked, CallProgress).message == "half way"
        for seen in range(asked[-1].n):
            applied = seen
            async with world.api().watch(turn_id, after=seen) as watching:
                for event in await watching.rest():
                    assert event.first <= applied + 1 <= event.n
                    applied = event.n
            assert applied == asked[-1].n
