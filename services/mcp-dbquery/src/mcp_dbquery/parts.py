"""What the tools work with, put together from settings and configuration. Nothing is connected before it starts."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcp_dbquery.actions.file import Action, load_actions
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.databases import Database, Databases
from mcp_dbquery.engine import Engine
from mcp_dbquery.engines import open_engine
from mcp_dbquery.errors import BadSetup
from mcp_dbquery.library import Library
from mcp_dbquery.pages import KEY_BYTES, Cursors
from mcp_dbquery.queries import QueryRunner
from mcp_dbquery.quotas import MemoryRate, Quota, Rate, SharedRate
from mcp_dbquery.saved_queries import SavedQueries
from mcp_dbquery.schema import ValueCache
from mcp_dbquery.settings import Settings, cursor_key
from mcp_dbquery.spool import MemorySpool, RedisSpool, Spool
from shared.mcp_server import Refused, current_principal
from shared.rate_limit import RateLimit
from shared.redis_clients import command_client
from shared.service_tokens import Principal

SAVED_QUERIES_FILE = "saved-queries.db"


@dataclass(frozen=True, slots=True)
class Parts:
    """All of it."""

    databases: Databases
    queries: QueryRunner
    library: Library
    local: Principal | None = None
    """The caller when there is no token: the local user over stdio."""
    values: ValueCache = field(default_factory=ValueCache)

    def principal(self) -> Principal | None:
        return current_principal(self.local)

    def caller(self) -> Principal:
        """Raises Refused: nobody is signed in."""
        principal = self.principal()
        if principal is None:
            raise Refused("Sign in first: the request names nobody.")
        return principal


def make_parts(settings: Settings, config: Config, local: Principal | None = None) -> Parts:
    """Open what is configured.

    Raises:
        BadSetup: with the sentence to show.
    """
    ledger = _Ledgers(settings.ledger_path)
    databases = Databases(
        {
            name: _database(name, database, config.limits_of(name), settings, ledger)
            for name, database in config.databases.items()
        }
    )
    _require_distinct_actions(databases)
    library = Library(databases, _own_queries(settings))
    library.check()
    key = cursor_key(settings) or secrets.token_bytes(KEY_BYTES)
    return Parts(databases, QueryRunner(databases, _spool(settings), Cursors(key)), library, local)


@dataclass(slots=True)
class _Ledgers:
    """The one ledger of all databases, made when the first action needs it."""

    path: Path | None
    _ledger: Ledger | None = None

    def get(self, engine: Engine) -> Ledger:
        if self.path is None:
            raise BadSetup(
                "MCP_DBQUERY_LEDGER_PATH is not set; with actions there must be a ledger."
            )
        # Only a database in a file has a path.
        if getattr(engine, "path", None) == self.path.resolve():
            raise BadSetup(
                "MCP_DBQUERY_LEDGER_PATH names the database itself; give the ledger a file of its own."
            )
        self._ledger = self._ledger or Ledger(self.path)
        return self._ledger


def _database(
    name: str, config: DatabaseConfig, limits: Limits, settings: Settings, ledger: _Ledgers
) -> Database:
    declared = load_actions(config.actions_file) if config.actions_file else {}
    engine = open_engine(name, config, limits)
    runner = ActionRunner(engine, declared, ledger.get(engine)) if declared else None
    return Database(name, config, engine, Quota(limits, _rate(name, limits, settings)), runner)


def _rate(name: str, limits: Limits, settings: Settings) -> Rate:
    if settings.redis_url is None:
        return MemoryRate(limits.per_minute)
    shared = RateLimit(
        f"mcp-dbquery:{name}",
        per_minute=limits.per_minute,
        burst=limits.per_minute,
        redis_url=settings.redis_url,
    )
    return SharedRate(limits.per_minute, shared)


def _spool(settings: Settings) -> Spool:
    if settings.redis_url is None:
        return MemorySpool()
    return RedisSpool(command_client(settings.redis_url))


def _own_queries(settings: Settings) -> SavedQueries | None:
    path = settings.saved_queries_path
    if path is None and settings.ledger_path is not None:
        path = settings.ledger_path.with_name(SAVED_QUERIES_FILE)
    return None if path is None else SavedQueries(path)


def actions_of(databases: Databases) -> Mapping[str, tuple[Database, ActionRunner, Action]]:
    """Every declared action with its database, by the name of its tool."""
    return {
        name: (database, database.actions, action)
        for database in databases.by_name.values()
        if database.actions is not None
        for name, action in database.actions.actions.items()
    }


def _require_distinct_actions(databases: Databases) -> None:
    seen: dict[str, str] = {}
    for database in databases.by_name.values():
        for name in database.actions.actions if database.actions else ():
            if name in seen:
                raise BadSetup(
                    f"The action {name} is declared for {seen[name]} and for {database.name}; give one another name."
                )
            seen[name] = database.name
