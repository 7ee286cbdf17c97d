"""Real services: a database of the PostgreSQL for a test, and a Valkey."""

from collections.abc import Generator

import psycopg
import pytest
from sqlalchemy import make_url
from support.valkey import valkey as running_valkey

from orchestrator.migrations import upgrade

MIGRATED = "migrated"


def add_database(server: str, name: str, template: str, driver: str = "postgresql") -> str:
    """Its address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    url = make_url(server).set(database=name, drivername=driver)
    return url.render_as_string(hide_password=False)


@pytest.fixture
def database_name(request: pytest.FixtureRequest) -> str:
    return f"t{abs(hash(request.node.nodeid))}"


@pytest.fixture
def postgres_url(postgres_server: str, database_name: str) -> str:
    """An empty database of this test's own."""
    return add_database(postgres_server, database_name, "template1")


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> str:
    """The name of a database with the orchestrator's tables, to be copied."""
    upgrade(add_database(postgres_server, MIGRATED, "template1", "postgresql+asyncpg"))
    return MIGRATED


@pytest.fixture
def assistant_url(postgres_server: str, migrated: str, database_name: str) -> str:
    """A database of this test's own, with the orchestrator's tables."""
    return add_database(postgres_server, database_name, migrated, "postgresql+asyncpg")


@pytest.fixture(scope="session")
def valkey() -> Generator[str]:
    with running_valkey() as server:
        yield server.url
