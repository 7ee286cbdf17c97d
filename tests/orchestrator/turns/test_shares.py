"""Share links: they show a conversation as it was, to whoever has them, until they are withdrawn."""

import asyncio
from typing import Any

import httpx
import pytest
from support.models import ScriptedModel, calls
from support.world import Api, World

from shared.wire.events import TextDelta

PATH = "/v1/conversations/conversation-1"


async def share(api: Api) -> dict[str, Any]:
    answer = await api.request("PUT", f"{PATH}/share")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(api: Api, token: str) -> list[tuple[str, str]]:
    answer = await api.request("GET", f"/v1/shared/{token}")
    assert answer.status_code == 200, answer.text
    return [(message["role"], message["text"]) for message in answer.json()["messages"]]


def visitor(world: World) -> Api:
    """The frontend, in the name of somebody it does not know."""
    return world.api("stranger", tenant="public", roles=["visitor"], name="")


async def test_whoever_has_the_link_reads_questions_and_answers_only(world: World) -> None:
    count = calls(("tracker__count_tasks", "{}"))
    model = ScriptedModel([["Let me see.", count], ["Two tasks."]])
    async with world.orchestrator(model):
        api = world.api()
        await api.turn("How many tasks?", "client-0001")
        link = await share(api)
        answer = await visitor(world).request("GET", f"/v1/shared/{link['token']}")
    assert link["turns"] == 1
    assert len(link["token"]) >= 43
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["title"] == "How many tasks?"
    assert [(m["role"], m["text"]) for m in answer.json()["messages"]] == [
        ("person", "How many tasks?"),
        ("assistant", "Let me see.\n\nTwo tasks."),
    ]
    assert "count_tasks" not in answer.text
    assert "in_progress" not in answer.text


async def test_what_comes_later_is_not_shown_until_shared_again_under_the_same_link(
    world: World,
) -> None:
    async with world.orchestrator(ScriptedModel([["One."], ["Two."], ["Other."]])):
        api = world.api()
        first = await api.turn("First", "client-0001")
        link = await share(api)
        await api.turn("Second", "client-0002")
        before = await shown(visitor(world), link["token"])
        again = await share(api)
        after = await shown(visitor(world), link["token"])
        await api.turn("First, better", "client-0003", replaces=first)
        still = await shown(visitor(world), link["token"])
        known = (await api.request("GET", f"{PATH}/share")).json()
    assert before == [("person", "First"), ("assistant", "One.")]
    assert again["token"] == link["token"]
    assert after == [*before, ("person", "Second"), ("assistant", "Two.")]
    assert still == after
    assert known == again
    assert again["turns"] == 2


async def test_what_is_being_answered_is_left_out(world: World) -> None:
    hold = asyncio.Event()
    async with world.orchestrator(ScriptedModel([["One."], ["Two, ", hold, "or three."]])):
        api = world.api()
        await api.turn("First", "client-0001")
        async with api.ask("Second", client_id="client-0002") as reader:
            await reader.until(TextDelta)
            link = await share(api)
            hold.set()
            await reader.rest()
        messages = await shown(api, link["token"])
    assert messages == [("person", "First"), ("assistant", "One.")]


async def test_a_withdrawn_link_reads_like_one_that_never_was(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["One."]])):
        api = world.api()
        await api.turn("First", "client-0001")
        link = await share(api)
        withdrawn = [await api.request("DELETE", f"{PATH}/share") for _ in range(2)]
        answers = [
            await visitor(world).request("GET", f"/v1/shared/{token}")
            for token in (link["token"], "A" * 43, "x", "%00", "x" * 5_000)
        ]
        none = await api.request("GET", f"{PATH}/share")
        new = await share(api)
    assert [answer.status_code for answer in withdrawn] == [204, 204]
    assert {(answer.status_code, answer.text) for answer in answers} == {
        (404, answers[0].text),
    }
    assert none.status_code == 404
    assert new["token"] != link["token"]


async def test_deleting_the_conversation_withdraws_its_link(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["One."]])):
        api = world.api()
        await api.turn("First", "client-0001")
        link = await share(api)
        await api.request("DELETE", PATH)
        gone = await api.request("GET", f"/v1/shared/{link['token']}")
    assert gone.status_code == 404


async def test_a_temporary_or_empty_conversation_cannot_be_shared(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["One."]])):
        api = world.api()
        empty = await api.request("PUT", f"{PATH}/share")
        await api.request("PUT", "/v1/conversations/conversation-2", json={"temporary": True})
        await api.turn("First", "client-0001", conversation_id="conversation-2")
        temporary = await api.request("PUT", "/v1/conversations/conversation-2/share")
    assert (empty.status_code, temporary.status_code) == (409, 409)
    assert "nothing to share" in empty.json()["error"]["message"]
    assert "temporary" in temporary.json()["error"]["message"]


async def test_only_its_owner_shares_sees_and_withdraws_a_link(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["One."]])):
        api = world.api()
        await api.turn("First", "client-0001")
        link = await share(api)
        for stranger in (world.api("eve"), world.api("ada", tenant="other")):
            for method in ("PUT", "GET", "DELETE"):
                assert (await stranger.request(method, f"{PATH}/share")).status_code == 404
        async with httpx.AsyncClient() as http:
            nobody = await http.get(f"{world.url}/v1/shared/{link['token']}")
        assert await shown(api, link["token"])
    assert nobody.status_code == 401


async def test_the_links_token_is_not_logged(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world.orchestrator(ScriptedModel([["One."]])):
        api = world.api()
        await api.turn("First", "client-0001")
        link = await share(api)
        await shown(visitor(world), link["token"])
    logged = capsys.readouterr().out
    assert "/v1/shared/" in logged
    assert link["token"] not in logged
