"""The server over the sample database, through the real protocol in memory."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.dbquery import Desk, in_one_task, open_desk

from mcp_dbquery.sample.make import SAMPLE_ACTIONS, make_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample database, made once."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    make_sample(path)
    return path


@pytest.fixture
async def desk(sample: Path, tmp_path: Path) -> AsyncGenerator[Desk]:
    """A server of this test's own, with the sample's actions, called by a member."""
    shutil.copy(sample, tmp_path / "sample.db")
    async with in_one_task(open_desk(tmp_path, SAMPLE_ACTIONS, roles=["member"])) as desk:
        yield desk
