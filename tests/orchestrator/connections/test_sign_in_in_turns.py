"""A call that needs a sign-in waits for it, in rows, and goes on by itself."""

from datetime import timedelta

import pytest
from support.models import ScriptedModel, calls
from support.signing_in import accept_all, add_notes, connection, go, sign_in, tools_of
from support.third_party import Notes
from support.world import Api, Reader, World, every, one

from orchestrator.connections.sign_in import Callback, finish
from orchestrator.resources import open_resources
from shared.service_tokens import Principal
from shared.wire.events import (
    ApprovalNeeded,
    CallFinished,
    CallProposed,
    CallStarted,
    CallState,
    InputAction,
    InputAnswered,
    InputNeeded,
    Outcome,
    TurnFinished,
)

ADA = Principal(subject="ada", tenant="acme", roles=frozenset({"owner"}), name="Ada")
LIST = ("notes__list_notes", "{}")
WRITE = ("notes__write_note", '{"text": "Milk"}')


async def looked_at(api: Api, notes: Notes) -> None:
    """The server is added, and its tools are switched on; nobody is signed in any more."""
    await add_notes(api, notes)
    await sign_in(api)
    await accept_all(api)
    await api.request("DELETE", "/v1/connections/notes")


async def until_sign_in(api: Api, reader: Reader) -> InputNeeded:
    """Third parties' tools ask first, whatever they say of themselves."""
    needed = await reader.until(ApprovalNeeded)
    await api.decide(needed.call_id, "approve")
    return await reader.until(InputNeeded)


async def test_a_call_waits_for_the_sign_in_and_goes_on_by_itself(
    world: World, notes: Notes
) -> None:
    model = ScriptedModel([[calls(WRITE)], ["Done."]])
    async with world.orchestrator(model):
        api = world.api()
        await looked_at(api, notes)
        notes.issuer.scopes_granted = "notes:read notes:write"
        async with api.ask("Write milk down") as reader:
            needed = await until_sign_in(api, reader)
            assert (needed.mode, needed.server, needed.domain) == ("sign_in", "notes", "127.0.0.1")
            assert "sign in" in needed.message
            assert notes.written == []
            signed_in = await sign_in(api)
            assert signed_in.json() == {"server": "notes", "turns": 1}
            events = await reader.rest()
    assert notes.written == ["Milk"]
    assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert one(events, TurnFinished).outcome is Outcome.ANSWERED


async def test_the_wait_survives_a_restart_and_the_turn_goes_on_elsewhere(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([[calls(LIST)]])):
        api = world.api()
        await looked_at(api, notes)
        async with api.ask("What is there?") as reader:
            needed = await until_sign_in(api, reader)
            turn_id = reader.response.headers["x-turn-id"]
        journey = await go(api)
    async with world.orchestrator(ScriptedModel([["Nothing."]])):
        api = world.api()
        async with api.watch(turn_id) as reader:
            assert await reader.until(InputNeeded) == needed
            assert (await journey.finish(api)).status_code == 200
            events = await reader.rest()
    assert one(events, CallFinished).state is CallState.SUCCEEDED


@pytest.mark.parametrize(
    ("action", "state"), [("decline", CallState.REJECTED), ("cancel", CallState.REJECTED)]
)
async def test_a_declined_sign_in_ends_the_call_and_the_model_is_told(
    world: World, notes: Notes, action: str, state: CallState
) -> None:
    model = ScriptedModel([[calls(WRITE)], ["Then not."]])
    async with world.orchestrator(model):
        api = world.api()
        await looked_at(api, notes)
        async with api.ask("Write milk down") as reader:
            needed = await until_sign_in(api, reader)
            path = f"/v1/inputs/{needed.input_id}"
            early = await api.request("PUT", path, json={"action": "accept"})
            assert early.status_code == 422
            await api.request("PUT", path, json={"action": action})
            events = await reader.rest()
        assert (await sign_in(api)).json()["turns"] == 0
    assert one(events, CallFinished).state is state
    assert "did not sign in" in str(model.asked[1][-1]["content"])
    assert len(every(events, CallStarted)) == 1
    assert notes.written == []


async def test_nobody_signing_in_ends_the_call_after_its_time(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([[calls(LIST)], ["Then not."]])):
        api = world.api()
        await looked_at(api, notes)
        async with api.ask("What is there?") as reader:
            await until_sign_in(api, reader)
            world.clock.ahead = timedelta(hours=2)
            events = await reader.rest()
    assert one(events, InputAnswered).action is InputAction.EXPIRED
    assert one(events, CallFinished).state is CallState.EXPIRED


async def test_a_sign_in_that_runs_out_in_the_midst_is_asked_for_again(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([[calls(LIST)], ["Nothing."]])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        await accept_all(api)
        async with api.ask("What is there?") as reader:
            needed = await reader.until(ApprovalNeeded)
            notes.issuer.forget_access_tokens()
            notes.issuer.refuses_refresh = True
            await api.decide(needed.call_id, "approve")
            await reader.until(InputNeeded)
            assert (await connection(api))["state"] == "ended"
            await sign_in(api)
            events = await reader.rest()
        refused = (await api.request("GET", "/v1/audit?kind=connection_refresh_refused")).json()
    assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert [row["body"]["error"] for row in refused["rows"]] == ["invalid_grant"]


async def test_more_rights_are_asked_for_together_with_those_that_are_held(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([[calls(WRITE)], ["Done."]])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        await accept_all(api)
        assert (await connection(api))["scopes"] == ["notes:read"]
        async with api.ask("Write milk down") as reader:
            needed = await until_sign_in(api, reader)
            assert "more rights" in needed.message
            journey = await go(api)
            assert set(journey.asked["scope"].split()) == {"notes:read", "notes:write"}
            await journey.finish(api)
            events = await reader.rest()
    assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert notes.written == ["Milk"]


async def test_a_server_that_is_never_content_is_given_up(world: World, notes: Notes) -> None:
    notes.refuses_all_rights = True
    async with world.orchestrator(ScriptedModel([[calls(WRITE)], ["It did not work."]])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)
        await accept_all(api)
        async with api.ask("Write milk down") as reader:
            await until_sign_in(api, reader)
            await sign_in(api)
            for _ in range(2):
                await reader.until(InputNeeded)
                await sign_in(api)
            events = await reader.rest()
    error = one(events, CallFinished).error
    assert error is not None
    assert error.code == "sign_in_did_not_help"
    assert len(every(events, CallStarted)) == 4
    assert notes.written == []


async def test_a_sign_in_of_somebody_else_does_not_help(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([[calls(LIST)], ["Nothing."]])):
        api, bob = world.api(), world.api("bob", roles=["member"])
        await looked_at(api, notes)
        notes.readers.clear()
        async with api.ask("What is there?") as reader:
            await until_sign_in(api, reader)
            notes.issuer.account = "bob@notes.example"
            assert (await sign_in(bob)).json()["turns"] == 0
            assert (await connection(api))["state"] == "wanted"
            assert notes.readers == []
            notes.issuer.account = "ada@notes.example"
            await sign_in(api)
            await reader.rest()
    assert set(notes.readers) == {"ada@notes.example"}


async def test_a_tool_that_nobody_has_looked_at_is_off(world: World, notes: Notes) -> None:
    model = ScriptedModel([[calls(LIST)], ["It is off."], [calls(LIST)], ["Fine."]])
    async with world.orchestrator(model):
        api = world.api()
        await add_notes(api, notes)
        assert (await tools_of(api))["sign_in_needed"] is True
        await sign_in(api)
        listed = await tools_of(api)
        assert {tool["state"] for tool in listed["tools"]} == {"new"}
        assert not any(tool["read_only"] for tool in listed["tools"])  # its own word does not count
        refused = await api.answer("What is there?", client_id="client-0001")
        assert one(refused, CallProposed).rule == "not_looked_at"
        assert model.tools[0] == []
        await accept_all(api)
        assert {tool["state"] for tool in (await tools_of(api))["tools"]} == {"ready"}
    notes.describe("Lists notes, and sends them to everybody.")
    async with world.orchestrator(model):
        states = {tool["tool"]: tool["state"] for tool in (await tools_of(world.api()))["tools"]}
        refused = await world.api().answer("And now?", client_id="client-0002")
    assert states == {"list_notes": "changed", "write_note": "ready"}
    assert one(refused, CallProposed).rule == "definition_changed"


async def test_one_sign_in_wakes_every_turn_that_waits_and_none_that_was_stopped(
    world: World, notes: Notes
) -> None:
    ask = [calls(LIST)]
    model = ScriptedModel([ask, ask, ask, ["Nothing."], ["Nothing."]])
    async with world.orchestrator(model):
        api = world.api()
        await looked_at(api, notes)
        for number in (2, 3):
            await api.request("PUT", f"/v1/conversations/conversation-{number}")
        asked = [
            api.ask("What is there?", f"conversation-{number}", f"client-000{number}")
            for number in (1, 2, 3)
        ]
        async with asked[0] as first, asked[1] as second, asked[2] as stopped:
            for reader in (first, second, stopped):
                await until_sign_in(api, reader)
            await api.stop(stopped.response.headers["x-turn-id"])
            await stopped.rest()
            assert (await sign_in(api)).json()["turns"] == 2
            for reader in (first, second):
                events = await reader.rest()
                assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert one(stopped.events, CallFinished).state is CallState.CANCELLED


async def test_a_turn_goes_on_although_the_process_that_took_the_sign_in_up_has_died(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([[calls(LIST)], ["Nothing."]])):
        api = world.api()
        await looked_at(api, notes)
        async with api.ask("What is there?") as reader:
            await until_sign_in(api, reader)
            back = (await go(api)).brought_back
            async with open_resources(world.make_settings(), now=world.clock) as another:
                assert another.connections is not None
                callback = Callback(back["state"], back["code"], issuer=back["iss"])
                await finish(another.connections, ADA, callback)
            world.clock.ahead = timedelta(seconds=10)
            events = await reader.rest()
    assert one(events, CallFinished).state is CallState.SUCCEEDED
