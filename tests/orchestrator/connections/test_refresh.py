"""Tokens are renewed ahead of their end; when they cannot be, the person is told, and never too early."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from support.models import ScriptedModel
from support.signing_in import accept_all, add_notes, connection, sign_in, tools_of
from support.third_party import Notes
from support.world import World

from orchestrator.connections.exchange import IssuerUnavailable
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.tokens import Held, end_connection, held_token
from orchestrator.resources import open_resources
from shared.service_tokens import Principal

ADA = Principal(subject="ada", tenant="acme", roles=frozenset({"owner"}), name="Ada")


async def listed_anew(world: World, person: str = "ada") -> bool:
    """Whether the server tells the person its tools, asked by a process that knows nothing yet."""
    async with world.orchestrator(ScriptedModel([])):
        return not (await tools_of(world.api(person)))["sign_in_needed"]


async def signed_in(world: World, notes: Notes) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        await sign_in(api)


async def shown(world: World) -> tuple[str, str]:
    async with world.orchestrator(ScriptedModel([])):
        mine = await connection(world.api())
        return mine["state"], mine["problem"]


@asynccontextmanager
async def opened(world: World, **overrides: Any) -> AsyncGenerator[ConnectionParts]:
    """A process of its own, seen from inside."""
    async with open_resources(world.make_settings(**overrides), now=world.clock) as resources:
        assert resources.connections is not None
        yield resources.connections


async def test_a_token_is_renewed_before_it_ends_and_not_before_that(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(minutes=50)
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 0
    world.clock.ahead = timedelta(minutes=59, seconds=30)
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 1
    assert notes.issuer.asked[-1]["resource"] == f"{notes.url}/mcp"
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 1


async def test_a_token_that_is_refused_before_its_time_is_renewed_once(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    notes.issuer.forget_access_tokens()
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 1


async def test_a_lost_answer_ends_nothing_while_the_token_still_holds(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    notes.issuer.loses_answers = 1
    world.clock.ahead = timedelta(minutes=59, seconds=30)
    assert await listed_anew(world)
    state, problem = await shown(world)
    assert state == "active"
    assert "could not be renewed" in problem
    # The service took the token, so it takes it for stolen when it comes again: only the person can mend that.
    world.clock.ahead = timedelta(minutes=59, seconds=50)
    await listed_anew(world)
    assert not await listed_anew(world)
    assert (await shown(world))[0] == "ended"
    assert notes.issuer.refreshes() == 2


async def test_a_service_that_is_away_for_a_while_is_asked_again(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(hours=2)
    notes.issuer.is_away = True
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        server = await tools_of(api)
        assert "could not be renewed" in server["problem"]
        assert not server["sign_in_needed"]
        assert (await connection(api))["state"] == "active"
    notes.issuer.is_away = False
    world.clock.ahead = timedelta(hours=2, seconds=10)
    assert await listed_anew(world)


async def test_tokens_are_kept_although_nobody_waits_for_them_any_more(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(hours=2)
    notes.issuer.hold = asyncio.Event()
    async with opened(world) as parts:
        waiting = asyncio.create_task(held_token(parts, "notes", ADA))
        await asyncio.wait_for(notes.issuer.held.wait(), 5)
        waiting.cancel()
        await asyncio.wait({waiting})
        notes.issuer.hold.set()
        held = await held_token(parts, "notes", ADA)
    assert held is not None
    assert held.access in notes.issuer.tokens
    assert held.generation == 2
    assert notes.issuer.refreshes() == 1


async def test_a_refusal_ends_the_connection_and_the_tools_that_were_accepted_stay_offered(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    async with world.orchestrator(ScriptedModel([])):
        await accept_all(world.api())
    notes.issuer.refuses_refresh = True
    world.clock.ahead = timedelta(hours=2)
    async with world.orchestrator(ScriptedModel([])):
        server = await tools_of(world.api())
    assert server["sign_in_needed"]
    assert {tool["state"] for tool in server["tools"]} == {"ready"}
    assert (await shown(world))[0] == "ended"
    assert notes.issuer.refreshes() == 1


async def test_nobody_waits_for_a_renewal_while_the_token_holds(world: World, notes: Notes) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(minutes=59, seconds=30)
    notes.issuer.hold = asyncio.Event()
    async with opened(world) as parts:
        held = await held_token(parts, "notes", ADA)
        await asyncio.wait_for(notes.issuer.held.wait(), 5)
        closing = asyncio.create_task(parts.settle())
        await asyncio.sleep(0)
        assert not closing.done()
        notes.issuer.hold.set()
        await closing
        after = await held_token(parts, "notes", ADA)
    assert held is not None
    assert after is not None
    assert (held.generation, after.generation) == (1, 2)


async def test_a_token_without_an_end_is_used_until_it_is_refused(
    world: World, notes: Notes
) -> None:
    notes.issuer.lifetime_s = None
    await signed_in(world, notes)
    world.clock.ahead = timedelta(days=400)
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 0
    notes.issuer.forget_access_tokens()
    assert await listed_anew(world)
    assert notes.issuer.refreshes() == 1


async def test_a_service_that_forgot_us_registers_us_anew_at_the_next_sign_in(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(hours=2)
    notes.issuer.refuses_with = "invalid_client"
    assert not await listed_anew(world)
    notes.issuer.refuses_with = None
    async with world.orchestrator(ScriptedModel([])):
        assert (await connection(world.api()))["state"] == "ended"
        await sign_in(world.api())
        assert (await connection(world.api()))["state"] == "active"
    assert len(notes.issuer.registered) == 2


async def test_a_client_of_an_admins_that_is_refused_costs_nobody_a_sign_in(
    world: World, notes: Notes
) -> None:
    async with world.orchestrator(ScriptedModel([])):
        api = world.api()
        await add_notes(api, notes)
        known = {"issuer": notes.issuer.url, "client_id": "by-hand"}
        await api.request("PUT", "/v1/servers/notes/client", json=known)
        await sign_in(api)
    world.clock.ahead = timedelta(hours=2)
    notes.issuer.refuses_with = "invalid_client"
    async with world.orchestrator(ScriptedModel([])):
        assert "administrator" in (await tools_of(world.api()))["problem"]
        assert (await connection(world.api()))["state"] == "active"
    notes.issuer.refuses_with = None
    world.clock.ahead = timedelta(hours=2, seconds=10)
    assert await listed_anew(world)


async def test_an_issuer_that_moved_inside_of_our_networks_gets_nothing_and_ends_nothing(
    world: World, notes: Notes
) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(hours=2)
    async with opened(world, reachable_networks=[]) as parts:
        with pytest.raises(IssuerUnavailable):
            await held_token(parts, "notes", ADA)
    assert notes.issuer.refreshes() == 0
    assert (await shown(world))[0] == "active"


async def test_a_sign_in_during_a_renewal_counts(world: World, notes: Notes) -> None:
    await signed_in(world, notes)
    world.clock.ahead = timedelta(hours=2)
    notes.issuer.hold = hold = asyncio.Event()
    async with opened(world) as parts:
        waiting = asyncio.create_task(held_token(parts, "notes", ADA))
        await asyncio.wait_for(notes.issuer.held.wait(), 5)
        notes.issuer.hold = None
        async with world.orchestrator(ScriptedModel([])):
            await sign_in(world.api())
        newest = list(notes.issuer.tokens)[-1]
        hold.set()
        held = await waiting
        # Neither does a refusal of the token before it.
        await end_connection(parts, "notes", ADA, Held("refused", 1, ""))
    assert held is not None
    assert (held.access, held.generation) == (newest, 2)
    assert notes.issuer.revoked == []
    assert (await shown(world))[0] == "active"
