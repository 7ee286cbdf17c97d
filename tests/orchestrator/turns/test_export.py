"""Export: a conversation as a file, in Markdown for people and in JSON with everything."""

import asyncio
from urllib.parse import unquote

import pytest
from support.models import ScriptedModel, calls
from support.world import World

from orchestrator.models.port import ModelKeyRefused
from shared.wire.events import ApprovalNeeded, TextDelta

PATH = "/v1/conversations/conversation-1"


async def test_markdown_tells_the_shown_path_with_calls_decisions_and_results(
    world: World,
) -> None:
    write = calls(("tracker__set_status", '{"task_id": 42, "status": "done"}'))
    read = calls(("tracker__count_tasks", "{}"))
    model = ScriptedModel([["Old."], [read], ["I will.", write], ["Done."]])
    async with world.orchestrator(model):
        api = world.api()
        first = await api.turn("Set *task 42* to done", "client-0001")
        async with api.ask("Close task 42", client_id="client-0002", replaces=first) as reader:
            needed = await reader.until(ApprovalNeeded)
            await api.decide(needed.call_id, "approve", arguments={"task_id": 43, "status": "done"})
            await reader.rest()
        answer = await api.request("GET", f"{PATH}/export?format=markdown")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    text = answer.text
    assert text.startswith("# Set \\*task 42\\* to done\n")
    assert "Old." not in text
    assert "one of 2 versions" in text
    places = [
        text.index(words)
        for words in (
            "**Ada** (",
            "Close task 42",
            "**Assistant**",
            "`tracker` · `count_tasks`): succeeded",
            "Result: 2 rows",
            "I will.",
            "`tracker` · `set_status`): approved by Ada, with changed task\\_id, succeeded",
            '>   "task_id": 43',
            "Done.",
        )
    ]
    assert places == sorted(places)


async def test_json_has_every_version_and_whole_results(world: World) -> None:
    read = calls(("tracker__count_tasks", "{}"), ("tracker__broken", "{}"))
    async with world.orchestrator(ScriptedModel([["Old."], ["Let me see.", read], ["Two."]])):
        api = world.api()
        first = await api.turn("How many?", "client-0001")
        edited = await api.turn("How many tasks?", "client-0002", replaces=first)
        answer = await api.request("GET", f"{PATH}/export?format=json")
    exported = answer.json()
    assert (exported["format"], exported["version"]) == ("steward.conversation", 1)
    old, new = exported["turns"]
    assert (old["turn_id"], old["shown"], old["answer"]) == (first, False, "Old.")
    assert (new["turn_id"], new["shown"]) == (edited, True)
    assert old["parent_turn_id"] is new["parent_turn_id"] is None
    assert new["answer"] == "Let me see.\n\nTwo."
    count, broken = new["calls"]
    assert count["result"]["row_count"] == 2
    assert broken["state"] == "failed"
    assert broken["error"]["message"].startswith("The index is missing")


async def test_markdown_says_how_unanswered_questions_ended(world: World) -> None:
    never = asyncio.Event()
    refused = ModelKeyRefused("The key was *refused*.")
    async with world.orchestrator(ScriptedModel([[refused], ["So ", never]])):
        api = world.api()
        await api.turn("First", "client-0001")
        async with api.ask("Second", client_id="client-0002") as reader:
            await reader.until(TextDelta)
            going = (await api.request("GET", f"{PATH}/export")).text
            await api.stop(reader.response.headers["x-turn-id"])
            await reader.rest()
        over = (await api.request("GET", f"{PATH}/export")).text
    assert "*This answer failed. The key was \\*refused\\*.*" in over
    assert "*This answer was not finished at the time of export.*" in going
    assert "So\n\n*This answer was stopped.*" in over


@pytest.mark.parametrize(
    ("title", "plain", "full"),
    [
        ("Release planning", "Release planning", "Release planning"),
        ("Über 5 €: Größe / Maß?", "Uber 5 Groe Ma", "Über 5 € Größe Maß"),
        ("../../etc/passwd", "etc passwd", "etc passwd"),
        ('a"; filename="b.exe', "a filename b.exe", "a ; filename= b.exe"),
        ("東京の天気", "conversation", "東京の天気"),
        ("gnp.\u202eexe\u0000", "gnp.exe", "gnp.exe"),
        ("x" * 120, "x" * 80, "x" * 80),
        ("...", "conversation", "conversation"),
    ],
)
async def test_the_file_is_named_after_the_title_and_safe(
    world: World, title: str, plain: str, full: str
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        renamed = await api.request("PATCH", PATH, json={"title": title})
        assert renamed.status_code == 200
        answer = await api.request("GET", f"{PATH}/export?format=json")
    disposition = answer.headers["content-disposition"]
    kind, ascii_name, utf8_name = disposition.split("; ", 2)
    assert kind == "attachment"
    assert ascii_name == f'filename="{plain}.json"'
    assert unquote(utf8_name.removeprefix("filename*=UTF-8''")) == f"{full}.json"
    assert disposition.isascii()


async def test_unknown_formats_and_others_conversations_are_refused(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        unknown = await world.api().request("GET", f"{PATH}/export?format=docx")
        foreign = await world.api("eve").request("GET", f"{PATH}/export?format=json")
        absent = await world.api().request("GET", "/v1/conversations/nothing-here/export")
    assert unknown.status_code == 422
    assert "'markdown' or 'json'" in unknown.json()["error"]["message"]
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.text == absent.text
