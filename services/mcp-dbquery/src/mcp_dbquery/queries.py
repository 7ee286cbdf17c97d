"""Runs one query for a caller and turns what goes wrong into words that help."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mcp_dbquery.errors import QueryFailed, QueryRefused, QueryTooSlow
from mcp_dbquery.guard import problem_with_text
from mcp_dbquery.pool import WorkerPool
from mcp_dbquery.results import QueryResult, ResultColumn
from mcp_dbquery.schema import closest, columns_of
from mcp_dbquery.settings import Settings

Scalar = str | int | float | bool | None
Parameters = list[Scalar] | dict[str, Scalar]

_NO_SUCH = re.compile(r"no such (table|column): (?:\w+\.)?(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class QueryRunner:
    """Queries one database within the limits of the settings."""

    pool: WorkerPool
    settings: Settings
    action_names: Sequence[str] = ()

    async def run(self, sql: str, parameters: Parameters, max_rows: int) -> QueryResult:
        """The rows, at most `max_rows`.

        Raises:
            QueryRefused, QueryFailed, QueryTooSlow: with a text that helps to mend the statement.
        """
        problem = problem_with_text(sql)
        if problem is not None:
            raise QueryRefused(f"{problem}{self._actions_hint(problem)}")
        answer = await self.pool.run(
            {
                "sql": sql,
                "params": parameters,
                "timeout_s": self.settings.timeout_s,
                "max_rows": max_rows,
                "max_bytes": self.settings.max_result_bytes,
                "max_cell": self.settings.max_cell_characters,
            }
        )
        if answer.get("timeout"):
            raise QueryTooSlow(
                f"Stopped after {self.settings.timeout_s:g} s. Add a filter, aggregate less, or ask for fewer rows."
            )
        if "denied" in answer:
            raise QueryRefused(self._denied(str(answer["denied"])))
        if "unusable" in answer:
            raise QueryFailed(f"The database cannot be asked right now: {answer['unusable']}.")
        if "failed" in answer:
            raise QueryFailed(await self._with_hint(str(answer["failed"])))
        warnings = [*self._cut_warnings(answer["cut_by"], answer["cut_cells"], len(answer["rows"]))]
        return QueryResult(
            columns=[ResultColumn.model_validate(column) for column in answer["columns"]],
            rows=answer["rows"],
            row_count=len(answer["rows"]),
            truncated=answer["cut_by"] is not None,
            elapsed_ms=answer["elapsed_ms"],
            warnings=warnings,
        )

    def _cut_warnings(self, cut_by: JsonValue, cut_cells: int, rows: int) -> list[str]:
        warnings: list[str] = []
        if cut_by == "rows":
            warnings.append(
                f"Only the first {rows} rows are here; there are more. Filter or aggregate."
            )
        if cut_by == "bytes":
            warnings.append(
                f"Only the first {rows} rows fit into the largest answer. Select fewer columns."
            )
        if cut_cells:
            warnings.append(f"{cut_cells} long values were cut.")
        return warnings

    def _actions_hint(self, problem: str) -> str:
        if "Only SELECT" not in problem:
            return ""
        if not self.action_names:
            return " Nothing can be changed through this server."
        return f" What can be changed here has a tool of its own: {', '.join(self.action_names)}."

    def _denied(self, what: str) -> str:
        if what.startswith("table"):
            return f"There is no {what}. list_tables names those that can be asked."
        if what.startswith("function"):
            return f"The {what} is not available here. Use aggregates, text, date, JSON and window functions."
        return f"This statement does more than read.{self._actions_hint('Only SELECT')}"

    async def _with_hint(self, message: str) -> str:
        found = _NO_SUCH.match(message)
        if found is None:
            return f"{message[0].upper()}{message[1:].removesuffix('.')}."
        kind, name = found.groups()
        columns = await asyncio.to_thread(columns_of, self.pool.path)
        known = columns if kind == "table" else {c for table in columns.values() for c in table}
        advice = closest(name, sorted(known)) or (
            " A text value stands in single quotes." if kind == "column" else ""
        )
        return f"There is no {kind} “{name}”.{advice} describe_tables tells what there is."
