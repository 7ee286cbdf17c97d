"""Three replicas find the same token run out at once: one of them asks for another, and all go on with it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from support.models import ScriptedModel
from support.servers import serving
from support.signing_in import LOOPBACK, PUBLIC_URL, SECRET, add_notes, sign_in, tools_of
from support.third_party import Notes, third_party
from support.world import Api, World, make_world

from orchestrator.app import create_app

pytestmark = pytest.mark.postgres

REPLICAS = 3


@pytest.fixture
async def world(tmp_path: Path, assistant_url: str) -> AsyncGenerator[World]:
    async with make_world(tmp_path) as world:
        (tmp_path / "secret").write_text(SECRET)
        world.settings = {
            "database_url": assistant_url,
            "secret_file": tmp_path / "secret",
            "public_url": PUBLIC_URL,
            "reachable_networks": LOOPBACK,
            "tool_servers": {},
        }
        yield world


@pytest.fixture
async def notes() -> AsyncGenerator[Notes]:
    async with third_party() as notes:
        yield notes


async def replicas(world: World, stack: AsyncExitStack) -> list[Api]:
    """Ada's way to each of them."""
    found: list[Api] = []
    for _ in range(REPLICAS):
        app = create_app(world.make_settings(), model=ScriptedModel([]), now=world.clock)
        world.url = await stack.enter_async_context(serving(app))
        found.append(world.api())
    return found


async def test_three_replicas_renew_a_token_once(world: World, notes: Notes) -> None:
    async with AsyncExitStack() as stack:
        apis = await replicas(world, stack)
        await add_notes(apis[0], notes)
        await sign_in(apis[0])
        world.clock.ahead = timedelta(hours=2)
        # A list is kept for each set of roles, so that every one of these asks the server.
        tokens = [world.api(roles=["owner", role]).token for role in ("admin", "member", "support")]
        listed = await asyncio.gather(
            *(tools_of(Api(api.url, token, api.http)) for api in apis for token in tokens)
        )
    assert notes.issuer.refreshes() == 1
    assert not any(server["sign_in_needed"] or server["problem"] for server in listed)
    assert len(listed) == REPLICAS * len(tokens)
