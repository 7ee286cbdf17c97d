"""A tool server asks the person something: a form in the chat that needs no running process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from support.asker import LAST, NOW, SIGN_IN_URL, Asker
from support.models import ScriptedModel, calls
from support.servers import serving
from support.world import Api, Reader, World, every, one

from orchestrator.audit.canonical import digest
from orchestrator.database import Database
from orchestrator.inputs.models import InputRow
from shared.wire.events import (
    ApprovalNeeded,
    CallFinished,
    CallStarted,
    CallState,
    InputAction,
    InputAnswered,
    InputNeeded,
    OutcomeNeeded,
    TurnFinished,
)

MAIL = ("asker__send_mail", '{"to": "bob"}')
SIGN_IN = ("asker__sign_in", "{}")
FILLED_IN = {"send": True, "copies": 2, "tone": "warm"}


@asynccontextmanager
async def asker_of(world: World, speaks: str = NOW) -> AsyncGenerator[Asker]:
    asker = Asker()
    async with serving(asker.app(speaks=speaks)) as url:
        server = {"url": f"{url}/mcp", "own": speaks == NOW}
        world.settings = {**world.settings, "tool_servers": {"asker": server}}
        yield asker


@asynccontextmanager
async def asked(
    world: World, call: tuple[str, str] = MAIL
) -> AsyncGenerator[tuple[ScriptedModel, Api, Reader, InputNeeded]]:
    """An approved call whose server has asked something."""
    model = ScriptedModel([[calls(call)], ["All right."]])
    async with world.orchestrator(model):
        api = world.api()
        async with api.ask("Write to Bob") as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "approve")
            yield model, api, reader, await reader.until(InputNeeded)


async def answer(api: Api, needed: InputNeeded, action: str, content: Any = None) -> httpx.Response:
    body = {"action": action} if content is None else {"action": action, "content": content}
    return await api.request("PUT", f"/v1/inputs/{needed.input_id}", json=body)


async def test_a_form_is_filled_in_and_the_call_goes_on(world: World) -> None:
    async with asker_of(world) as asker, asked(world) as (model, api, reader, needed):
        assert (needed.server, needed.mode, needed.live) == ("asker", "form", False)
        assert needed.message == "Send the message to bob?"
        assert set(needed.answer_schema["properties"]) == {"send", "copies", "tone"}  # pyright: ignore[reportArgumentType]
        assert asker.sent == []
        assert (await answer(api, needed, "accept", FILLED_IN)).status_code == 200
        events = await reader.rest()
        audit = (await api.request("GET", "/v1/audit?kind=input_answered")).json()["rows"]
    assert asker.sent == ["bob", "bob"]
    assert one(events, InputAnswered).action is InputAction.ACCEPT
    assert [row["body"]["content_sha256"] for row in audit] == [digest(FILLED_IN)]
    assert len(every(events, CallStarted)) == 2
    assert one(events, CallFinished).state is CallState.SUCCEEDED
    assert "Sent 2 to bob, warm." in str(model.asked[1][-1]["content"])


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_saying_no_is_told_to_the_server(world: World, action: str) -> None:
    async with asker_of(world) as asker, asked(world) as (_, api, reader, needed):
        await answer(api, needed, action)
        events = await reader.rest()
    assert asker.sent == []
    assert f"Not sent: {action}" in str(one(events, CallFinished).result)


async def test_the_question_survives_a_restart_and_is_forgotten_afterwards(world: World) -> None:
    async with asker_of(world) as asker:
        async with asked(world) as (_, _, reader, needed):
            turn_id = reader.response.headers["x-turn-id"]
        async with world.orchestrator(ScriptedModel([["All right."]])):
            api = world.api()
            async with api.watch(turn_id) as reader:
                assert await reader.until(InputNeeded) == needed
                await answer(api, needed, "accept", FILLED_IN)
                await reader.until(TurnFinished)
        assert asker.sent == ["bob", "bob"]
    database = Database(world.make_settings().database_url)
    async with database.reading() as session:
        row = (await session.scalars(select(InputRow))).one()
    await database.close()
    assert (row.content, row.request_state) == (None, None)


async def test_an_address_to_open_is_shown_with_its_domain(world: World) -> None:
    async with asker_of(world), asked(world, SIGN_IN) as (_, api, reader, needed):
        assert (needed.mode, needed.url, needed.domain) == ("url", SIGN_IN_URL, "accounts.example")
        await answer(api, needed, "accept")
        events = await reader.rest()
    assert "Signed in: accept." in str(one(events, CallFinished).result)


async def test_nobody_answering_reads_as_cancelled(world: World) -> None:
    async with asker_of(world) as asker, asked(world) as (_, api, reader, needed):
        world.clock.ahead = timedelta(hours=2)
        events = await reader.rest()
        world.clock.ahead = timedelta()
        late = await answer(api, needed, "accept", FILLED_IN)
    assert one(events, InputAnswered).action is InputAction.EXPIRED
    assert asker.sent == []
    assert late.status_code == 409


async def test_a_stop_closes_the_question(world: World) -> None:
    async with asker_of(world) as asker, asked(world) as (_, api, reader, needed):
        turn_id = reader.response.headers["x-turn-id"]
        await api.request("PUT", f"/v1/turns/{turn_id}/cancellation")
        events = await reader.rest()
        assert (await answer(api, needed, "accept", FILLED_IN)).status_code == 409
    assert one(events, CallFinished).state is CallState.CANCELLED
    assert asker.sent == []


async def test_bad_answers_are_refused_and_the_question_stays(world: World) -> None:
    async with asker_of(world) as asker, asked(world) as (_, api, reader, needed):
        wrong = await answer(api, needed, "accept", {**FILLED_IN, "copies": 7})
        assert wrong.status_code == 422
        assert "copies" in wrong.json()["error"]["message"]
        assert (await answer(api, needed, "perhaps")).status_code == 422
        assert (await answer(world.api("bob"), needed, "cancel")).status_code == 404
        unknown = needed.model_copy(update={"input_id": "input_unknown"})
        assert (await answer(api, unknown, "cancel")).status_code == 404
        answers = await asyncio.gather(
            *(answer(api, needed, "accept", FILLED_IN) for _ in range(3))
        )
        await reader.rest()
    assert sorted(given.status_code for given in answers) == [200, 409, 409]
    assert asker.sent == ["bob", "bob"]


async def test_an_older_server_waits_on_its_connection(world: World) -> None:
    async with asker_of(world, LAST) as asker, asked(world) as (_, api, reader, needed):
        assert needed.live
        await answer(api, needed, "accept", FILLED_IN)
        events = await reader.rest()
    assert asker.sent == ["bob", "bob"]
    assert len(every(events, CallStarted)) == 1
    assert one(events, CallFinished).state is CallState.SUCCEEDED


async def test_an_older_servers_question_is_lost_with_its_connection(world: World) -> None:
    async with asker_of(world, LAST) as asker:
        async with asked(world) as (_, _, reader, needed):
            turn_id = reader.response.headers["x-turn-id"]
        async with world.orchestrator(ScriptedModel([["All right."]])):
            api = world.api()
            async with api.watch(turn_id) as reader:
                doubt = await reader.until(OutcomeNeeded)
                assert (await answer(api, needed, "accept", FILLED_IN)).status_code == 409
                await api.request(
                    "PUT", f"/v1/calls/{doubt.call_id}/outcome", json={"choice": "leave"}
                )
                events = await reader.rest()
    assert one(events, InputAnswered).action is InputAction.CANCEL
    assert asker.sent == []


async def test_an_answer_is_noted_once_when_its_call_was_sent_again_and_lost(world: World) -> None:
    work = ("asker__ask_and_work", '{"to": "bob"}')
    async with asker_of(world) as asker:
        async with world.orchestrator(ScriptedModel([[calls(work, SIGN_IN)]])):
            api = world.api()
            async with api.ask("Work for Bob, signed in") as reader:
                turn_id = reader.response.headers["x-turn-id"]
                for _ in range(2):
                    await api.decide((await reader.until(ApprovalNeeded)).call_id, "approve")
                asked = [await reader.until(InputNeeded) for _ in range(2)]
                (form,) = [needed for needed in asked if needed.mode == "form"]
                await answer(api, form, "accept", FILLED_IN)
                await asyncio.wait_for(asker.working.wait(), 5)
        async with world.orchestrator(ScriptedModel([["All right."]])):
            api = world.api()
            async with api.watch(turn_id) as reader:
                await reader.until(OutcomeNeeded)
                await api.stop(turn_id)
                events = await reader.rest()
    answered = [event.input_id for event in every(events, InputAnswered)]
    assert answered.count(form.input_id) == 1
