"""A migrated database of the test's own, for chains without a running orchestrator."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.audit import opened

from orchestrator.database import Database


@pytest.fixture
def database_url(tmp_path: Path, migrated: Path) -> str:
    shutil.copy(migrated, tmp_path / "audit.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'audit.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    async with opened(database_url) as database:
        yield database
