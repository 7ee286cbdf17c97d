"""The store over each engine, empty."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

TEMPLATE = "knowledge_template"


@pytest.fixture(scope="session")
def template(postgres_server: str) -> str:
    """The name of a database with an empty store, to be copied."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}".encode())

    async def start_and_stop() -> None:
        store = open_store(_address(postgres_server, TEMPLATE))
        await store.start()
        await store.close()

    asyncio.run(start_and_stop())
    return TEMPLATE


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """Of a store of this test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/knowledge.db"
        return
    template: str = request.getfixturevalue("template")
    server: str = request.getfixturevalue("postgres_server")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE store TEMPLATE {template}".encode())
        yield _address(server, "store")
        connection.execute("DROP DATABASE store WITH (FORCE)")


@pytest.fixture
async def store(store_url: str) -> AsyncGenerator[SqlStore]:
    opened = open_store(store_url)
    await opened.start()
    yield opened
    await opened.close()


def _address(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)
