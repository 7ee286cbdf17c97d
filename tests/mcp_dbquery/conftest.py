"""The server over the sample database, through the real protocol in memory."""

import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import psycopg
import pytest
from support.dbquery import Desk, open_desk
from support.mariadb import Server, mariadb
from support.tool_calls import in_one_task

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


@pytest.fixture(scope="session")
def mariadb_server() -> Generator[Server]:
    """Started once; each test that changes something makes a database of its own in it."""
    with mariadb() as started:
        yield started


@pytest.fixture
def postgres_store_url(postgres_server: str) -> str:
    """A PostgreSQL database with nothing in it. One for all tests: making one takes longer than most of them."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres_server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store, on each of the databases that can be one."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return request.getfixturevalue("postgres_store_url")
