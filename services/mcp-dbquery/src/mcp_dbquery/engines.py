"""Which engine keeps a database, by its URL. Each is imported only where it is asked for: drivers are large."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Engine
from mcp_dbquery.errors import BadSetup

MakeEngine = Callable[[str, DatabaseConfig, Limits], Engine]
_ENGINES = {
    "sqlite": "mcp_dbquery.sqlite.engine:SqliteEngine",
    "postgresql": "mcp_dbquery.postgres.engine:PostgresEngine",
    "postgres": "mcp_dbquery.postgres.engine:PostgresEngine",
    "mysql": "mcp_dbquery.mysql.engine:MysqlEngine",
    "mariadb": "mcp_dbquery.mysql.engine:MysqlEngine",
}
_SETUPS = {
    "postgresql": "mcp_dbquery.postgres.setup",
    "postgres": "mcp_dbquery.postgres.setup",
    "mysql": "mcp_dbquery.mysql.setup",
    "mariadb": "mcp_dbquery.mysql.setup",
}
"""Modules with `init_sql(name, config, owner_url)` and `apply(sql, owner_url)`."""


def open_engine(name: str, config: DatabaseConfig, limits: Limits) -> Engine:
    """The engine of a database; nothing is connected yet.

    Raises:
        BadSetup: no engine is for such a URL, or the URL names nothing that can be opened. A URL may hold a
            password, so no more than its scheme is repeated.
    """
    module, _, kind = _of_scheme(name, config.read_url(name), _ENGINES).partition(":")
    return cast("MakeEngine", getattr(_imported(name, module), kind))(name, config, limits)


def init_sql(name: str, config: DatabaseConfig, owner_url: str) -> str:
    """The SQL that prepares a database for being asked: login, rights, views. For its owner to review.

    Raises:
        BadSetup: the database needs none, or it cannot be made.
    """
    make = getattr(_setup(name, owner_url), "init_sql")  # noqa: B009 - the module is chosen at run time
    return cast("Callable[[str, DatabaseConfig, str], str]", make)(name, config, owner_url)


def apply_sql(name: str, sql: str, owner_url: str) -> None:
    """Run that SQL as the owner. Raises BadSetup: the database refused it; nothing is half done."""
    apply = getattr(_setup(name, owner_url), "apply")  # noqa: B009 - the module is chosen at run time
    cast("Callable[[str, str], None]", apply)(sql, owner_url)


def _setup(name: str, owner_url: str) -> object:
    if owner_url.startswith("sqlite:"):
        raise BadSetup(
            "An SQLite file needs no preparation; its rules are kept by each connection."
        )
    return _imported(name, _of_scheme(name, owner_url, _SETUPS))


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
