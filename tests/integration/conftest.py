"""Real services: a database of the PostgreSQL for a test, and a Valkey."""

from collections.abc import Generator

import psycopg
import pytest
from sqlalchemy import make_url
from support.valkey import valkey as running_valkey


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """A database of this test's own."""
    name = f"t{abs(hash(request.node.nodeid))}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return make_url(postgres_server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def valkey() -> Generator[str]:
    with running_valkey() as server:
        yield server.url
