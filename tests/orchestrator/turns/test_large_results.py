"""What is too large for an event: kept whole beside it."""

from support.models import ScriptedModel, calls
from support.world import World, every, one

from shared.wire.events import CallFinished, CallProposed, TextFinished, Verdict

MAX_EVENT_BYTES = 80_000


async def test_a_large_result_is_cut_in_its_event_and_kept_whole_beside_it(world: World) -> None:
    model = ScriptedModel([[calls(("tracker__list_all", '{"rows": 2000}'))], ["Many."]])
    async with world.orchestrator(model):
        api = world.api()
        events = await api.answer("List them all")
        end = one(events, CallFinished)
        path = f"/v1/calls/{end.call_id}/result"
        whole = await api.request("GET", path)
        others = await world.api("bob").request("GET", path)
        await api.request("DELETE", "/v1/conversations/conversation-1")
        gone = await api.request("GET", path)
    assert len(end.model_dump_json()) < MAX_EVENT_BYTES
    assert (end.rows, end.truncated) == (2_000, True)
    assert end.whole_bytes == len(whole.content)
    assert len(whole.json()["rows"]) == 2_000
    assert "attachment" in whole.headers["Content-Disposition"]
    assert (others.status_code, gone.status_code) == (404, 404)


async def test_rows_that_come_as_objects_are_cut_and_counted_like_others(world: World) -> None:
    few, many = (("tracker__list_records", f'{{"rows": {rows}}}') for rows in (0, 2_000))
    model = ScriptedModel([[calls(few, many)], ["Many."]])
    async with world.orchestrator(model):
        ends = every(await world.api().answer("List them all"), CallFinished)
    none, cut = sorted(ends, key=lambda end: end.rows or 0)
    assert (none.rows, none.truncated, none.whole_bytes) == (0, False, None)
    assert len(cut.model_dump_json()) < MAX_EVENT_BYTES
    assert (cut.rows, cut.truncated, cut.whole_bytes is None) == (2_000, True, False)
    assert isinstance(cut.result, dict)
    assert cut.result["records"]


async def test_a_result_that_fits_is_in_its_event_alone(world: World) -> None:
    model = ScriptedModel([[calls(("tracker__list_all", '{"rows": 2}'))], ["Two."]])
    async with world.orchestrator(model):
        api = world.api()
        end = one(await api.answer("List them all"), CallFinished)
        absent = await api.request("GET", f"/v1/calls/{end.call_id}/result")
    assert end.whole_bytes is None
    assert absent.status_code == 404


async def test_what_a_model_sends_too_much_of_is_not_kept(world: World) -> None:
    huge = ("tracker__note", '{"text": "%s"}' % ("x" * 300_000))
    model = ScriptedModel([[calls(huge)], ["y" * 1_000_000]])
    async with world.orchestrator(model, max_reply_characters=10_000):
        events = await world.api().answer("Note it")
    proposed = one(events, CallProposed)
    assert (proposed.verdict, proposed.rule) == (Verdict.REFUSE, "arguments_do_not_fit")
    assert proposed.arguments == {}
    assert len(one(events, TextFinished).text) == 10_000
