"""One SQLite file as an engine of the server."""

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Catalog, ChangeTransaction, Dialect, Estimate, Reading, Statement
from mcp_dbquery.engine import ResultColumn as Column
from mcp_dbquery.errors import (
    ActionFailed,
    BadSetup,
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooSlow,
    UnknownRelation,
)
from mcp_dbquery.hints import did_you_mean
from mcp_dbquery.sqlite import catalog
from mcp_dbquery.sqlite.file import open_for_actions, open_read_only
from mcp_dbquery.sqlite.guard import problem_with_text
from mcp_dbquery.sqlite.pool import WorkerPool
from mcp_dbquery.sqlite.url import path_of, problem_of
from shared.service_tokens import Principal

T = TypeVar("T")

WORKERS = 4
CATALOG_S = 60.0
"""How long what is known of the schema may be out of date."""
_NO_SUCH = re.compile(r"no such (table|column): (?:\w+\.)?(.+)", re.DOTALL)


class SqliteEngine:
    """Statements of callers run in worker processes; those of actions in this one."""

    dialect: Dialect = "sqlite"

    def __init__(self, name: str, config: DatabaseConfig, limits: Limits) -> None:
        """Raises BadSetup: the URL names no readable SQLite file."""
        self.limits = limits
        self._path = path_of(config.read_url(name))
        self._pool = WorkerPool(self._path, WORKERS, limits.memory_mb)
        self._known: tuple[float, Catalog] | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    async def start(self) -> None:
        await self._pool.warm_up()

    async def close(self) -> None:
        await self._pool.close()

    async def problem(self) -> str | None:
        # Here and not in a worker: all being busy is no reason to be called unready.
        return await asyncio.to_thread(problem_of, self._path)

    def facts(self) -> list[str]:
        return [
            "The file is opened read-only; SQLite's authorizer allows reading visible tables only."
        ]

    async def catalog(self, caller: Principal) -> Catalog:  # noqa: ARG002 - everybody sees the same
        if self._known is None or time.monotonic() - self._known[0] > CATALOG_S:
            read = await asyncio.to_thread(catalog.read_catalog, self._path)
            self._known = (time.monotonic(), read)
        return self._known[1]

    def quoted(self, name: str) -> str:
        return catalog.quoted(name)

    async def read(self, statement: Statement, caller: Principal) -> Reading:
        answer = await self._run(statement, caller)
        return Reading(
            columns=[Column(**column) for column in answer["columns"]],
            rows=answer["rows"],
            cut_by=answer["cut_by"],
            cut_cells=answer["cut_cells"],
            elapsed_ms=answer["elapsed_ms"],
        )

    async def explain(self, statement: Statement, caller: Principal) -> Estimate:
        told = Statement(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
        answer = await self._run(told, caller)
        depths: dict[int, int] = {0: -1}
        plan: list[str] = []
        for node, parent, _, text in answer["rows"]:
            depths[node] = depths.get(parent, -1) + 1
            plan.append("  " * depths[node] + text)
        return Estimate(cost=None, rows=None, plan=plan)

    async def _run(self, statement: Statement, caller: Principal) -> dict[str, Any]:
        problem = problem_with_text(statement.sql)
        if problem is not None:
            raise StatementRefused(problem, rule="only_select")
        answer = await self._pool.run(
            {
                "sql": statement.sql,
                "params": statement.parameters,
                "timeout_s": self.limits.timeout_s,
                "max_rows": statement.max_rows,
                "max_bytes": self.limits.read_bytes,
                "max_cell": self.limits.cell_characters,
            }
        )
        if answer.get("timeout"):
            raise TooSlow(
                f"Stopped after {self.limits.timeout_s:g} s.",
                hint="Add a filter, aggregate less, or ask for fewer rows.",
            )
        if "denied" in answer:
            raise _denied(str(answer["denied"]))
        if "unusable" in answer:
            raise DatabaseAway(f"The database cannot be asked right now: {answer['unusable']}.")
        if "failed" in answer:
            raise await self._mended(str(answer["failed"]), caller)
        return answer

    async def _mended(self, message: str, caller: Principal) -> StatementInvalid | UnknownRelation:
        found = _NO_SUCH.match(message)
        if found is None:
            return StatementInvalid(f"{message[0].upper()}{message[1:].removesuffix('.')}.")
        kind, name = found.groups()
        relations = (await self.catalog(caller)).relations
        known = (
            set(relations)
            if kind == "table"
            else {column.name for relation in relations.values() for column in relation.columns}
        )
        near = did_you_mean(name, known)
        text = " A text value stands in single quotes." if kind == "column" and not near else ""
        return UnknownRelation(
            f"There is no {kind} “{name}”.",
            hint=f"{near.sentence}{text} describe_tables tells what there is.".strip(),
            did_you_mean=near.names,
        )

    @asynccontextmanager
    async def looking(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:  # noqa: ARG002
        try:
            with closing(await asyncio.to_thread(open_read_only, self._path)) as connection:
                connection.row_factory = sqlite3.Row
                yield _Transaction(connection)
        except sqlite3.OperationalError as error:
            raise ActionFailed(f"It cannot be shown now: {_reason(error)}.") from error

    @asynccontextmanager
    async def changing(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:  # noqa: ARG002
        try:
            # Closing rolls back what was not committed.
            with closing(await asyncio.to_thread(open_for_actions, self._path)) as connection:
                await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
                yield _Transaction(connection)
                await asyncio.to_thread(connection.execute, "COMMIT")
        except sqlite3.IntegrityError:
            raise ActionFailed(
                "Nothing was changed: the values break a rule of the database."
            ) from None
        except sqlite3.OperationalError as error:
            raise ActionFailed(f"Nothing was changed: {_reason(error)}.") from error

    async def check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        return await asyncio.to_thread(self._check_action, sql, names, reads=reads)

    def _check_action(self, sql: str, names: Sequence[str], *, reads: bool) -> list[str]:
        text = (
            f"SELECT * FROM ({sql.rstrip().removesuffix(';')}) LIMIT 0"
            if reads
            else f"EXPLAIN {sql}"
        )
        try:
            with closing(open_read_only(self._path)) as connection:
                shown = connection.execute(text, dict.fromkeys(names))
                return [column[0] for column in shown.description] if reads else []
        except sqlite3.Error as error:
            raise BadSetup(f"the database does not accept it: {error}") from None


@dataclass(frozen=True, slots=True)
class _Transaction:
    connection: sqlite3.Connection

    async def rows(self, sql: str, values: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        def fetch() -> list[dict[str, Any]]:
            return [dict(row) for row in self.connection.execute(sql, values).fetchmany(limit)]

        return await _in_thread(fetch)

    async def execute(self, sql: str, values: Mapping[str, Any]) -> int:
        return await _in_thread(lambda: self.connection.execute(sql, values).rowcount)


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


def _denied(what: str) -> StatementRefused | UnknownRelation:
    if what.startswith("table"):
        name = what.removeprefix("table ")
        return UnknownRelation(
            f"There is no table “{name}”.", hint="list_tables names those that can be asked."
        )
    if what.startswith("function"):
        return StatementRefused(
            f"The {what} is not available here.",
            hint="Use aggregates, text, date, JSON and window functions.",
            rule="function_not_allowed",
        )
    return StatementRefused("This statement does more than read.", rule="only_select")


def _reason(error: sqlite3.OperationalError) -> str:
    if "locked" in str(error):
        return "the database is busy; try again in a moment"
    return "the database refused the statement"
