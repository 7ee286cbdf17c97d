"""What the tools work with, put together from settings and configuration. Nothing is connected before it starts."""

import secrets
from dataclasses import dataclass, field

from mcp_dbquery.actions.file import load_actions
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.databases import Database, Databases
from mcp_dbquery.engine import Engine
from mcp_dbquery.engines import open_engine
from mcp_dbquery.library import Library
from mcp_dbquery.pages import KEY_BYTES, Cursors
from mcp_dbquery.queries import QueryRunner
from mcp_dbquery.quotas import LocalRate, Quota, Rate, SharedRate
from mcp_dbquery.schema import ValueCache
from mcp_dbquery.settings import Settings, cursor_key
from mcp_dbquery.spool import MemorySpool, RedisSpool, Spool
from mcp_dbquery.store import Store, open_store, sqlite_path_of
from shared.errors import BadSetup
from shared.local_rate_limit import LocalRateLimit
from shared.mcp_server import current_principal, signed_in
from shared.rate_limit import RateLimit
from shared.redis_clients import command_client
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Parts:
    """All of it."""

    databases: Databases
    queries: QueryRunner
    library: Library
    local: Principal | None = None
    """The caller when there is no token: the local user over stdio."""
    values: ValueCache = field(default_factory=ValueCache)

    async def start(self) -> None:
        """Open the databases; once. Raises BadSetup."""
        await self.databases.start()

    async def close(self) -> None:
        """End all that runs and let connections go."""
        await self.databases.close()
        await self.queries.spool.close()

    async def problems(self) -> dict[str, str | None]:
        """What the server cannot work without → why it does not work right now."""
        return await self.databases.problems() | {"pages": await self.queries.spool.problem()}

    async def remove_tenant(self, tenant: str) -> bool:
        """Forget all that is kept of a tenant; results that are kept for their next pages end by themselves.

        Always True: nothing is left. Raises StoreAway.
        """
        if self.library.store is not None:
            await self.library.store.remove_tenant(tenant)
        return True

    def principal(self) -> Principal | None:
        return current_principal(self.local)

    def caller(self) -> Principal:
        """Raises Refused: nobody is signed in."""
        return signed_in(self.principal())


def make_parts(settings: Settings, config: Config, local: Principal | None = None) -> Parts:
    """Open what is configured.

    Raises:
        BadSetup: with the sentence to show.
    """
    store = None if settings.store_url is None else open_store(settings.store_url)
    databases = Databases(
        {
            name: _database(name, database, config.limits_of(name), settings, store)
            for name, database in config.databases.items()
        },
        store,
    )
    library = Library(databases, store)
    library.check()
    key = cursor_key(settings) or secrets.token_bytes(KEY_BYTES)
    return Parts(databases, QueryRunner(databases, _spool(settings), Cursors(key)), library, local)


def _database(
    name: str, config: DatabaseConfig, limits: Limits, settings: Settings, store: Store | None
) -> Database:
    engine = open_engine(name, config, limits)
    runner = _actions(config, engine, settings, store)
    return Database(name, config, engine, Quota(limits, _rate(name, limits, settings)), runner)


def _actions(
    config: DatabaseConfig, engine: Engine, settings: Settings, store: Store | None
) -> ActionRunner | None:
    declared = load_actions(config.actions_file, engine.dialect) if config.actions_file else {}
    if not declared:
        return None
    if store is None:
        raise BadSetup(
            "MCP_DBQUERY_STORE_URL is not set; with actions it must be kept what was done."
        )
    # Only a database in a file has a path.
    own_file = sqlite_path_of(settings.store_url or "")
    if own_file is not None and getattr(engine, "path", None) == own_file.resolve():
        raise BadSetup(
            "MCP_DBQUERY_STORE_URL names the database itself; give the store a file of its own."
        )
    return ActionRunner(engine, declared, Ledger(store))


def _rate(name: str, limits: Limits, settings: Settings) -> Rate:
    if settings.redis_url is None:
        return LocalRate(LocalRateLimit(limits.per_minute))
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
