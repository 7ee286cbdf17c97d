"""Temporary conversations: in no list, in no search, not to be shared, and gone after a day."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

from support.models import ScriptedModel, calls
from support.world import Api, World, one

from shared.wire.events import ApprovalNeeded, Outcome, TurnFinished

PATH = "/v1/conversations/conversation-2"


async def make_temporary(api: Api) -> None:
    made = await api.request("PUT", PATH, json={"temporary": True})
    assert (made.status_code, made.json()["temporary"]) == (201, True)


async def until_gone(api: Api, path: str = PATH) -> None:
    """Wait for the sweep."""
    async with asyncio.timeout(5):
        while (await api.request("GET", path)).status_code != 404:
            pass


async def test_a_temporary_conversation_is_answered_but_neither_listed_nor_found(
    world: World,
) -> None:
    async with world.orchestrator(ScriptedModel([["A whispered answer."]])):
        api = world.api()
        await make_temporary(api)
        await api.answer("A whispered question", conversation_id="conversation-2")
        detail = (await api.request("GET", PATH)).json()
        listed = (await api.request("GET", "/v1/conversations")).json()["conversations"]
        found = (await api.request("GET", "/v1/search?q=whispered")).json()["hits"]
    assert (detail["temporary"], len(detail["turns"])) == (True, 1)
    assert [conversation["conversation_id"] for conversation in listed] == ["conversation-1"]
    assert found == []


async def test_it_is_deleted_a_day_after_its_last_activity(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["One."], ["Two."]])):
        api = world.api(lifetime_s=1_000_000)
        await make_temporary(api)
        await api.answer("First", conversation_id="conversation-2")
        world.clock.ahead = timedelta(hours=20)
        await api.answer("Second", "client-0002", conversation_id="conversation-2")
        world.clock.ahead = timedelta(hours=40)
        await api.request("PUT", "/v1/conversations/conversation-3", json={"temporary": True})
        assert (await api.request("GET", PATH)).status_code == 200
        world.clock.ahead = timedelta(hours=45)
        await until_gone(api)
        kept = [
            (await api.request("GET", f"/v1/conversations/conversation-{n}")).status_code
            for n in (1, 3)
        ]
    assert kept == [200, 200]


async def test_it_is_kept_while_something_goes_on_and_what_was_done_stays_on_record(
    world: World,
) -> None:
    proposed = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    model = ScriptedModel([[proposed], ["Done."]])
    async with world.orchestrator(model, approval_lifetime_s=1_000_000):
        api = world.api()
        await make_temporary(api)
        await api.request("PUT", "/v1/conversations/conversation-3", json={"temporary": True})
        async with api.ask("Set task 42 to done", "conversation-2") as reader:
            needed = await reader.until(ApprovalNeeded)
            world.clock.ahead = timedelta(days=2)
            await until_gone(api, "/v1/conversations/conversation-3")
            assert (await api.decide(needed.call_id, "approve")).status_code == 200
            assert one(await reader.rest(), TurnFinished).outcome is Outcome.ANSWERED
        world.clock.ahead = timedelta(days=4)
        await until_gone(api)
    with closing(sqlite3.connect(world.directory / "assistant.db")) as database:
        rows = database.execute("SELECT call_id, state FROM tool_calls").fetchall()
        decisions = database.execute("SELECT state FROM approvals").fetchall()
        left = database.execute("SELECT count(*) FROM turn_events").fetchone()
    assert rows == [(needed.call_id, "succeeded")]
    assert decisions == [("approved",)]
    assert left == (0,)


async def test_it_is_deleted_at_once_on_request(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await make_temporary(api)
        assert (await api.request("DELETE", PATH)).status_code == 204
        assert (await api.request("GET", PATH)).status_code == 404


async def test_whether_it_is_temporary_is_said_once(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await make_temporary(api)
        again = await api.request("PUT", PATH, json={"temporary": False})
        lasting = await api.request("PUT", "/v1/conversations/conversation-1", json={})
        wrong = await api.request("PUT", PATH, json={"temporary": "perhaps"})
        unknown = await api.request("PUT", PATH, json={"secret": True})
    assert (again.status_code, again.json()["temporary"]) == (200, True)
    assert (lasting.status_code, lasting.json()["temporary"]) == (200, False)
    assert (wrong.status_code, unknown.status_code) == (422, 422)
