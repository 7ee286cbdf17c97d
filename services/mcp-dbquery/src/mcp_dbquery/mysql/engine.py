"""A MySQL or MariaDB database as an engine of the server."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from pydantic import JsonValue

from mcp_dbquery.config import DatabaseConfig, Limits, MaskKind
from mcp_dbquery.engine import (
    Catalog,
    ChangeTransaction,
    Dialect,
    Estimate,
    Reading,
    Relation,
    ResultColumn,
    Statement,
)
from mcp_dbquery.errors import DatabaseAway, StatementRefused, TooLarge
from mcp_dbquery.mysql import catalog as catalogs
from mcp_dbquery.mysql.address import Address, read_address
from mcp_dbquery.mysql.binding import bind
from mcp_dbquery.mysql.changes import Changes
from mcp_dbquery.mysql.context import derived_key, read_key, signed_context
from mcp_dbquery.mysql.guard import Verdict, judge, relations_of
from mcp_dbquery.mysql.link import (
    Field,
    Gone,
    Link,
    Row,
    ServerError,
    Stream,
    TooManyBytes,
    quoted_name,
)
from mcp_dbquery.mysql.plan import estimate_of
from mcp_dbquery.mysql.pool import Pool
from mcp_dbquery.mysql.problems import INCOMPLETE, in_owners_words, incomplete, problem_of, too_slow
from mcp_dbquery.mysql.session import Server, check_sql, settings_sql
from mcp_dbquery.mysql.start_check import check_login, check_views, read_server
from mcp_dbquery.mysql.tables import read_tables
from mcp_dbquery.mysql.values import json_of, type_of
from mcp_dbquery.mysql.views import Places, places_of
from shared.errors import BadSetup
from shared.service_tokens import Principal

CATALOG_S = 60.0
"""How long what is known of the schema may be out of date."""
GRACE_S = 1.0
"""How long after its time a statement may take to be ended by the server, before it is ended from outside."""
CONTEXT_S = 5
"""How long after its statement's time a context is good for."""
TRANSFER_FACTOR = 8
"""Bytes that the server may send for each byte that may be kept: long texts are cut only after they came."""
DRAIN_BYTES = 64 * 1024 * 1024
"""Of a statement that was just ended: what was on its way already."""
ALWAYS_CLAIMED = frozenset({"tenant", "subject"})
INTERRUPTED = 1317
"""The server's number for a statement that was killed."""
LONG_STATEMENT = 4_000
"""Characters from which a statement is judged beside the event loop, which it would hold up."""


class MysqlEngine:
    """Asks views that keep the rules for tables, rows and columns, or in direct mode the tables of a bare login."""

    dialect: Dialect = "mysql"

    def __init__(self, name: str, config: DatabaseConfig, limits: Limits) -> None:
        """Raises BadSetup: the URL or the context's key is not usable."""
        self.limits = limits
        self._config = config
        self._given = read_address(config.read_url(name), f"The URL of the database {name}")
        self._places: Places | None = (
            None if config.direct else places_of(config, self._given.database)
        )
        self._key = b"" if config.direct else derived_key(read_key(name, config), "context")
        self._database = self._places.safe if self._places else self._given.database
        if not self._database:
            raise BadSetup(
                f"The URL of the database {name} must name a database: mysql://user@host/database."
            )
        self._pool = Pool(self._reading_address())
        actions_url = config.read_actions_url(name)
        self._changes = Changes(
            read_address(actions_url, f"The actions URL of the database {name}")
            if actions_url
            else None,
            limits.timeout_s,
        )
        self._server: Server | None = None
        self._claims: frozenset[str] = ALWAYS_CLAIMED
        self._catalogs = catalogs.Catalogs(config, CATALOG_S, self._read_details)

    async def start(self) -> None:
        is_started = False
        try:
            await self._start()
            is_started = True
        except (ServerError, Gone) as error:
            raise BadSetup(f"The database cannot be asked: {in_owners_words(error)}.") from None
        finally:
            if not is_started:
                await self.close()

    async def _start(self) -> None:
        async with self._pool.lend() as link:
            self._server = await read_server(link)
            await check_login(link, self._database, whole=self._places is None)
            if self._places is not None:
                details = await check_views(link, self._config, self._places)
                self._claims = ALWAYS_CLAIMED | frozenset(details[""]["claims"])
                await self._check_context(link)
        await self._catalogs.refresh()
        await self._changes.check()

    async def close(self) -> None:
        await self._pool.close()
        await self._changes.close()

    async def problem(self) -> str | None:
        try:
            async with asyncio.timeout(self.limits.timeout_s), self._pool.lend() as link:
                await link.rows("SELECT 1")
        except (ServerError, Gone, TimeoutError):
            return "the server does not answer"
        return None

    def facts(self) -> list[str]:
        server = self._known_server
        kind = "MariaDB" if server.is_mariadb else "MySQL"
        told = [
            f"{kind} {'.'.join(map(str, server.version))}: the login {self._given.user} may read {self._database} only."
        ]
        if self._places is not None:
            told += [
                f"Everything asked is a view in {self._places.safe}, run as the locked account {self._places.definer}.",
                "Who asks is signed for one connection and a few seconds, and verified inside the views.",
                "Filtered views are materialised before a caller's conditions see their rows.",
            ]
        else:
            told.append(
                "The tables are asked directly, with the rights of the login alone: no rows or columns are hidden."
            )
        told += [
            "Each statement runs alone, in a read-only transaction, with a time limit that the server keeps.",
            f"The server refuses joins that it expects to look at more than {self.limits.cost_rows:,.0f} rows.",
        ]
        if "max_session_mem_used" not in server.variables:
            told.append("This server cannot limit the memory of one session.")
        return told

    async def catalog(self, caller: Principal) -> Catalog:
        try:
            return await self._catalogs.of(caller.roles)
        except (ServerError, Gone, TimeoutError):
            raise DatabaseAway(
                "The database cannot be asked at the moment.", hint="Try again in a moment."
            ) from None
        except BadSetup:
            raise DatabaseAway(
                "The database's views no longer fit the configuration.",
                hint="Whoever runs this server must run `mcp-dbquery init` again.",
            ) from None

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        verdict = await self._judged(statement)
        catalog = await self.catalog(caller)
        relations = relations_of(verdict, catalog, self._database)
        asked = [catalog.relations[name] for name in sorted(relations)]
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.timeout_s + GRACE_S):
                reading = await self._read(verdict, statement, caller, asked)
        except TimeoutError:
            raise too_slow(self.limits.timeout_s) from None
        except TooManyBytes:
            raise TooLarge(
                "The rows are larger than what may be read.",
                hint="Select fewer or shorter columns.",
            ) from None
        except (ServerError, Gone) as error:
            raise problem_of(
                error, statement.sql, catalog, relations, self.limits.timeout_s
            ) from None
        reading.relations = relations
        reading.elapsed_ms = (time.monotonic() - started) * 1000
        return reading

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        verdict = await self._judged(statement)
        catalog = await self.catalog(caller)
        relations = relations_of(verdict, catalog, self._database)
        try:
            async with (
                asyncio.timeout(self.limits.timeout_s + GRACE_S),
                self._session(caller, 1) as link,
            ):
                sql = bind(verdict.text, statement.parameters, link.literal)
                await self._check_gives_rows(link, sql)
                plan = await link.rows(f"EXPLAIN {sql}") if self._places is None else None
        except TimeoutError:
            raise too_slow(self.limits.timeout_s) from None
        except (ServerError, Gone) as error:
            raise problem_of(
                error, statement.sql, catalog, relations, self.limits.timeout_s
            ) from None
        return estimate_of(plan, catalog, relations, self.limits.cost_rows)

    def quoted(self, name: str) -> str:
        return quoted_name(name)

    @asynccontextmanager
    async def looking(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:  # noqa: ARG002 - the login's rights
        async with self._changes.transaction(read_only=True) as transaction:
            yield transaction

    @asynccontextmanager
    async def changing(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:  # noqa: ARG002
        async with self._changes.transaction(read_only=False) as transaction:
            yield transaction

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        return await self._changes.describe(sql, names, reads=reads)

    @property
    def _known_server(self) -> Server:
        if self._server is None:
            raise RuntimeError("the engine was not started")
        return self._server

    def _reading_address(self) -> Address:
        given = self._given
        return Address(
            given.user,
            given.password,
            given.host,
            given.port,
            self._database,
            given.socket,
            given.tls,
        )

    async def _judged(self, statement: Statement) -> Verdict:
        """What the text alone tells. Raises StatementRefused, StatementInvalid."""
        longest = self.limits.sql_characters
        if len(statement.sql) > LONG_STATEMENT:
            return await asyncio.to_thread(judge, statement.sql, longest)
        return judge(statement.sql, longest)

    async def _read(
        self, verdict: Verdict, statement: Statement, caller: Principal, asked: Sequence[Relation]
    ) -> Reading:
        async with self._session(caller, statement.max_rows + 1) as link:
            sql = bind(verdict.text, statement.parameters, link.literal)
            await self._check_gives_rows(link, sql)
            before = await self._state(link)
            stream = await link.stream(sql, bytes_at_most=self.limits.read_bytes * TRANSFER_FACTOR)
            if len(stream.fields) > self.limits.columns:
                raise TooLarge(
                    f"The result has more than {self.limits.columns} columns.",
                    hint="Name the columns needed.",
                )
            reading = await self._rows(link, stream, statement.max_rows, asked)
            await self._check_after(link, stream, before)
            return reading

    async def _check_gives_rows(self, link: Link, sql: str) -> None:
        """By the server's own reading it is one statement, and one that answers with rows.

        Some that do not are allowed to every login, in a read-only transaction too: it may change its own password.
        """
        if not await link.describe(sql):
            raise StatementRefused(
                "Only SELECT runs here.", hint="Write one SELECT.", rule="only_select"
            )

    @asynccontextmanager
    async def _session(self, caller: Principal, most_rows: int) -> AsyncGenerator[Link]:
        """A connection with this caller's context, our settings, and a read-only transaction."""
        async with self._pool.lend() as link:
            settings = settings_sql(
                self._known_server, timeout_s=self.limits.timeout_s, cost_rows=self.limits.cost_rows
            )
            context = (
                f", @mcp_context = {link.literal(await self._context(link, caller))}"
                if self._places
                else ""
            )
            await link.run("SET NAMES utf8mb4")
            await link.run(f"{settings}, SESSION sql_select_limit = {most_rows}{context}")
            await link.run("START TRANSACTION READ ONLY")
            yield link

    async def _context(self, link: Link, caller: Principal) -> str:
        if link.clock_offset_s is None:
            # The server's clock counts; SYSDATE is what the views compare with.
            ((now,),) = await link.rows("SELECT UNIX_TIMESTAMP(SYSDATE())")
            link.clock_offset_s = float(now) - time.time()
        expires_at = int(time.time() + link.clock_offset_s + self.limits.timeout_s) + CONTEXT_S
        return signed_context(self._key, caller, self._claims, link.id, expires_at)

    async def _check_context(self, link: Link) -> None:
        """A context that we sign must be believed, and one that somebody changed must not. Raises BadSetup."""
        probe = Principal(subject="mcp-dbquery-start-check", tenant="mcp-dbquery-start-check")
        signed = await self._context(link, probe)
        forged = signed.replace(";c", ";c00=;c", 1)
        for context, believed in ((signed, probe.subject), (forged, None)):
            await link.run(f"SET @mcp_context = {link.literal(context)}")
            if await link.rows("SELECT subject FROM mcp_caller") != [(believed,)]:
                raise BadSetup(
                    "The context's key is not the one of the views. Run `mcp-dbquery init` again."
                )

    async def _state(self, link: Link) -> list[Row]:
        return await link.rows(check_sql(self._known_server))

    async def _rows(
        self, link: Link, stream: Stream, max_rows: int, asked: Sequence[Relation]
    ) -> Reading:
        reading = Reading(columns=[self._column(field, asked) for field in stream.fields], rows=[])
        size = 0
        while (row := await stream.next()) is not None:
            cells: list[JsonValue] = []
            for value, field in zip(row, stream.fields, strict=True):
                cell, is_cut = json_of(value, field, self.limits.cell_characters)
                cells.append(cell)
                reading.cut_cells += is_cut
            size += len(orjson.dumps(cells))
            if len(reading.rows) == max_rows:
                reading.cut_by = "rows"
            elif size > self.limits.read_bytes:
                if not reading.rows:
                    raise TooLarge(
                        "One row is larger than what may be read.",
                        hint="Select fewer or shorter columns.",
                    )
                reading.cut_by = "bytes"
            if reading.cut_by is not None:
                await self._stop(link, stream)
                break
            reading.rows.append(cells)
        return reading

    async def _stop(self, link: Link, stream: Stream) -> None:
        """End the statement, so that the connection can be asked whether all is as it was."""
        try:
            if await stream.next() is None:
                return
            await self._pool.kill_statement(link)
            link.allow(DRAIN_BYTES)
            while await stream.next() is not None:
                pass
        except ServerError as error:
            if error.args[:1] != (INTERRUPTED,):
                raise
        # The order to end it may come after its end, and would then hit what is asked next.
        try:
            await link.rows("SELECT 1")
        except ServerError as error:
            if error.args[:1] != (INTERRUPTED,):
                raise

    async def _check_after(self, link: Link, stream: Stream, before: list[Row]) -> None:
        """Rows leave only when who asks and all settings are as they were, and the rows are whole."""
        numbers: frozenset[int] = frozenset()
        if stream.warnings:
            numbers = frozenset(
                int(number) for _, number, _ in await link.rows("SHOW WARNINGS LIMIT 100")
            )
        if await self._state(link) != before:
            raise StatementRefused(
                "The statement changed its session.", hint="Only read.", rule="settings"
            )
        if numbers & INCOMPLETE:
            raise incomplete(numbers)

    def _column(self, field: Field, asked: Sequence[Relation]) -> ResultColumn:
        # The server names the column that a result's shows, but no view that it had to materialise.
        masks: dict[str, MaskKind] = {
            column.name: column.mask
            for relation in asked
            for column in relation.columns
            if column.mask
        }
        mask = masks.get(field.origin_column)
        return ResultColumn(name=field.name, type=type_of(field), mask=mask)

    async def _read_details(self) -> Mapping[str, Any]:
        async with asyncio.timeout(self.limits.timeout_s), self._pool.lend() as link:
            if self._places is None:
                return catalogs.details_of_tables(
                    self._config, await read_tables(link, self._database)
                )
            return await check_views(link, self._config, self._places)
