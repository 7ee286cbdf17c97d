"""Databases of jobs are made once: making one takes longer than most tests."""

import asyncio
import shutil
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from support.forking import Forks
from support.taking_in import knowledge_base


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server that was started and stopped leaves."""
    folder = tmp_path_factory.mktemp("made")

    async def start_and_stop() -> None:
        async with knowledge_base(folder):
            pass

    asyncio.run(start_and_stop())
    return folder


@pytest.fixture(scope="session")
def servers() -> Generator[Forks]:
    """Forked from one process, which has imported everything once."""
    servers = Forks(Path(__file__).with_name("one_server.py"))
    yield servers
    servers.close()


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Of a knowledge base of this test's own, with nothing in it."""
    return shutil.copytree(made, tmp_path / "base")


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> str:
    """Address of an empty PostgreSQL."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE ingestion")
    return make_url(postgres_server).set(database="ingestion").render_as_string(hide_password=False)
