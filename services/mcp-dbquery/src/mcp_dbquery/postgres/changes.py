"""Transactions of declared actions: with the rights of the actions' own login, on connections of their own."""

from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pglast import ast
from pglast.parser import ParseError, parse_sql
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.pq import ExecStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from mcp_dbquery.config import Limits
from mcp_dbquery.engine import Block
from mcp_dbquery.errors import ActionFailed, OutcomeUnknown, StatementInvalid
from mcp_dbquery.postgres.binding import Bound, bind
from mcp_dbquery.postgres.failures import as_action_problem
from mcp_dbquery.postgres.values import Converter
from shared.errors import BadSetup
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Changes:
    """A `ChangeTransaction`."""

    connection: AsyncConnection[tuple[Any, ...]]
    array_oids: frozenset[int]
    limits: Limits

    async def rows(self, sql: str, values: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The first rows of a query, as names and JSON values. Raises ActionFailed."""
        cursor = await self._run(sql, values)
        rows = await cursor.fetchmany(limit)
        columns = cursor.description or []
        converter = Converter(
            [column.type_code for column in columns], self.array_oids, self.limits.cell_characters
        )
        converted, _ = converter.rows(rows)
        return [
            dict(zip((column.name for column in columns), row, strict=True)) for row in converted
        ]

    async def execute(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run a changing statement and tell how many rows it touched. Raises ActionFailed."""
        return (await self._run(sql, values)).rowcount

    async def _run(self, sql: str, values: Mapping[str, Any]) -> AsyncRawCursor[tuple[Any, ...]]:
        bound = bind(sql)
        cursor = AsyncRawCursor(self.connection)
        try:
            await cursor.execute(bound.sql.encode(), [values[name] for name in bound.names])
        except psycopg.Error as error:
            raise as_action_problem(error) from None
        return cursor


@dataclass(frozen=True, slots=True)
class ActionConnections:
    """The actions' login on one database."""

    pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]
    url: str = field(repr=False)
    array_oids: frozenset[int]
    limits: Limits

    @asynccontextmanager
    async def transaction(self, caller: Principal, *, writes: bool) -> Block:
        """A transaction; one that writes is committed at the end. Raises ActionFailed, OutcomeUnknown."""
        connection = await self._connection()
        is_clean = False
        try:
            await self._begin(connection, caller, writes=writes)
            yield Changes(connection, self.array_oids, self.limits)
            await (_commit(connection) if writes else connection.execute(b"ROLLBACK"))
            is_clean = True
        finally:
            if not is_clean:
                # Closing rolls back, whatever the connection was in the middle of.
                await connection.close()
            await self.pool.putconn(connection)

    async def _connection(self) -> AsyncConnection[tuple[Any, ...]]:
        try:
            return await self.pool.getconn()
        except (PoolTimeout, psycopg.Error):
            raise ActionFailed("Nothing was changed: the database cannot be reached.") from None

    async def _begin(
        self, connection: AsyncConnection[tuple[Any, ...]], caller: Principal, *, writes: bool
    ) -> None:
        timeout_ms = int(self.limits.timeout_s * 1000)
        mode = "READ WRITE" if writes else "READ ONLY"
        try:
            await connection.execute(
                f"BEGIN {mode}; SET LOCAL statement_timeout = {timeout_ms}; SET LOCAL lock_timeout = 2000".encode()
            )
            # For the owner's triggers to note. It grants nothing.
            await connection.execute(b"SELECT set_config('mcp.caller', %s, true)", [caller.subject])
        except psycopg.Error as error:
            raise as_action_problem(error) from None


async def _commit(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    try:
        await connection.execute(b"COMMIT")
    except psycopg.Error as error:
        if connection.broken or connection.closed:
            raise OutcomeUnknown(
                "The connection to the database broke while the change was being confirmed: it may have been done. "
                "Look before trying again."
            ) from None
        raise as_action_problem(error) from None


def compile_action(url: str, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
    """Let the database compile a statement; the names of the columns it gives. Nothing runs. Blocks: for a thread.

    Raises:
        BadSetup: with the database's words, which are for the owner.
    """
    bound = _bound(sql, names, reads=reads)
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            result = connection.pgconn.prepare(b"mcp_check", bound.sql.encode())
            if result.status == ExecStatus.FATAL_ERROR:
                raise BadSetup(f"{result.get_error_message().splitlines()[0]}.")
            described = connection.pgconn.describe_prepared(b"mcp_check")
            return [(described.fname(i) or b"").decode() for i in range(described.nfields)]
    except psycopg.Error as error:
        raise BadSetup(
            f"The login of the actions cannot connect: {str(error).splitlines()[0]}."
        ) from None


def _bound(sql: str, names: Sequence[str], *, reads: bool) -> Bound:
    try:
        bound = bind(sql)
        statements = parse_sql(bound.sql)
    except ParseError as error:
        raise BadSetup(f"{error.args[0]}.") from None
    except StatementInvalid as error:
        raise BadSetup(str(error)) from None
    if len(statements) != 1:
        raise BadSetup("it must be exactly one statement.")
    foreign = sorted(set(bound.names) - set(names))
    if foreign:
        raise BadSetup(f"it binds :{foreign[0]}, which is no parameter.")
    if reads and not isinstance(statements[0].stmt, ast.SelectStmt):
        raise BadSetup("it must be a SELECT.")
    return bound
