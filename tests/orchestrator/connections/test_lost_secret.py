"""A secret is changed by putting a new one before it; one that is gone costs a sign-in, and never an error of ours."""

import pytest
from support.models import ScriptedModel
from support.signing_in import SECRET, add_notes, begin, connection, go, sign_in, tools_of
from support.third_party import Notes
from support.world import Api, World

OTHER = "another secret of a test, as long as the first one"


def keep(world: World, *secrets: str) -> None:
    (world.directory / "secret").write_text("\n".join(secrets))


async def connect(world: World, notes: Notes, *, by_hand: bool = False) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        if by_hand:
            await register(api, notes)
        await sign_in(api)


async def register(api: Api, notes: Notes) -> None:
    known = {"issuer": notes.issuer.url, "client_id": "by-hand", "client_secret": "told once"}
    kept = await api.request("PUT", "/v1/servers/notes/client", json=known)
    assert kept.status_code == 204


async def test_what_an_older_secret_has_sealed_is_still_read(world: World, notes: Notes) -> None:
    await connect(world, notes)
    keep(world, OTHER, SECRET)
    async with world.orchestrator(ScriptedModel([])):
        assert not (await tools_of(world.api()))["sign_in_needed"]
        assert (await connection(world.api()))["state"] == "active"


async def test_tokens_that_cannot_be_read_want_another_sign_in(world: World, notes: Notes) -> None:
    await connect(world, notes)
    keep(world, OTHER)
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        assert (await tools_of(api))["sign_in_needed"]
        shown = await connection(api)
        assert (shown["state"], shown["renews"]) == ("ended", False)
        assert "cannot read" in shown["problem"]
        await sign_in(api)
        assert (await connection(api))["state"] == "active"


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_client_secret_that_cannot_be_read_is_asked_for_again(
    world: World, notes: Notes, *, by_hand: bool
) -> None:
    notes.issuer.says = {"token_endpoint_auth_methods_supported": ["client_secret_basic"]}
    notes.issuer.gives_secret = True
    await connect(world, notes, by_hand=by_hand)
    keep(world, OTHER)
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        begun = await begin(api)
        if by_hand:
            assert begun.status_code == 502
            assert "client secret" in begun.json()["error"]["message"]
            await register(api, notes)
        await sign_in(api)
        assert (await connection(api))["state"] == "active"
        registered = len(notes.issuer.registered)
    assert registered == (0 if by_hand else 2)


async def test_what_cannot_be_read_can_be_disconnected(world: World, notes: Notes) -> None:
    await connect(world, notes, by_hand=True)
    keep(world, OTHER)
    async with world.orchestrator(ScriptedModel([])):
        answer = await world.api().request("DELETE", "/v1/connections/notes")
    assert answer.json() == {"revoked": False}


async def test_a_sign_in_under_way_is_begun_again(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        journey = await go(world.api())
    keep(world, OTHER)
    async with world.orchestrator(ScriptedModel([])):
        answer = await journey.finish(world.api())
    assert answer.json()["error"]["code"] == "sign_in_mixed_up"
