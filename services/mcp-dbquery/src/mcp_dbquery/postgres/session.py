"""One transaction on one connection: read-only with a snapshot, read by a cursor in chunks, checked at its end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, AsyncRawCursor
from pydantic import JsonValue

from mcp_dbquery.config import Limits
from mcp_dbquery.errors import StatementRefused, TooLarge
from mcp_dbquery.postgres.context import ServerClock
from mcp_dbquery.postgres.quoting import literal
from mcp_dbquery.postgres.values import Converter

FIRST_CHUNK = 50
"""Rows fetched before anything is known of their size."""
CHUNK_ROWS = 2_000
CHUNK_BYTES = 1024 * 1024

_SETTINGS = (
    "SELECT current_setting('mcp.context', true), current_setting('transaction_read_only'), current_user::text, "
    "session_user::text, current_setting('search_path'), current_setting('role')"
)


_DECLARE = "DECLARE mcp NO SCROLL CURSOR FOR "


class Connection(AsyncConnection[tuple[Any, ...]]):
    """A pooled connection with what the signing of a context needs."""

    backend_pid: int = 0
    clock: ServerClock = ServerClock(0.0, 0.0)


@dataclass(slots=True)
class Fetched:
    """What was read of a statement."""

    oids: list[int]
    names: list[str]
    origins: list[tuple[int, int]]
    """Of each column: the relation's oid and the column's number, zeros for an expression."""
    rows: list[list[JsonValue]] = field(default_factory=list[list[JsonValue]])
    cut_by_rows: bool = False
    cut_by_bytes: bool = False
    cut_cells: int = 0


@dataclass(slots=True)
class Session:
    """The transaction of one call."""

    connection: Connection
    context: str
    search_path: str
    limits: Limits
    array_oids: frozenset[int]
    prefix: str = field(default="", init=False)
    """What of ours stands before the caller's statement: the database counts positions from its begin."""
    _at_begin: tuple[Any, ...] | None = field(default=None, init=False)

    async def begin(self) -> None:
        """Open the transaction. Our own text in one message; a caller's statement never goes this way."""
        timeout_ms = int(self.limits.timeout_s * 1000)
        cursor = await self.connection.execute(
            (
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                f"SET LOCAL statement_timeout = {timeout_ms};"
                "SET LOCAL lock_timeout = 2000;"
                f"SET LOCAL idle_in_transaction_session_timeout = {timeout_ms + 5000};"
                f"SET LOCAL search_path = {self.search_path};"
                f"SET LOCAL mcp.context = {literal(self.context)};"
                # With a snapshot taken, PostgreSQL refuses to make the transaction one that writes.
                f"{_SETTINGS}"
            ).encode()
        )
        await cursor.set_result(-1)
        self._at_begin = await cursor.fetchone()

    async def explain(self, sql: str, values: Sequence[Any]) -> dict[str, Any]:
        """The planner's tree for a statement. By way of DECLARE, which takes nothing but SELECT and VALUES."""
        cursor = AsyncRawCursor(self.connection)
        self.prefix = f"EXPLAIN (FORMAT JSON, VERBOSE) {_DECLARE}"
        await cursor.execute(f"{self.prefix}{sql}".encode(), values)
        row = await cursor.fetchone()
        assert row is not None  # noqa: S101 - EXPLAIN gives one
        return json.loads(row[0])[0]["Plan"]

    async def fetch(self, sql: str, values: Sequence[Any], max_rows: int) -> Fetched:
        """Read a statement's rows through a cursor: DECLARE takes nothing but SELECT and VALUES.

        Raises:
            TooLarge: too many columns, or the first row alone is over the limit of bytes.
            StatementRefused: the statement changed who asks or what may be done; nothing was handed out.
        """
        declare, first, check = (AsyncRawCursor(self.connection) for _ in range(3))
        wanted = min(max_rows + 1, FIRST_CHUNK)
        self.prefix = _DECLARE
        async with self.connection.pipeline():
            await declare.execute(f"{self.prefix}{sql}".encode(), values)
            await first.execute(f"FETCH FORWARD {wanted} FROM mcp".encode())
            await check.execute(_SETTINGS.encode())
        rows = await first.fetchall()
        found = self._described(first)
        converter = Converter(found.oids, self.array_oids, self.limits.cell_characters)
        left_bytes = self.limits.read_bytes
        left_rows = max_rows
        while True:
            left_bytes -= self._take(found, converter, rows, left_rows, left_bytes)
            left_rows = max_rows - len(found.rows)
            if found.cut_by_rows or found.cut_by_bytes or len(rows) < wanted:
                break
            used = self.limits.read_bytes - left_bytes
            wanted = _next_chunk(used // max(1, len(found.rows)), left_rows)
            await first.execute(f"FETCH FORWARD {wanted} FROM mcp".encode())
            rows = await first.fetchall()
            check = None
        if check is None:
            check = AsyncRawCursor(self.connection)
            await check.execute(_SETTINGS.encode())
        self._compare(await check.fetchone())
        found.cut_cells = converter.cut_cells
        return found

    async def end(self) -> None:
        """Roll back. What a statement set is gone with it."""
        await self.connection.execute(b"ROLLBACK")

    def _described(self, cursor: AsyncRawCursor[Any]) -> Fetched:
        result = cursor.pgresult
        assert result is not None  # noqa: S101 - FETCH gives one
        count = result.nfields
        if count > self.limits.columns:
            raise TooLarge(
                f"The result has {count} columns; {self.limits.columns} are the limit.",
                hint="Name the ones needed.",
            )
        return Fetched(
            oids=[result.ftype(i) for i in range(count)],
            names=[(result.fname(i) or b"").decode("utf-8", "replace") for i in range(count)],
            origins=[(result.ftable(i), result.ftablecol(i)) for i in range(count)],
        )

    def _take(
        self, found: Fetched, converter: Converter, rows: list[Any], left_rows: int, left_bytes: int
    ) -> int:
        """Add a chunk as far as it fits; the bytes that it took."""
        if len(rows) > left_rows:
            found.cut_by_rows = True
            rows = rows[:left_rows]
        converted, size = converter.rows(rows)
        if size <= left_bytes:
            found.rows += converted
            return size
        found.cut_by_bytes, found.cut_by_rows = True, False
        taken = 0
        for row in rows:
            [one], size = converter.rows([row])
            if taken + size > left_bytes:
                break
            taken += size
            found.rows.append(one)
        if not found.rows:
            raise TooLarge(
                f"One row is larger than the largest answer ({self.limits.read_bytes:,} bytes).",
                hint="Select fewer or shorter columns, for example left(column, 200).",
            )
        return taken

    def _compare(self, row: tuple[Any, ...] | None) -> None:
        if row is None or row != self._at_begin or row[:2] != (self.context, "on"):
            raise StatementRefused(
                "The statement changed settings of its transaction; its rows were thrown away.",
                hint="Leave set_config and the like out.",
                rule="settings",
            )


def _next_chunk(bytes_a_row: int, left_rows: int) -> int:
    """How many rows to fetch so that they take about CHUNK_BYTES here."""
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, bytes_a_row), left_rows + 1))
