"""Runs queries for callers, page by page, and tells what was cut, hidden or masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from mcp_dbquery.cleaning import clean, clean_rows
from mcp_dbquery.databases import Database, Databases, person_key
from mcp_dbquery.engine import Parameters, Reading, Relation, Statement
from mcp_dbquery.errors import StatementRefused
from mcp_dbquery.formats import RENDERED, Rows, fitting
from mcp_dbquery.pages import Cursors, Place, new_query_id, page_gone
from mcp_dbquery.results import Explanation, Format
from mcp_dbquery.spool import Spool
from shared.mcp_server import Rendered, note_in_audit
from shared.service_tokens import Principal

READS_ONLY = "only_select"
"""The engines' rule for a statement that does more than read."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a database."""

    sql: str
    parameters: Parameters
    page_rows: int | None = None
    """None: as many as the database's limits say."""
    format: Format = "table"


@dataclass(frozen=True, slots=True)
class _Result:
    """What was read of a statement, from some row on."""

    database: str
    query_id: str
    columns: list[dict[str, str]]
    rows: Rows
    start: int
    """Rows before these."""
    cut_by: Literal["rows", "bytes"] | None
    """The limit that reading stopped at."""
    elapsed_ms: float
    hidden_columns: int
    notes: list[str]

    def as_bytes(self, rows: Rows, start: int) -> bytes:
        """To be kept for the next pages, from row `start` on."""
        return orjson.dumps(
            {
                "database": self.database,
                "query_id": self.query_id,
                "columns": self.columns,
                "rows": rows,
                "start": start,
                "cut_by": self.cut_by,
                "elapsed_ms": self.elapsed_ms,
                "hidden_columns": self.hidden_columns,
                "notes": self.notes,
            }
        )


@dataclass(frozen=True, slots=True)
class QueryRunner:
    """Queries the databases."""

    databases: Databases
    spool: Spool
    cursors: Cursors

    async def run(self, database: Database, wish: Wish, caller: Principal) -> Rendered:
        """The first page. What was read beyond it is kept for the next ones.

        Raises:
            TooBusy: this caller's statements are used up; and what the engine raises.
        """
        note_in_audit(database=database.name)
        limits = database.limits
        statement = Statement(wish.sql, wish.parameters, limits.read_rows)
        async with database.quota.statement(person_key(caller)):
            try:
                reading = await database.engine.read(statement, caller)
            except StatementRefused as error:
                raise _with_actions(error, database, caller) from None
        result = await _result(database, reading, caller)
        place = Place(
            result.query_id,
            0,
            min(wish.page_rows or limits.page_rows, limits.read_rows),
            wish.format,
        )
        page = _Page(result, place, limits.page_bytes)
        if page.rest:
            is_kept = await self.spool.keep(
                person_key(caller),
                result.query_id,
                result.as_bytes(page.rest, page.end),
                lifetime_s=limits.spool_s,
                most_bytes=limits.spool_bytes,
            )
            return page.rendered(self._next(page, database, caller) if is_kept else None)
        return page.rendered(None)

    async def next_page(self, cursor: str, caller: Principal) -> Rendered:
        """The page that a cursor leads to. Nothing is run.

        Raises:
            PageGone: the cursor is none of this caller's, or its pages are no longer kept.
        """
        for database in self.databases.visible_to(caller):
            place = self.cursors.open(cursor, _sealed_for(database, caller))
            if place is not None:
                return await self._page(database, place, caller)
        raise page_gone()

    async def explain(self, database: Database, wish: Wish, caller: Principal) -> Explanation:
        """What the planner expects. Raises as `run` does."""
        note_in_audit(database=database.name)
        async with database.quota.statement(person_key(caller)):
            try:
                estimate = await database.engine.explain(
                    Statement(wish.sql, wish.parameters), caller
                )
            except StatementRefused as error:
                raise _with_actions(error, database, caller) from None
        return Explanation(
            database=database.name,
            verdict="too_expensive" if estimate.problem else "runs",
            cost=estimate.cost,
            rows=estimate.rows,
            plan=[clean(line) for line in estimate.plan],
            advice=estimate.problem,
        )

    async def _page(self, database: Database, place: Place, caller: Principal) -> Rendered:
        note_in_audit(database=database.name)
        content = await self.spool.get(person_key(caller), place.query_id)
        if content is None:
            raise page_gone()
        result = _Result(**orjson.loads(content))
        page = _Page(result, place, database.limits.page_bytes)
        return page.rendered(self._next(page, database, caller) if page.rest else None)

    def _next(self, page: "_Page", database: Database, caller: Principal) -> str:
        place = Place(page.result.query_id, page.end, page.place.page_rows, page.place.format)
        return self.cursors.seal(place, _sealed_for(database, caller), database.limits.spool_s)


class _Page:
    """As many rows from a place on as were asked for and fit."""

    def __init__(self, result: _Result, place: Place, most_bytes: int) -> None:
        self.result = result
        self.place = place
        names = [column["name"] for column in result.columns]
        begin = place.offset - result.start
        wanted, self._cleaned = clean_rows(result.rows[begin : begin + place.page_rows])
        self.rows, self._shown = fitting(
            wanted, most_bytes, lambda rows: RENDERED[place.format](names, rows)
        )
        self.end = place.offset + len(self.rows)
        self.rest = result.rows[begin + len(self.rows) :]

    def rendered(self, next_cursor: str | None) -> Rendered:
        """The answer to the call (results.QueryResult)."""
        result, shape = self.result, self.place.format
        head: dict[str, Any] = {
            "database": result.database,
            "query_id": result.query_id,
            "columns": result.columns,
            "rows": [],
            "row_count": len(self.rows),
            "offset": self.place.offset,
            "truncated": bool(self.rest) or result.cut_by is not None,
            "elapsed_ms": result.elapsed_ms,
            "hidden_columns": result.hidden_columns,
            "warnings": self._warnings(next_cursor),
        }
        if next_cursor is not None:
            head["next_cursor"] = next_cursor
        if shape in {"markdown", "csv"}:
            text = self._shown.decode()
            return Rendered({**head, "text": text}, text)
        field = "rows" if shape == "table" else "records"
        # The rows are JSON already, from looking whether they fit.
        whole = orjson.dumps({**head, field: orjson.Fragment(self._shown)}).decode()
        rows = self.rows if shape == "table" else orjson.loads(self._shown)
        return Rendered(head, whole, {field: rows})

    def _warnings(self, next_cursor: str | None) -> list[str]:
        told = list(self.result.notes)
        if self._cleaned:
            told.insert(0, f"Unseen control characters were taken out of {self._cleaned} values.")
        extent = self._extent(next_cursor)
        return [extent, *told] if extent else told

    def _extent(self, next_cursor: str | None) -> str | None:
        """What part of the whole this is, when it is not the whole."""
        cut_by, last, begin = self.result.cut_by, self.end + len(self.rest), self.place.offset
        rows = (
            f"the first {self.end:,} rows" if not begin else f"rows {begin + 1:,} to {self.end:,}"
        )
        if next_cursor is not None:
            total = f"more than {last:,}" if cut_by else f"{last:,}"
            return f"Only {rows} of {total} are here; next_cursor gives the next page."
        if self.rest:
            return f"Only {rows} are here; there are more, which could not be kept. Filter or aggregate."
        if cut_by == "bytes":
            return f"Only {rows} fit into the largest answer. Select fewer columns."
        if cut_by == "rows":
            return f"Only {rows} are here; there are more. Filter or aggregate."
        return None


async def _result(database: Database, reading: Reading, caller: Principal) -> _Result:
    found = await _relations(database, reading, caller)
    columns: list[dict[str, str]] = [
        {"name": clean(column.name), "type": column.type}
        | ({"masked": column.mask} if column.mask else {})
        for column in reading.columns
    ]
    return _Result(
        database=database.name,
        query_id=new_query_id(),
        columns=columns,
        rows=reading.rows,
        start=0,
        cut_by=reading.cut_by,
        elapsed_ms=round(reading.elapsed_ms, 3),
        hidden_columns=sum(relation.hidden_columns for relation in found),
        notes=_notes(reading, found),
    )


async def _relations(database: Database, reading: Reading, caller: Principal) -> Sequence[Relation]:
    if not reading.relations:
        return []
    catalog = await database.engine.catalog(caller)
    named = (catalog.find(name) for name in sorted(reading.relations))
    return [relation for relation in named if relation is not None]


def _notes(reading: Reading, relations: Sequence[Relation]) -> list[str]:
    """What stays true on every page of the result."""
    notes: list[str] = []
    if reading.cut_cells:
        notes.append(f"{reading.cut_cells} long values were cut.")
    notes += [
        f"{_columns(relation.hidden_columns)} of {relation.name} hidden by policy."
        for relation in relations
        if relation.hidden_columns
    ]
    masked = [f"{column.name} ({column.mask})" for column in reading.columns if column.mask]
    if masked:
        notes.append(f"Masked by policy: {', '.join(masked)}.")
    filtered = [relation.name for relation in relations if relation.rows_filtered]
    if filtered:
        notes.append(f"Only rows that you may see, by policy: {', '.join(filtered)}.")
    return notes


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


def _with_actions(
    error: StatementRefused, database: Database, caller: Principal
) -> StatementRefused:
    """To a writing statement belongs what may be changed instead."""
    actions = database.actions_of(caller)
    if error.details.get("rule") == READS_ONLY:
        error.add_hint(
            f"What you may change here has a tool of its own: {', '.join(actions)}."
            if actions
            else "You may change nothing here."
        )
    return error


def _sealed_for(database: Database, caller: Principal) -> str:
    """Whose cursor it is: what the caller may see is part of it, so a lost role ends the pages, too."""
    return f"{database.name}/{database.standing(caller)}"
