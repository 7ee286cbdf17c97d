"""Keeping a succeeded call under a name: whose, which, by which tool, and what is recorded of it."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from support.library import Library
from support.models import ScriptedModel, calls
from support.servers import serving
from support.world import Api, World, every, one

from shared.wire.events import ApprovalNeeded, CallFinished, CallProposed

WISH = {"name": "book_search", "title": " Books about moss "}
MOSS = ("library__search", '{"words": "moss"}')


@asynccontextmanager
async def asked(
    world: World,
    library: Library,
    *wanted: tuple[str, str],
) -> AsyncGenerator[tuple[Api, list[CallProposed]]]:
    """Somebody who has asked, and the calls that were made for the answer."""
    model = ScriptedModel([[calls(*wanted)], ["There."]])
    async with serving(library.app()) as url:
        servers = {"library": {"url": f"{url}/mcp", "own": True}}
        async with world.orchestrator(model, tool_servers=servers):
            api = world.api()
            events = await api.answer("What is there?")
            yield api, every(events, CallProposed)


async def keep(api: Api, call_id: str, **changes: object) -> httpx.Response:
    return await api.request("PUT", f"/v1/calls/{call_id}/kept", json={**WISH, **changes})


async def test_a_succeeded_call_is_kept_with_the_arguments_it_was_sent_with(world: World) -> None:
    library = Library()
    async with asked(world, library, MOSS) as (api, (call,)):
        answer = await keep(api, call.call_id)
        audit = (await api.request("GET", "/v1/audit")).json()["rows"]
    assert call.keepable
    assert answer.status_code == 200
    assert answer.json() == {
        "call_id": call.call_id,
        "name": "book_search",
        "text": "Kept as book_search: Books about moss.",
    }
    assert library.shelf == {"book_search": {"words": "moss"}}
    ended, sent = audit[0], audit[1]
    assert (ended["kind"], sent["kind"]) == ("keep_ended", "keep_sent")
    assert (sent["person_id"], sent["call_id"]) == ("ada", call.call_id)
    expected = {"tool": "search", "companion": "keep_search", "name": "book_search"}
    assert expected.items() <= sent["body"].items()
    assert ended["body"]["error"] is None


async def test_the_same_wish_again_is_harmless_and_another_finds_the_name_taken(
    world: World,
) -> None:
    library = Library()
    async with asked(world, library, MOSS, ("library__search", '{"words": "fern"}')) as (
        api,
        (moss, fern),
    ):
        answers = [await keep(api, moss.call_id), await keep(api, moss.call_id)]
        taken = await keep(api, fern.call_id)
        audit = (await api.request("GET", "/v1/audit")).json()["rows"]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert taken.status_code == 409
    assert taken.json()["error"]["code"] == "conflict"
    assert "There is a search called book_search already." in taken.json()["error"]["message"]
    assert library.shelf == {"book_search": {"words": "moss"}}
    assert audit[0]["body"]["error"] == "conflict"


async def test_somebody_elses_call_is_like_none_and_a_deleted_one_is_gone(world: World) -> None:
    library = Library()
    async with asked(world, library, MOSS) as (api, (call,)):
        theirs = await keep(world.api("bob"), call.call_id)
        other_tenant = await keep(world.api("ada", tenant="other"), call.call_id)
        nobodys = await keep(api, "call_none")
        await api.request("DELETE", "/v1/conversations/conversation-1")
        gone = await keep(api, call.call_id)
    assert theirs.json() == other_tenant.json() == nobodys.json()
    statuses = [answer.status_code for answer in (theirs, other_tenant, nobodys, gone)]
    assert statuses == [404, 404, 404, 404]
    assert library.shelf == {}


async def test_what_failed_or_cannot_be_kept_is_not(world: World) -> None:
    library = Library()
    wanted = (("library__search", '{"words": "nothing"}'), ("library__count_books", "{}"))
    async with asked(world, library, *wanted) as (api, (failed, counted)):
        answers = [await keep(api, call.call_id) for call in (failed, counted)]
    assert [call.keepable for call in (failed, counted)] == [True, False]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert library.shelf == {}


async def test_a_wish_that_does_not_fit_is_told_so_and_goes_nowhere(world: World) -> None:
    library = Library()
    wrong: list[dict[str, object]] = [
        {"name": "Books"},
        {"name": "1st"},
        {"name": "ab"},
        {"name": "a" * 42},
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 121},
        {"arguments": {"words": "fern"}},
    ]
    async with asked(world, library, MOSS) as (api, (call,)):
        answers = [await keep(api, call.call_id, **changes) for changes in wrong]
    assert {answer.status_code for answer in answers} == {422}
    assert library.shelf == {}


async def test_the_servers_own_refusal_reaches_the_person(world: World) -> None:
    async with asked(world, Library(), MOSS) as (api, (call,)):
        answer = await keep(api, call.call_id, name="bad_name")
    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "Not a name for a search."


async def test_only_our_own_servers_hidden_companions_are_used(world: World) -> None:
    visible = Library(is_hidden=False)
    async with asked(world, visible, MOSS) as (api, (call,)):
        in_sight = await keep(api, call.call_id)
    assert in_sight.status_code == 409
    assert visible.shelf == {}


async def test_a_foreign_servers_tool_offers_nothing(world: World) -> None:
    library = Library()
    async with serving(library.app()) as url:
        model = ScriptedModel([[calls(MOSS)], ["There."]])
        servers = {"library": {"url": f"{url}/mcp", "own": False}}
        async with world.orchestrator(model, tool_servers=servers):
            api = world.api()
            async with api.ask("What is there?") as reader:
                call = await reader.until(CallProposed)
                await reader.until(ApprovalNeeded)
                await api.decide(call.call_id, "approve")
                end = one(await reader.rest(), CallFinished)
            answer = await keep(api, call.call_id)
    assert (call.keepable, end.state) == (False, "succeeded")
    assert answer.status_code == 409
    assert library.shelf == {}


async def test_the_model_is_not_offered_the_companion(world: World) -> None:
    model = ScriptedModel([["Hello."]])
    async with serving(Library().app()) as url:
        servers = {"library": {"url": f"{url}/mcp", "own": True}}
        async with world.orchestrator(model, tool_servers=servers):
            await world.api().answer("Hello")
    assert "keep_search" not in json.dumps([tool.name for tool in model.tools[0]])


async def test_a_rule_of_the_policy_outweighs_the_click(world: World) -> None:
    library = Library()
    async with asked(world, library, MOSS) as (_, (call,)):
        visitor = await keep(world.api("ada", roles=["visitor"]), call.call_id)
    assert visitor.status_code == 403
    assert "Your role may look things up, but not change them." in visitor.text
    assert library.shelf == {}


async def test_a_companion_that_has_changed_is_not_called(world: World) -> None:
    library = Library()
    async with asked(world, library, MOSS) as (_, (call,)):
        pass
    changed = Library(is_hidden=True, description="Keep a search for ever.")
    async with serving(changed.app()) as url:
        servers = {"library": {"url": f"{url}/mcp", "own": True}}
        async with world.orchestrator(ScriptedModel([]), tool_servers=servers):
            answer = await keep(world.api(), call.call_id)
    assert answer.status_code == 409
    assert "has changed" in answer.text
    assert changed.shelf == {}
