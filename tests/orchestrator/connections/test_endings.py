"""Who leaves takes their sign-ins along: they are revoked where they were given, and gone here in any case."""

from typing import Any

import pytest
from support.models import ScriptedModel
from support.signing_in import accept_all, add_notes, connection, sign_in
from support.third_party import Notes
from support.world import Api, World

from orchestrator.connections.queries import are_of_tenant, remove_connection, take_to_end
from orchestrator.database import Database
from orchestrator.resources import open_resources
from shared.scopes import REMOVAL

END_OF_ADA = "/v1/people/ada/connections"


def remover(world: World, tenant: str = "acme") -> Api:
    """The frontend, when somebody has gone."""
    return world.api("frontend", tenant, roles=[], scope=REMOVAL)


async def state_of(api: Api) -> str:
    return (await connection(api))["state"]


async def test_somebody_who_goes_is_signed_out_everywhere_and_nobody_else(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        ada, bob, eve = world.api(), world.api("bob"), world.api("ada", tenant="other")
        await add_notes(ada, notes)
        await sign_in(ada)
        await sign_in(bob)
        theirs = (await add_notes(eve, notes)).json()["server"]
        await sign_in(eve, theirs)
        elsewhere = await remover(world, "umbrella").request("DELETE", END_OF_ADA)
        assert elsewhere.json() == {"ended": 0, "revoked": 0}
        answer = await remover(world).request("DELETE", END_OF_ADA)
        assert answer.json() == {"ended": 1, "revoked": 1}
        again = await remover(world).request("DELETE", END_OF_ADA)
        assert again.json() == {"ended": 0, "revoked": 0}
        assert await state_of(ada) == "none"
        assert await state_of(bob) == "active"
        assert (await connection(eve, theirs))["state"] == "active"
        (row,) = (await ada.request("GET", "/v1/audit?kind=disconnected")).json()["rows"]
    assert len(notes.issuer.revoked) == 2
    assert len(notes.issuer.tokens) == 2
    assert (row["body"]["by"], row["body"]["revoked"]) == ("frontend", True)


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": ["owner"]},
        {"roles": ["admin"], "scope": "chat"},
        {"roles": ["owner"], "scope": f"chat {REMOVAL}"},
    ],
)
async def test_nobody_ends_the_sign_ins_of_others_by_a_token_of_their_own(
    world: World, notes: Notes, claims: dict[str, Any]
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        await sign_in(world.api())
        refused = await world.api("bob", **claims).request("DELETE", END_OF_ADA)
        assert refused.status_code == 403
        assert await state_of(world.api()) == "active"


@pytest.mark.parametrize(("lost", "revoked"), [(1, 1), (99, 0)])
async def test_a_service_that_is_away_is_asked_twice_and_keeps_nothing_here(
    world: World, notes: Notes, lost: int, revoked: int
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        await sign_in(world.api())
        notes.issuer.revocations_lost = lost
        answer = await remover(world).request("DELETE", END_OF_ADA)
        assert answer.json() == {"ended": 1, "revoked": revoked}
        assert await state_of(world.api()) == "none"


async def test_an_organisation_that_ends_is_signed_out_everywhere(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        await sign_in(world.api())
        await sign_in(world.api("bob"))
        answers = [await remover(world).request("DELETE", "/v1/tenant") for _ in range(3)]
    assert [answer.json()["done"] for answer in answers] == [False, True, True]
    assert len(notes.issuer.revoked) == 4
    assert notes.issuer.tokens == {}


async def test_what_a_process_that_died_had_begun_to_end_is_ended(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        await add_notes(world.api(), notes)
        await sign_in(world.api())
        await accept_all(world.api())
    database = Database(world.make_settings().database_url)
    async with database.writing() as session:
        await take_to_end(session, are_of_tenant("acme"), world.clock())
    await database.close()
    assert notes.issuer.revoked == []
    async with world.orchestrator(ScriptedModel([])):
        await notes.issuer.forgot.wait()
        assert await state_of(world.api()) == "none"
    assert len(notes.issuer.revoked) == 2


async def test_who_signs_in_again_while_the_old_one_ends_stays_signed_in(
    world: World, notes: Notes
) -> None:
    async with (
        world.orchestrator(ScriptedModel([])),
        open_resources(world.make_settings(), now=world.clock) as resources,
    ):
        api, database = world.api(), resources.parts.database
        await add_notes(api, notes)
        await sign_in(api)
        async with database.writing() as session:
            (ending,) = await take_to_end(session, are_of_tenant("acme"), world.clock())
        assert await state_of(api) == "none"
        await sign_in(api)
        async with database.writing() as session:
            assert not await remove_connection(session, ending)
        assert await state_of(api) == "active"
