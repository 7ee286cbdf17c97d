"""Conversations over the API: made, listed, renamed, deleted."""

import httpx
from support.models import ScriptedModel
from support.world import World


async def test_a_conversation_gets_its_first_questions_words_as_title(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["Noon."]])):
        api = world.api()
        await api.answer("What time is it? I have to catch a train.")
        listed = (await api.request("GET", "/v1/conversations")).json()["conversations"]
    assert [conversation["title"] for conversation in listed] == ["What time is it?"]


async def test_making_one_twice_gives_the_same(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        first = await api.request("PUT", "/v1/conversations/conversation-9")
        again = await api.request("PUT", "/v1/conversations/conversation-9")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()


async def test_pages_of_the_list_hold_everything_once(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        made = {f"conversation-{number}" for number in range(1, 8)}
        for conversation_id in sorted(made):
            await api.request("PUT", f"/v1/conversations/{conversation_id}")
        found: list[str] = []
        before: str | None = ""
        while before is not None:
            page = await api.request(
                "GET", f"/v1/conversations?limit=3{f'&before={before}' if before else ''}"
            )
            found += [c["conversation_id"] for c in page.json()["conversations"]]
            before = page.json()["next_before"]
    assert sorted(found) == sorted(made)


async def test_renaming_and_deleting(world: World) -> None:
    async with world.orchestrator(ScriptedModel([["Noon."]])):
        api = world.api()
        await api.answer("What time is it?")
        path = "/v1/conversations/conversation-1"
        renamed = await api.request("PATCH", path, json={"title": "  Train   times "})
        blank = await api.request("PATCH", path, json={"title": "  "})
        unknown = await api.request("PATCH", path, json={"title": "x", "owner": "eve"})
        deleted = await api.request("DELETE", path)
        gone = await api.request("GET", path)
    assert renamed.json()["title"] == "Train times"
    assert (blank.status_code, unknown.status_code) == (422, 422)
    assert (deleted.status_code, gone.status_code) == (204, 404)


async def test_a_broken_cursor_and_unknown_paths_are_named(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        cursor = await api.request("GET", "/v1/conversations?before=nonsense")
        path = await api.request("GET", "/v1/nothing")
        body = await api.request("POST", "/v1/conversations/c/turns", content=b"not json")
    assert "cursor" in cursor.json()["error"]["message"]
    assert (path.status_code, path.json()["error"]["code"]) == (404, "not_found")
    assert body.status_code == 422


async def test_health_metrics_keys_and_docs_answer_without_a_token(world: World) -> None:
    async with world.orchestrator(ScriptedModel([])), httpx.AsyncClient() as http:
        ready = await http.get(f"{world.url}/ready")
        assert ready.json() == {"status": "ready", "checks": {"database": "ok", "stream": "ok"}}
        assert (await http.get(f"{world.url}/live")).status_code == 200
        assert "orchestrator_turns_running" in (await http.get(f"{world.url}/metrics")).text
        (key,) = (await http.get(f"{world.url}/.well-known/jwks.json")).json()["keys"]
        assert "d" not in key
        described = (await http.get(f"{world.url}/openapi.json")).json()
    question = described["components"]["schemas"]["Question"]["properties"]["text"]
    assert question["examples"] == ["How many open tasks does each project have?"]
