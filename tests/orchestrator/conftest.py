"""A world for each test: a migrated database, a tool server and somebody who signs tokens."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.world import World, make_world

from orchestrator.migrations import upgrade


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "assistant.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
async def world(tmp_path: Path, migrated: Path) -> AsyncGenerator[World]:
    shutil.copy(migrated, tmp_path / "assistant.db")
    async with make_world(tmp_path) as world:
        yield world
