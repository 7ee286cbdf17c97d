"""A MariaDB server for all tests of a process, with a shop set up by `init`."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.mariadb import Server
from support.mysql_shop import make_shop, running, set_up, shop_config

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.mysql import MysqlEngine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses the server needs one on the machine; the rest of this folder runs everywhere."""
    for item in items:
        if HERE in item.path.parents and "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.mariadb)


@pytest.fixture(scope="session")
def server(mariadb_server: Server) -> Server:
    """The one server of all tests."""
    return mariadb_server


@pytest.fixture(scope="session")
def shop(server: Server, tmp_path_factory: pytest.TempPathFactory) -> DatabaseConfig:
    """The shop with its views, which tests only read."""
    make_shop(server, "shop")
    config = shop_config(server, "shop", tmp_path_factory.mktemp("shop"))
    asyncio.run(set_up(config, server))
    return config


@pytest.fixture
async def engine(shop: DatabaseConfig) -> AsyncGenerator[MysqlEngine]:
    """An engine over the shop, started."""
    async with running(shop) as started:
        yield started
