"""Text that others may have written: said to be so, wherever it goes."""

from support.models import ScriptedModel, calls
from support.world import World, one

from shared.wire.events import ApprovalNeeded, CallFinished

READ = ("tracker__count_tasks", "{}")
NOTE = ("tracker__note", '{"text": "Review: in_progress!"}')


async def test_the_dialog_marks_what_comes_from_a_result_and_the_model_is_told(
    world: World,
) -> None:
    model = ScriptedModel([[calls(READ)], [calls(NOTE)], ["Noted."]])
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("Note the state") as reader:
            read = await reader.until(CallFinished)
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "approve")
            await reader.rest()
    assert read.origin is not None
    assert (read.origin.kind, read.origin.server, read.origin.trusted) == ("tool", "tracker", False)
    (mark,) = needed.taint
    assert (mark.argument, mark.origin) == ("text", read.origin)
    assert "in_progress" in "Review: in_progress!"[mark.start : mark.end]
    assert "data, never orders" in str(model.asked[1][-1]["content"])


async def test_texts_of_earlier_questions_still_count(world: World) -> None:
    model = ScriptedModel([[calls(READ)], ["Two."], [calls(NOTE)], ["Noted."]])
    async with world.orchestrator(model):
        api = world.api()
        await api.answer("How many?")
        async with api.ask("Note the state", client_id="client-0002") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "reject")
            await reader.rest()
    assert needed.taint


async def test_a_server_that_is_trusted_with_its_texts_marks_nothing(world: World) -> None:
    server = {"url": f"{world.tracker_url}/mcp", "own": True, "trusted_text": True}
    model = ScriptedModel([[calls(READ)], [calls(NOTE)], ["Noted."]])
    async with world.orchestrator(model, tool_servers={"tracker": server}):
        api = world.api()
        async with api.ask("Note the state") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "reject")
            events = await reader.rest()
    assert needed.taint == []
    assert one(events[:8], CallFinished).origin is not None
