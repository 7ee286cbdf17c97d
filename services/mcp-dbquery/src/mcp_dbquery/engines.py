"""Which engine keeps a database, by its URL. Each is imported only where it is asked for: drivers are large."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Engine
from shared.errors import BadSetup

MakeEngine = Callable[[str, DatabaseConfig, Limits], Engine]
_ENGINES = {
    "sqlite": "mcp_dbquery.sqlite.engine:SqliteEngine",
    "postgresql": "mcp_dbquery.postgres.engine:PostgresEngine",
    "postgres": "mcp_dbquery.postgres.engine:PostgresEngine",
    "mysql": "mcp_dbquery.mysql.engine:MysqlEngine",
    "mariadb": "mcp_dbquery.mysql.engine:MysqlEngine",
}
_SETUPS = {
    "postgresql": "mcp_dbquery.postgres.init",
    "postgres": "mcp_dbquery.postgres.init",
    "mysql": "mcp_dbquery.mysql.setup",
    "mariadb": "mcp_dbquery.mysql.setup",
}
"""Modules that are a Setup."""


class Setup(Protocol):
    """Prepares a database for being asked."""

    async def init_sql(self, name: str, config: DatabaseConfig, owner_url: str) -> str:
        """The SQL for login, rights and views. Raises BadSetup."""
        ...

    async def apply(self, sql: str, owner_url: str, config: DatabaseConfig) -> None:
        """Run it as the owner. Raises BadSetup."""
        ...


def open_engine(name: str, config: DatabaseConfig, limits: Limits) -> Engine:
    """The engine of a database; nothing is connected yet.

    Raises:
        BadSetup: no engine is for such a URL, or the URL names nothing that can be opened. A URL may hold a
            password, so no more than its scheme is repeated.
    """
    module, _, kind = _of_scheme(name, config.read_url(name), _ENGINES).partition(":")
    return cast("MakeEngine", getattr(_imported(name, module), kind))(name, config, limits)


def setup_of(name: str, owner_url: str) -> Setup:
    """What prepares the database that its owner reaches with this URL.

    Raises:
        BadSetup: it needs no preparation, or no engine is for such a URL.
    """
    if owner_url.startswith("sqlite:"):
        raise BadSetup(
            "An SQLite file needs no preparation; its rules are kept by each connection."
        )
    return cast("Setup", _imported(name, _of_scheme(name, owner_url, _SETUPS)))


def _of_scheme(name: str, url: str, known: dict[str, str]) -> str:
    scheme, separator, _ = url.partition(":")
    found = known.get(scheme) if separator else None
    if found is None:
        raise BadSetup(
            f"The database {name} must be given as sqlite:////absolute/path.db, postgresql://user@host/name or "
            f"mysql://user@host/name; {scheme if '://' in url else 'this'} is not supported."
        )
    return found


def _imported(name: str, module: str) -> object:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise BadSetup(
            f"The database {name} needs {error.name}, which is not installed here."
        ) from None
