"""A real PostgreSQL with a shop of two tenants, set up by `init` once and cloned for the tests that change it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from support.shop import Shop, limits

from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.postgres.init import apply, init_sql

HERE = Path(__file__).parent
LOGIN = "mcp_reader"


@pytest.fixture(scope="session")
def template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop as `init` leaves it. Nobody connects to it again: it is cloned."""
    key_file = tmp_path_factory.mktemp("key") / "context.key"
    shop = _shop(postgres_server, "shop_template", key_file)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop_template")
    shop.run((HERE / "shop.sql").read_text())
    asyncio.run(_init(shop))
    return shop


@pytest.fixture(scope="session")
def clone(postgres_server: str, template: Shop) -> Callable[[], Shop]:
    """Makes a copy of the shop."""
    numbers = count(1)

    def make() -> Shop:
        name = f"shop_{next(numbers)}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE shop_template".encode())
        return _shop(postgres_server, name, template.key_file)

    return make


@pytest.fixture(scope="session")
def shop(clone: Callable[[], Shop]) -> Shop:
    """A copy for tests that change nothing."""
    return clone()


@pytest.fixture
async def engine(shop: Shop) -> AsyncGenerator[PostgresEngine]:
    engine = PostgresEngine("shop", shop.config(), limits(timeout_s=2))
    await engine.start()
    yield engine
    await engine.close()


def _shop(postgres_server: str, name: str, key_file: Path) -> Shop:
    owner = make_url(postgres_server).set(database=name)
    reader = owner.set(username=LOGIN, password="read-only-please")
    return Shop(
        owner.render_as_string(hide_password=False),
        reader.render_as_string(hide_password=False),
        key_file,
    )


async def _init(shop: Shop) -> None:
    sql = await init_sql("shop", shop.config(), shop.owner_url)
    await apply(sql, shop.owner_url, shop.config())
