"""The PostgreSQL engine: each call is one read-only transaction of a login that sees nothing but the safe views."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import (
    Catalog,
    ChangeTransaction,
    Dialect,
    Estimate,
    Reading,
    ResultColumn,
    Scalar,
    Statement,
)
from mcp_dbquery.errors import DatabaseAway, StatementInvalid
from mcp_dbquery.postgres.catalog import Offered, Shown, offered, shown_to
from mcp_dbquery.postgres.changes import ActionConnections, compile_action
from mcp_dbquery.postgres.context import GRACE_S, ContextSigner, ServerClock
from mcp_dbquery.postgres.failures import as_problem
from mcp_dbquery.postgres.guard import Guard, Verdict
from mcp_dbquery.postgres.init import context_secret
from mcp_dbquery.postgres.inspection import Inspection, inspect
from mcp_dbquery.postgres.introspection import SESSION_VIEW, read_tables
from mcp_dbquery.postgres.names import Visible
from mcp_dbquery.postgres.plans import Plan, told
from mcp_dbquery.postgres.policy import claims_named, roles_named
from mcp_dbquery.postgres.quoting import identifier
from mcp_dbquery.postgres.session import Connection, Session
from mcp_dbquery.postgres.values import register, type_name
from mcp_dbquery.postgres.watchdog import Watchdog
from shared.errors import BadSetup
from shared.mcp_server import Problem
from shared.service_tokens import Principal

POOL_SIZE = 8
ACTIONS_POOL_SIZE = 4
CATALOG_S = 60.0
ESTIMATE_S = 60.0
KEPT_ESTIMATES = 500
CONNECT_TIMEOUT_S = 5
WATCHDOG_AFTER_S = 1.0
"""After the statement's own time is up."""

_SESSION_SETTINGS = (
    b"SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET bytea_output = 'hex';"
    b"SET extra_float_digits = 1; SET standard_conforming_strings = on; SET jit = off;"
    b"SET default_transaction_read_only = on"
)
_AWAY = "The database cannot be reached at the moment."

Begin = Callable[[Connection], Awaitable[None]]
MakeGuard = Callable[[Visible, int], Guard]


@dataclass(frozen=True, slots=True)
class _Perspective:
    """What callers with the same roles see, and who judges their statements."""

    shown: Shown
    guard: Guard


@dataclass(frozen=True, slots=True)
class _Known:
    """The last look at the database's tables."""

    offered: list[Offered]
    perspectives: dict[frozenset[str], _Perspective]
    until_s: float


class PostgresEngine:
    """One PostgreSQL database. See `mcp_dbquery.engine.Engine`."""

    dialect: Dialect = "postgresql"

    def __init__(
        self, name: str, config: DatabaseConfig, limits: Limits, *, make_guard: MakeGuard = Guard
    ) -> None:
        """No I/O. `make_guard` is there for tests that show what the database stops by itself.

        Raises:
            BadSetup: a secret that the configuration names is not there, or a rule cannot be kept.
        """
        self.limits = limits
        self._name = name
        self._config = config
        self._make_guard = make_guard
        self._url = config.read_url(name)
        self._actions_url = config.read_actions_url(name)
        self._roles = roles_named(config)
        self._signer = ContextSigner(
            "" if config.direct else context_secret(config),
            claims_named(config),
            self._roles,
            limits.timeout_s + GRACE_S,
        )
        schemas = config.schemas if config.direct else [config.safe_schema]
        self._search_path = ", ".join([*map(identifier, schemas), "pg_temp"])
        self._pool = self._new_pool(self._url, POOL_SIZE, self._configure)
        self._watchdog = Watchdog(self._url)
        self._actions: ActionConnections | None = None
        self._array_oids = frozenset[int]()
        self._known: _Known | None = None
        self._looking_up: asyncio.Task[_Known] | None = None
        self._estimates: OrderedDict[tuple[frozenset[str], str], float] = OrderedDict()
        self._inspection: Inspection | None = None

    async def start(self) -> None:
        """Connect and look at the set-up. Raises BadSetup."""
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> None:
        await self._inspect()
        await self._pool.open()
        try:
            await self._check_key()
            await self._lookup()
        except (Problem, psycopg.Error) as error:
            said = error if isinstance(error, Problem) else _said(error)
            raise BadSetup(f"The database {self._name} cannot be asked: {said}") from None
        if self._actions_url is not None:
            pool = self._new_pool(self._actions_url, ACTIONS_POOL_SIZE, _configure_actions)
            self._actions = ActionConnections(
                pool, self._actions_url, self._array_oids, self.limits
            )
            await pool.open()

    async def _inspect(self) -> None:
        try:
            async with await self._connect(self._url) as connection:
                self._inspection = await inspect(connection, self._name, self._config)
                cursor = await connection.execute(
                    b"SELECT typarray::int8 FROM pg_type WHERE typarray <> 0"
                )
                self._array_oids = frozenset(row[0] for row in await cursor.fetchall())
        except psycopg.Error as error:
            raise BadSetup(f"The database {self._name} cannot be reached: {_said(error)}") from None

    async def close(self) -> None:
        """End everything that still runs."""
        if self._looking_up is not None:
            self._looking_up.cancel()
        await self._watchdog.close()
        await self._pool.close()
        if self._actions is not None:
            await self._actions.pool.close()

    async def problem(self) -> str | None:
        """Why the database cannot be asked right now."""
        try:
            async with self._borrowed(_ask_nothing):
                pass
        except (Problem, psycopg.Error):
            return _AWAY
        return None

    def facts(self) -> list[str]:
        """The effective protection in plain sentences. After `start`."""
        assert self._inspection is not None  # noqa: S101 - after start
        facts = [
            f"PostgreSQL {self._inspection.version}; each statement runs in a read-only transaction with a snapshot.",
            "The login has no special rights, owns nothing and may change nothing.",
        ]
        if self._config.direct:
            facts.append("Tables are asked directly: the login's rights alone decide what is seen.")
        else:
            facts.append(
                f"Only the views of {self._config.safe_schema} can be read; they keep the rules for rows and columns."
            )
            facts.append("Who asks is signed for each transaction; the views check the signature.")
            facts += self._missing_views()
        if self._inspection.left_open:
            names = ", ".join(self._inspection.left_open)
            facts.append(
                f"Open to every login of this server, stopped here by the guard alone: {names}."
            )
        return facts

    async def catalog(self, caller: Principal) -> Catalog:
        """What this caller may ask. Cached for CATALOG_S."""
        return (await self._perspective(caller)).shown.catalog

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        """Run one SELECT."""
        started = time.perf_counter()
        perspective = await self._perspective(caller)
        verdict = perspective.guard.judge(statement.sql)
        values = _values(verdict, statement)
        async with self._session(caller, verdict, perspective.shown) as session:
            await self._check_cost(session, verdict, values, perspective.shown, caller)
            fetched = await session.fetch(verdict.bound.sql, values, statement.max_rows)
            await session.end()
        masks = perspective.shown.masks
        return Reading(
            columns=[
                ResultColumn(name, type_name(oid, self._array_oids), masks.get(origin))
                for name, oid, origin in zip(
                    fetched.names, fetched.oids, fetched.origins, strict=True
                )
            ],
            rows=fetched.rows,
            cut_by="bytes" if fetched.cut_by_bytes else "rows" if fetched.cut_by_rows else None,
            cut_cells=fetched.cut_cells,
            relations=verdict.relations,
            elapsed_ms=(time.perf_counter() - started) * 1000,
        )

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        """Ask the planner. The statement is judged first: planning can run functions."""
        perspective = await self._perspective(caller)
        verdict = perspective.guard.judge(statement.sql)
        values = _values(verdict, statement)
        shown = perspective.shown
        async with self._session(caller, verdict, shown) as session:
            plan = Plan(await session.explain(verdict.bound.sql, values))
            await session.end()
        is_filtered = bool(verdict.relations & shown.filtered)
        problem = plan.problem(self.limits, is_filtered=is_filtered)
        return Estimate(
            cost=told(plan.cost, is_filtered=is_filtered),
            rows=told(float(plan.root["Plan Rows"]), is_filtered=is_filtered),
            plan=plan.lines(shown.below, is_filtered=is_filtered),
            problem=str(problem) if problem is not None else None,
        )

    def quoted(self, name: str) -> str:
        """A relation's or column's name as it stands in a statement."""
        if self._config.direct and "." in name:
            schema, _, table = name.partition(".")
            if schema in self._config.schemas:
                return f"{identifier(schema)}.{identifier(table)}"
        return identifier(name)

    def looking(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:
        """A read-only transaction with the rights of the actions."""
        return self._action_connections().transaction(caller, writes=False)

    def changing(self, caller: Principal) -> AbstractAsyncContextManager[ChangeTransaction]:
        """A write transaction, committed at the end of the block. Raises ActionFailed, OutcomeUnknown."""
        return self._action_connections().transaction(caller, writes=True)

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        """Let the database compile a statement; the names of its columns. Raises BadSetup."""
        url = self._action_connections().url
        return await asyncio.to_thread(compile_action, url, sql, names, reads=reads)

    def _action_connections(self) -> ActionConnections:
        if self._actions is None:
            raise BadSetup(
                f"Actions on {self._name} need actions_url, the URL of a login that may change things."
            )
        return self._actions

    @asynccontextmanager
    async def _session(
        self, caller: Principal, verdict: Verdict, shown: Shown
    ) -> AsyncGenerator[Session]:
        """A transaction for this caller under the watchdog's eyes; the driver's errors leave it in our words."""
        session: Session | None = None

        async def begin(connection: Connection) -> None:
            nonlocal session
            context = self._signer.sign(caller, connection.backend_pid, connection.clock.now_s())
            session = Session(connection, context, self._search_path, self.limits, self._array_oids)
            await session.begin()

        try:
            async with self._borrowed(begin) as connection:
                assert session is not None  # noqa: S101 - begun
                after_s = self.limits.timeout_s + WATCHDOG_AFTER_S
                with self._watchdog.watching(connection.backend_pid, after_s):
                    yield session
        except psycopg.Error as error:
            columns = {name for r in verdict.relations for name in shown.visible.columns[r]}
            prefix = session.prefix if session is not None else ""
            raise as_problem(error, verdict.bound, prefix, columns, self.limits.timeout_s) from None

    @asynccontextmanager
    async def _borrowed(self, begin: Begin) -> AsyncGenerator[Connection]:
        """A connection of the pool, given back only when all went well: after anything else its state is not known."""
        connection = await self._living_connection(begin)
        is_clean = False
        try:
            yield connection
            is_clean = True
        finally:
            if not is_clean:
                await connection.close()
            await self._pool.putconn(connection)

    async def _living_connection(self, begin: Begin) -> Connection:
        """A connection on which `begin` worked.

        That is the question whether it still lives: a server that was restarted has ended all of the pool's.
        """
        for _ in range(POOL_SIZE + 1):
            try:
                connection = await self._pool.getconn()
            except PoolTimeout:
                break
            try:
                await begin(connection)
            except BaseException as error:
                await connection.close()
                await self._pool.putconn(connection)
                if not isinstance(error, psycopg.OperationalError):
                    raise
            else:
                return connection
        raise DatabaseAway(_AWAY, hint="Try again in a moment.")

    async def _check_cost(
        self,
        session: Session,
        verdict: Verdict,
        values: Sequence[Scalar],
        shown: Shown,
        caller: Principal,
    ) -> None:
        """Refuse what the planner finds too expensive. A statement that passed is not asked about for ESTIMATE_S."""
        key = (caller.roles & self._roles, verdict.bound.sql)
        if self._estimates.get(key, 0.0) > time.monotonic():
            return
        plan = Plan(await session.explain(verdict.bound.sql, values))
        problem = plan.problem(self.limits, is_filtered=bool(verdict.relations & shown.filtered))
        if problem is not None:
            raise problem
        self._estimates[key] = time.monotonic() + ESTIMATE_S
        self._estimates.move_to_end(key)
        if len(self._estimates) > KEPT_ESTIMATES:
            self._estimates.popitem(last=False)

    async def _perspective(self, caller: Principal) -> _Perspective:
        known = self._known
        if known is None or known.until_s < time.monotonic():
            known = await self._lookup()
        roles = caller.roles & self._roles
        perspective = known.perspectives.get(roles)
        if perspective is None:
            shown = shown_to(self._config, known.offered, roles)
            perspective = _Perspective(
                shown, self._make_guard(shown.visible, self.limits.sql_characters)
            )
            known.perspectives[roles] = perspective
        return perspective

    async def _lookup(self) -> _Known:
        """Look at the tables anew; all who need it at the same time wait for one look."""
        if self._looking_up is None or self._looking_up.done():
            self._looking_up = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking_up)

    async def _look(self) -> _Known:
        schemas = list(self._config.schemas)
        if not self._config.direct:
            schemas.append(self._config.safe_schema)
        try:
            async with self._borrowed(_ask_nothing) as connection:
                tables = await read_tables(connection, schemas)
            found = offered(self._config, tables)
        except psycopg.Error:
            raise DatabaseAway(_AWAY, hint="Try again in a moment.") from None
        except BadSetup as error:
            raise DatabaseAway(
                f"The tables changed: {error} The owner must run mcp-dbquery init."
            ) from None
        old = self._known
        # Verdicts stay good as long as the same relations are there.
        kept = old.perspectives if old is not None and old.offered == found else {}
        self._known = _Known(found, kept, time.monotonic() + CATALOG_S)
        return self._known

    async def _check_key(self) -> None:
        """Whether the views believe what this server signs. Raises BadSetup."""
        if self._config.direct:
            return
        nobody = Principal(subject="mcp-dbquery", tenant="mcp-dbquery")
        async with self._borrowed(_ask_nothing) as connection:
            context = self._signer.sign(nobody, connection.backend_pid, connection.clock.now_s())
            session = Session(connection, context, self._search_path, self.limits, self._array_oids)
            await session.begin()
            believed = await (
                await connection.execute(f"SELECT subject FROM {SESSION_VIEW}".encode())  # noqa: S608 - ours
            ).fetchone()
            await session.end()
        if believed != (nobody.subject,):
            raise BadSetup(
                f"The context key of {self._name} is not the one that its views were made with. Run mcp-dbquery init."
            )

    def _missing_views(self) -> list[str]:
        known = self._known
        assert known is not None  # noqa: S101 - after start
        behind = [
            item.exposed.name
            for item in known.offered
            if len(item.column_names) < len(item.exposed.columns)
        ]
        return (
            [f"New columns are not shown until init is run again: {', '.join(behind)}."]
            if behind
            else []
        )

    def _new_pool(
        self, url: str, size: int, configure: Callable[[Any], Any]
    ) -> AsyncConnectionPool[Any]:
        return AsyncConnectionPool(
            url,
            connection_class=Connection,
            kwargs=_connection_options(),
            min_size=1,
            max_size=size,
            open=False,
            configure=configure,
            timeout=CONNECT_TIMEOUT_S,
            name=f"mcp-dbquery-{self._name}",
        )

    async def _connect(self, url: str) -> Connection:
        try:
            conninfo_to_dict(url)
        except psycopg.Error:
            raise BadSetup(f"The URL of the database {self._name} cannot be read.") from None
        return await Connection.connect(url, **_connection_options())

    async def _configure(self, connection: Connection) -> None:
        """Prepare a new connection of the pool."""
        register(connection)
        await connection.execute(_SESSION_SETTINGS)
        at_s = time.monotonic()
        cursor = await connection.execute(
            b"SELECT pg_backend_pid(), extract(epoch FROM clock_timestamp())::float8"
        )
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - it gives one
        connection.backend_pid = row[0]
        connection.clock = ServerClock(row[1], at_s)


async def _ask_nothing(connection: Connection) -> None:
    """For what needs no transaction."""
    await connection.execute(b"SELECT 1")


async def _configure_actions(connection: Connection) -> None:
    register(connection)
    await connection.execute(b"SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'")


def _said(error: psycopg.Error) -> str:
    """The server's words where it is no row that they are about; never the connection string."""
    return f"{error.diag.message_primary or 'no answer, or no such host or port'}."


def _connection_options() -> dict[str, Any]:
    return {
        "autocommit": True,  # BEGIN and ROLLBACK are ours.
        "prepare_threshold": None,  # Named statements do not survive a pooler between us and the server.
        "connect_timeout": CONNECT_TIMEOUT_S,
        "client_encoding": "utf8",
        "application_name": "mcp-dbquery",
    }


def _values(verdict: Verdict, statement: Statement) -> list[Scalar]:
    """The values to bind, in the order of their numbers. Raises StatementInvalid when they do not fit the statement."""
    given, bound = statement.parameters, verdict.bound
    if isinstance(given, dict):
        missing = sorted(set(bound.names) - set(given))
        foreign = sorted(set(given) - set(bound.names))
        if missing or foreign or (bound.numbers and not bound.names):
            raise StatementInvalid(*_names_wrong(missing, foreign))
        values = [given[name] for name in bound.names]
    else:
        values = given
        if bound.names or bound.numbers != frozenset(range(1, len(given) + 1)):
            raise StatementInvalid(
                f"The statement does not bind {len(given)} values by position as $1 to ${len(given)}."
                if given
                else "The statement binds parameters, and none are given.",
                hint="Give a list for $1, $2 …, or an object for :name.",
            )
    for value in values:
        if isinstance(value, str) and (
            "\0" in value or (not value.isprintable() and _is_broken(value))
        ):
            raise StatementInvalid("A parameter contains a character that PostgreSQL cannot store.")
    return values


def _names_wrong(missing: Sequence[str], foreign: Sequence[str]) -> tuple[str]:
    if missing:
        return (f"No value is given for :{', :'.join(missing)}.",)
    if foreign:
        return (f"The statement has no :{', :'.join(foreign)}.",)
    return ("The statement binds $1, $2 …: give a list, or write :name.",)


def _is_broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
