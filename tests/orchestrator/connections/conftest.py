"""Somebody else's tool server and sign-in service beside each test's world."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.signing_in import LOOPBACK, PUBLIC_URL, SECRET
from support.third_party import Notes, third_party
from support.world import World


@pytest.fixture
async def notes(world: World, tmp_path: Path) -> AsyncGenerator[Notes]:
    (tmp_path / "secret").write_text(SECRET)
    world.settings = {
        "secret_file": tmp_path / "secret",
        "public_url": PUBLIC_URL,
        "reachable_networks": LOOPBACK,
        "tool_servers": {},
    }
    async with third_party() as notes:
        yield notes
