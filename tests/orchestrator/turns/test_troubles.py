"""What goes wrong around a turn: each trouble gets a clear state, and the conversation goes on."""

import asyncio

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.world import World, every, one

from orchestrator.models.port import ModelKeyRefused, ReplyCut
from shared.wire.events import (
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallStarted,
    CallState,
    Notice,
    Outcome,
    TextDelta,
    TextDropped,
    TextFinished,
    TurnFinished,
    Verdict,
)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (("tracker__fly", "{}"), "unknown_tool"),
        (("tracker__preview_set_status", '{"task_id": 1, "status": "done"}'), "unknown_tool"),
        (("tracker__set_status", '{"task_id": '), "arguments_not_json"),
        (("tracker__set_status", '["task_id"]'), "arguments_not_json"),
        (("tracker__set_status", '{"task_id": 42}'), "arguments_do_not_fit"),
        (("tracker__set_status", '{"task_id": 42, "status": "gone"}'), "arguments_do_not_fit"),
    ],
)
async def test_a_call_that_cannot_be_is_refused_and_the_model_is_told_why(
    world: World, call: tuple[str, str], rule: str
) -> None:
    model = ScriptedModel([[calls(call)], ["I see."]])
    async with world.orchestrator(model):
        events = await world.api().answer("Do it")
    proposed = one(events, CallProposed)
    assert (proposed.verdict, proposed.rule) == (Verdict.REFUSE, rule)
    assert one(events, CallFinished).state is CallState.REFUSED
    assert '"status":"refused"' in str(model.asked[1][-1]["content"])
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert world.tracker.writes == []


async def test_a_visitor_cannot_change_anything(world: World) -> None:
    call = ("tracker__set_status", '{"task_id": 42, "status": "done"}')
    async with world.orchestrator(ScriptedModel([[calls(call)], ["I may not."]])):
        visitor = world.api("vera", roles=["visitor"])
        await visitor.request("PUT", "/v1/conversations/conversation-2")
        async with visitor.ask("Do it", "conversation-2") as reader:
            events = await reader.rest()
    assert one(events, CallProposed).rule == "role_may_not_change"
    assert world.tracker.writes == []


async def test_tool_errors_reach_the_model_in_the_tools_words_and_bugs_do_not(world: World) -> None:
    model = ScriptedModel([[calls(("tracker__broken", "{}"), ("tracker__crash", "{}"))], ["Hm."]])
    async with world.orchestrator(model):
        events = await world.api().answer("Try")
    broken, crashed = sorted(every(events, CallFinished), key=lambda e: "index" not in str(e.error))
    assert broken.error is not None
    assert broken.error.message == "The index is missing. Try count_tasks instead."
    assert crashed.state is CallState.FAILED
    assert "secret-connection-string" not in str(events)


async def test_a_model_that_loops_is_ended(world: World) -> None:
    reads = [[calls(("tracker__count_tasks", "{}"))] for _ in range(10)]
    async with world.orchestrator(ScriptedModel([*reads]), max_model_replies=3):
        events = await world.api().answer("Count for ever")
    finished = one(events, TurnFinished)
    assert finished.error is not None
    assert finished.error.code == "too_many_steps"
    assert len(every(events, CallFinished)) == 3


async def test_a_turn_makes_no_more_calls_than_allowed(world: World) -> None:
    many = calls(*[("tracker__count_tasks", "{}")] * 5)
    async with world.orchestrator(ScriptedModel([[many], ["Enough."]]), max_calls=2):
        events = await world.api().answer("Count five times")
    states = [event.state for event in every(events, CallFinished)]
    assert sorted(states) == ["refused"] * 3 + ["succeeded"] * 2


async def test_a_reply_that_breaks_off_is_taken_back_and_asked_again(world: World) -> None:
    model = ScriptedModel([["It is ", ReplyCut("cut")], ["It is noon."]])
    async with world.orchestrator(model):
        events = await world.api().answer("What time is it?")
    dropped = one(events, TextDropped)
    assert dropped.first == every(events, TextDelta)[0].n
    assert one(events, TextFinished).text == "It is noon."
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_refused_key_says_where_to_look_and_the_conversation_goes_on(world: World) -> None:
    refused = ModelKeyRefused("The model provider refused the key (401). Check OPENAI_API_KEY.")
    async with world.orchestrator(ScriptedModel([[refused], ["Hello."]])):
        first = await world.api().answer("Hello")
        second = await world.api().answer("Hello again", client_id="client-0002")
    error = one(first, TurnFinished).error
    assert error is not None
    assert "OPENAI_API_KEY" in error.message
    assert one(second, TurnFinished).outcome is Outcome.ANSWERED


async def test_a_tool_server_that_is_down_is_named_and_the_answer_comes(world: World) -> None:
    down = {"tracker": {"url": "http://127.0.0.1:9/mcp", "own": True}}
    model = ScriptedModel([["I cannot look it up."]])
    async with world.orchestrator(model, tool_servers=down):
        events = await world.api().answer("How many tasks?")
    assert one(events, Notice).code == "tool_server_unavailable"
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED
    assert "Not available right now: tracker" in str(model.asked[0][0]["content"])


async def test_a_notice_is_given_once_though_the_reply_is_asked_for_again(world: World) -> None:
    model = ScriptedModel([["It is ", ReplyCut("Cut.")], ["It is noon."]])
    absent = {"absent": {"url": "http://127.0.0.1:9/mcp"}}
    async with world.orchestrator(model, tool_servers=absent):
        events = await world.api().answer("What time is it?")
    assert one(events, TextFinished).text == "It is noon."
    assert one(events, Notice).code == "tool_server_unavailable"


async def test_words_are_seen_as_they_come_although_something_was_noted_before(
    world: World,
) -> None:
    down = {"tracker": {"url": "http://127.0.0.1:9/mcp", "own": True}}
    hold = asyncio.Event()
    model = ScriptedModel([["One ", hold, "two."]])
    async with (
        world.orchestrator(model, tool_servers=down) as running,
        running.api().ask("Count") as reader,
    ):
        assert (await reader.until(TextDelta)).text == "One "
        hold.set()
        events = await reader.rest()
    numbers = [(event.first, event.n) for event in events]
    assert numbers[:3] == [(1, 1), (2, 2), (3, 3)]


async def test_a_tool_server_that_answers_garbage_is_named(world: World) -> None:
    garbage = {"tracker": {"url": f"{world.jwks_url}", "own": True}}
    async with world.orchestrator(ScriptedModel([["No tools today."]]), tool_servers=garbage):
        events = await world.api().answer("How many tasks?")
    assert one(events, Notice).level == "warning"
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_stop_keeps_what_was_said(world: World) -> None:
    hold = asyncio.Event()
    async with world.orchestrator(ScriptedModel([["It is ", hold, "noon."]])):
        api = world.api()
        async with api.ask("What time is it?") as reader:
            await reader.until(TextDelta)
            turn_id = reader.response.headers["x-turn-id"]
            assert (
                await api.request("PUT", f"/v1/turns/{turn_id}/cancellation")
            ).status_code == 202
            events = await reader.rest()
    assert one(events, TextFinished).text == "It is "
    assert one(events, TurnFinished).outcome is Outcome.STOPPED


@pytest.mark.parametrize(
    ("tool", "state"),
    [("tracker__slow", CallState.CANCELLED), ("tracker__slow_write", CallState.OUTCOME_UNKNOWN)],
)
async def test_stop_cancels_the_tool_on_its_server_and_says_what_may_have_been_done(
    world: World, tool: str, state: CallState
) -> None:
    async with world.orchestrator(ScriptedModel([[calls((tool, "{}"))]])):
        api = world.api()
        async with api.ask("Go") as reader:
            if tool == "tracker__slow_write":
                needed = await reader.until(ApprovalNeeded)
                await api.decide(needed.call_id, "approve")
            await reader.until(CallStarted)
            await asyncio.wait_for(world.tracker.held.wait(), 5)
            turn_id = reader.response.headers["x-turn-id"]
            await api.request("PUT", f"/v1/turns/{turn_id}/cancellation")
            events = await reader.rest()
    assert one(events, CallFinished).state is state
    await asyncio.wait_for(world.tracker.cancelled.wait(), 5)


async def test_the_same_client_id_joins_the_same_turn(world: World) -> None:
    model = ScriptedModel([["Once."]])
    async with world.orchestrator(model):
        first = await world.api().answer("Hello")
        again = await world.api().answer("Hello")
    assert [e.n for e in again] == [e.n for e in first if e.kind != "text_delta"]
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("x" * 200_000, "200,000 characters"),
        ("\x00\x01\x02\x03" * 50, "binary"),
    ],
    ids=["empty", "blank", "too long", "binary"],
)
async def test_what_is_no_question_is_refused_in_words(world: World, text: str, words: str) -> None:
    async with world.orchestrator(ScriptedModel([])):
        answer = await world.api().request(
            "POST",
            "/v1/conversations/conversation-1/turns",
            json={"client_id": "client-0001", "text": text},
        )
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


async def test_any_event_number_replays_to_the_same_end(world: World) -> None:
    model = ScriptedModel(
        [["Let me see. ", calls(("tracker__count_tasks", "{}"))], ["Two ", "tasks."]]
    )
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("How many?") as reader:
            live = await reader.rest()
            turn_id = reader.response.headers["x-turn-id"]
        for after in range(live[-1].n):
            async with api.watch(turn_id, after) as reader:
                replayed = await reader.rest()
            applied = after
            for event in replayed:
                assert event.first <= applied + 1 <= event.n
                applied = event.n
            assert applied == live[-1].n


async def test_tokens_that_are_not_for_us_open_nothing(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        tokens = {
            "another audience": world.api(audience="dbquery"),
            "expired": world.api(lifetime_s=-60),
            "garbage": world.api(),
        }
        tokens["garbage"].token = "a.b.c"
        answers = {
            name: await api.request("GET", "/v1/conversations") for name, api in tokens.items()
        }
        async with httpx.AsyncClient() as http:
            answers["none"] = await http.get(f"{world.url}/v1/conversations")
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(
        answers, 401
    )


async def test_nothing_of_one_person_is_reachable_by_another(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["Secret."]])):
        api = world.api()
        async with api.ask("Tell me") as reader:
            await reader.rest()
            turn_id = reader.response.headers["x-turn-id"]
        requests = [
            ("GET", "/v1/conversations/conversation-1"),
            ("PUT", "/v1/conversations/conversation-1"),
            ("DELETE", "/v1/conversations/conversation-1"),
            ("GET", f"/v1/turns/{turn_id}"),
            ("GET", f"/v1/turns/{turn_id}/events"),
            ("PUT", f"/v1/turns/{turn_id}/cancellation"),
        ]
        for stranger in (world.api("eve"), world.api("ada", tenant="other")):
            for method, path in requests:
                assert (await stranger.request(method, path)).status_code == 404, (method, path)
            listed = await stranger.request("GET", "/v1/conversations")
            assert listed.json()["conversations"] == []
