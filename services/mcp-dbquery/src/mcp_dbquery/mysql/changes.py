"""Transactions of declared actions, with a login of their own."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcp_dbquery.errors import ActionFailed, OutcomeUnknown, StatementInvalid, StatementRefused
from mcp_dbquery.mysql.address import Address
from mcp_dbquery.mysql.binding import bind, replace_bound
from mcp_dbquery.mysql.link import Field, Gone, Link, ServerError, TooManyBytes
from mcp_dbquery.mysql.pool import Pool
from mcp_dbquery.mysql.problems import LOST, failed_action, in_owners_words, number_of
from mcp_dbquery.mysql.session import SQL_MODE
from mcp_dbquery.mysql.text import read_text
from mcp_dbquery.mysql.values import json_of
from shared.errors import BadSetup

CONNECTIONS = 4
LONGEST_STATEMENT = 100_000
LONGEST_CELL = 4_096
MOST_BYTES = 4 * 1024 * 1024
LOCK_WAIT_S = 5


class Changes:
    """Opens transactions for actions; without an address there are none."""

    def __init__(self, address: Address | None, timeout_s: float) -> None:
        self._pool = Pool(address, size=CONNECTIONS) if address else None
        self._timeout_s = timeout_s

    async def check(self) -> None:
        """Sign in once, if there is a login. Raises ServerError, Gone."""
        if self._pool is not None:
            async with self._pool.lend():
                pass

    async def close(self) -> None:
        """End all that still runs."""
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def transaction(self, *, read_only: bool) -> AsyncGenerator["Transaction"]:
        """Committed when the block ends well, unless it only reads.

        Raises:
            ActionFailed: the database refused a statement or the commit; nothing was changed.
            OutcomeUnknown: the connection broke during the commit.
            DatabaseAway: there is no connection.
        """
        if self._pool is None:
            raise ActionFailed("Nothing was changed: this database has no login for actions.")
        is_committing = False
        try:
            async with self._pool.lend() as link:
                await self._begin(link, read_only=read_only)
                yield Transaction(link)
                is_committing = not read_only
                await link.run("ROLLBACK" if read_only else "COMMIT")
                is_committing = False
        except TooManyBytes:
            raise ActionFailed("Nothing was changed: the rows to be shown are too large.") from None
        except (ServerError, Gone) as error:
            number = number_of(error)
            if is_committing and number in LOST:
                raise OutcomeUnknown(
                    "The connection was lost while the change was being committed, so it may or may not be done.",
                    hint="Look before trying again.",
                ) from None
            raise failed_action(number) from None

    async def describe(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        """The columns that a statement would give; nothing runs. Raises BadSetup."""
        if self._pool is None:
            raise BadSetup("the database has no actions_url, which actions need")
        try:
            text = read_text(sql, LONGEST_STATEMENT)
            unbound = [name for name in text.names_bound if name not in names]
            if unbound:
                raise BadSetup(f"the statement binds :{unbound[0]}, which is no parameter")
            async with self._pool.lend() as link:
                await self._settle(link)
                columns = await link.describe(replace_bound(text, ["?"] * len(text.names_bound)))
        except (StatementInvalid, StatementRefused) as error:
            raise BadSetup(f"the statement cannot be used: {error}") from None
        except (ServerError, Gone) as error:
            raise BadSetup(f"the database does not accept it: {in_owners_words(error)}") from None
        if reads and not columns:
            raise BadSetup("the statement gives no columns, so there is nothing to show")
        return columns if reads else []

    async def _begin(self, link: Link, *, read_only: bool) -> None:
        await self._settle(link)
        await link.run(
            "START TRANSACTION READ ONLY" if read_only else "START TRANSACTION READ WRITE"
        )

    async def _settle(self, link: Link) -> None:
        await link.run("SET NAMES utf8mb4")
        limit = (
            f"max_statement_time = {self._timeout_s:.3f}"
            if "mariadb" in link.server_version.lower()
            else f"max_execution_time = {int(self._timeout_s * 1000)}"
        )
        await link.run(
            f"SET SESSION sql_mode = '{SQL_MODE}', SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S}, "
            f"SESSION lock_wait_timeout = {LOCK_WAIT_S}, SESSION sql_safe_updates = 0, SESSION autocommit = 1, SESSION "
            + limit
        )


@dataclass(frozen=True, slots=True)
class Transaction:
    """Runs the statements of an action."""

    _link: Link

    async def rows(self, sql: str, values: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The first rows of a query. Raises ServerError, Gone, which the transaction turns into words."""
        text = read_text(sql, LONGEST_STATEMENT)
        await self._link.run(f"SET SESSION sql_select_limit = {limit}")
        stream = await self._link.stream(
            bind(text, values, self._link.literal), bytes_at_most=MOST_BYTES
        )
        found: list[dict[str, Any]] = []
        while (row := await stream.next()) is not None:
            if len(found) < limit:
                found.append(
                    {
                        field.name: _cell(value, field)
                        for value, field in zip(row, stream.fields, strict=True)
                    }
                )
        return found

    async def execute(self, sql: str, values: Mapping[str, Any]) -> int:
        """Run a changing statement and tell how many rows it touched: those it found, changed or not."""
        text = read_text(sql, LONGEST_STATEMENT)
        return await self._link.run(bind(text, values, self._link.literal))


def _cell(value: object, field: Field) -> Any:
    return json_of(value, field, LONGEST_CELL)[0]
