"""Describes what a caller may ask, from the engine's catalogue and guarded statements of our own."""

import asyncio
import base64
import binascii
import fnmatch
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from mcp_dbquery.cleaning import clean
from mcp_dbquery.databases import Database, person_key
from mcp_dbquery.engine import Catalog, Column, Relation, Statement
from mcp_dbquery.errors import DatabaseAway, UnknownRelation
from mcp_dbquery.hints import did_you_mean, shortened
from mcp_dbquery.pages import page_gone
from mcp_dbquery.results import (
    ColumnDescription,
    DatabaseSummary,
    IndexDescription,
    LimitsTold,
    TableDescription,
    TableDescriptions,
    TableList,
    TableSummary,
)
from shared.mcp_server import Problem
from shared.service_tokens import Principal

Detail = Literal["columns", "full"]
Kind = Literal["table", "view"]

BUDGET_S = 3.0
"""What takes longer than this, over all tables of one call, is left out: values and sample rows."""
FEW_VALUES = 12
LOOKED_THROUGH = 5_000
"""Rows in which the values of a column are looked for."""
MAX_EXAMPLE_CHARACTERS = 40
MAX_CELL_CHARACTERS = 200
"""Of a value in a sample row."""
MAX_RESTRICTIONS = 30
TEXT_TYPES = ("CHAR", "CLOB", "TEXT", "ENUM")
VALUES_S = 60.0
"""How long the few values of a column may be out of date."""
MAX_VALUES_KEPT = 5_000

ValueKey = tuple[str, str, str, str]
"""Database, standing of the caller there, table, column."""


@dataclass(slots=True)
class ValueCache:
    """The few values of columns as somebody sees them, for a minute. None: there are not few."""

    clock: Callable[[], float] = field(default=time.monotonic)
    _known: dict[ValueKey, tuple[float, list[str] | None]] = field(
        default_factory=dict[ValueKey, tuple[float, list[str] | None]], init=False
    )

    def get(self, key: ValueKey) -> tuple[list[str] | None] | None:
        """What is known, in a tuple of its own, since None is an answer, too."""
        found = self._known.get(key)
        return None if found is None or found[0] < self.clock() else (found[1],)

    def put(self, key: ValueKey, values: list[str] | None) -> None:
        if len(self._known) >= MAX_VALUES_KEPT:
            self._known.clear()
        self._known[key] = (self.clock() + VALUES_S, values)


async def summarise(database: Database, caller: Principal) -> DatabaseSummary:
    """A database with its limits and with what the policy keeps from this caller."""
    limits = database.limits
    told = LimitsTold.model_validate(limits, from_attributes=True)
    # SQLite's planner tells no cost.
    cost = None if database.engine.dialect == "sqlite" else limits.cost
    return DatabaseSummary(
        name=database.name,
        dialect=database.engine.dialect,
        description=database.config.description,
        limits=told.model_copy(update={"cost": cost}),
        restrictions=await restrictions(database, caller),
        actions=database.actions_of(caller),
    )


async def restrictions(database: Database, caller: Principal) -> list[str]:
    """What is hidden, masked or filtered for this caller, a sentence a table."""
    try:
        catalog = await database.engine.catalog(caller)
    except DatabaseAway as error:
        return [str(error)]
    told = [sentence for relation in catalog.relations.values() for sentence in _kept(relation)]
    if len(told) > MAX_RESTRICTIONS:
        more = len(told) - MAX_RESTRICTIONS
        return [*told[:MAX_RESTRICTIONS], f"{more} more; describe_tables tells them by table."]
    return told


def _kept(relation: Relation) -> list[str]:
    told: list[str] = []
    masked = [f"{column.name} ({column.mask})" for column in relation.columns if column.mask]
    if masked:
        told.append(f"{relation.name}: masked are {', '.join(masked)}.")
    if relation.hidden_columns:
        number = relation.hidden_columns
        told.append(f"{relation.name}: {number} column{'s are' if number > 1 else ' is'} hidden.")
    if relation.rows_filtered:
        told.append(f"{relation.name}: only the rows that you may see.")
    return told


async def list_tables(
    database: Database,
    caller: Principal,
    *,
    pattern: str | None = None,
    kind: Kind | None = None,
    cursor: str | None = None,
    limit: int = 500,
) -> TableList:
    """Visible tables by name. Raises PageGone: the cursor is none of ours."""
    catalog = await database.engine.catalog(caller)
    after = "" if cursor is None else _opened(cursor)
    fitting = [
        relation
        for name, relation in sorted(catalog.relations.items())
        if name > after and kind in {None, relation.kind} and _fits(pattern, name)
    ]
    shown = fitting[:limit]
    return TableList(
        database=database.name,
        tables=[
            TableSummary(
                name=relation.name,
                kind=relation.kind,
                columns=len(relation.columns),
                rows=relation.rows_estimate,
                comment=_cleaned(relation.comment),
            )
            for relation in shown
        ],
        next_cursor=_sealed(shown[-1].name) if len(fitting) > limit else None,
    )


def _fits(pattern: str | None, name: str) -> bool:
    """A part of the name, or with * and ? the whole."""
    if pattern is None:
        return True
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(name.lower(), pattern.lower())
    return pattern.lower() in name.lower()


def _sealed(name: str) -> str:
    """Not secret and not signed: it only says after which visible name to go on."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def _opened(cursor: str) -> str:
    try:
        return base64.b64decode(cursor, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise page_gone() from None


async def describe_tables(
    database: Database,
    caller: Principal,
    tables: Sequence[str],
    values: ValueCache,
    *,
    detail: Detail = "full",
    sample_rows: int = 0,
) -> TableDescriptions:
    """Each once, in the order asked.

    Raises:
        UnknownRelation: a name is not visible.
        TooBusy: values cannot be looked up now.
    """
    catalog = await database.engine.catalog(caller)
    found = [_find(catalog, table) for table in dict.fromkeys(tables)]
    looking = _Looking(database, caller, values)
    if detail == "full" or sample_rows:
        await looking.look(found, with_values=detail == "full", sample_rows=sample_rows)
    return TableDescriptions(
        database=database.name,
        tables=[looking.describe(catalog, relation, detail) for relation in found],
    )


def _find(catalog: Catalog, name: str) -> Relation:
    found = catalog.find(name)
    if found is None:
        near = did_you_mean(name, catalog.relations)
        raise UnknownRelation(
            f"There is no table “{shortened(name)}”.",
            hint=near.sentence or None,
            did_you_mean=near.names,
        )
    return found


class _Looking:
    """Looks at values of tables, as long as there is time; then tells what is known."""

    def __init__(self, database: Database, caller: Principal, values: ValueCache) -> None:
        self._database = database
        self._engine = database.engine
        self._caller = caller
        self._standing = database.standing(caller)
        self._values = values
        self._samples: dict[str, list[list[JsonValue]]] = {}
        self._deadline = 0.0

    async def look(
        self, relations: Sequence[Relation], *, with_values: bool, sample_rows: int
    ) -> None:
        """Counts as one statement of the caller, when anything is not known yet."""
        missing = [
            (relation, column)
            for relation in relations
            for column in relation.columns
            if with_values
            and _may_have_few_values(column)
            and self._values.get(self._key(relation, column)) is None
        ]
        if not missing and not sample_rows:
            return
        async with self._database.quota.statement(person_key(self._caller)):
            self._deadline = asyncio.get_running_loop().time() + BUDGET_S
            for relation in relations:
                if sample_rows:
                    self._samples[relation.name] = await self._sample(relation, sample_rows)
                for column in (column for other, column in missing if other is relation):
                    await self._look_at(relation, column)

    def describe(self, catalog: Catalog, relation: Relation, detail: Detail) -> TableDescription:
        is_full = detail == "full"
        return TableDescription(
            name=relation.name,
            kind=relation.kind,
            rows=relation.rows_estimate,
            comment=_cleaned(relation.comment),
            columns=[
                ColumnDescription(
                    name=column.name,
                    type=column.type,
                    nullable=column.nullable,
                    primary_key=column.primary_key,
                    references=column.references,
                    masked=column.mask,
                    comment=_cleaned(column.comment),
                    values=self._known(relation, column) if is_full else None,
                )
                for column in relation.columns
            ],
            indexes=[
                IndexDescription(columns=list(index.columns), unique=index.unique)
                for index in (relation.indexes if is_full else ())
            ],
            referenced_by=_referenced_by(catalog, relation) if is_full else [],
            hidden_columns=relation.hidden_columns,
            rows_filtered=relation.rows_filtered,
            sample_rows=self._samples.get(relation.name, []),
        )

    def _key(self, relation: Relation, column: Column) -> ValueKey:
        return (self._database.name, self._standing, relation.name, column.name)

    def _known(self, relation: Relation, column: Column) -> list[str] | None:
        if not _may_have_few_values(column):
            return None
        known = self._values.get(self._key(relation, column))
        return None if known is None else known[0]

    async def _sample(self, relation: Relation, limit: int) -> list[list[JsonValue]]:
        shown = [
            self._engine.quoted(column.name) if column.examples else "NULL"
            for column in relation.columns
        ]
        if not shown:
            return []
        table = self._engine.quoted(relation.name)
        sql = f"SELECT {', '.join(shown)} FROM {table} LIMIT {limit}"  # noqa: S608 - quoted
        rows = await self._rows(sql, limit)
        return [[_shortened(value) for value in row] for row in rows or []]

    async def _look_at(self, relation: Relation, column: Column) -> None:
        """The values of a text column that has only a handful, such as a status."""
        name, table = self._engine.quoted(column.name), self._engine.quoted(relation.name)
        rows = await self._rows(
            f"SELECT DISTINCT {name} FROM (SELECT {name} FROM {table} LIMIT {LOOKED_THROUGH}) AS t "  # noqa: S608 - quoted
            f"WHERE {name} IS NOT NULL LIMIT {FEW_VALUES + 1}",
            FEW_VALUES + 1,
        )
        if rows is None:
            return
        values = sorted(clean(str(row[0])) for row in rows)
        is_closed_set = 0 < len(values) <= FEW_VALUES and all(
            len(value) <= MAX_EXAMPLE_CHARACTERS for value in values
        )
        self._values.put(self._key(relation, column), values if is_closed_set else None)

    async def _rows(self, sql: str, limit: int) -> list[list[JsonValue]] | None:
        """None when there is no time for it, or the table cannot be read."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return (await self._engine.read(Statement(sql, [], limit), self._caller)).rows
        except (TimeoutError, Problem):
            return None


def _may_have_few_values(column: Column) -> bool:
    is_told = column.examples and column.mask is None and not column.primary_key
    return is_told and any(word in column.type.upper() for word in TEXT_TYPES)


def _referenced_by(catalog: Catalog, relation: Relation) -> list[str]:
    return [
        f"{other.name}.{column.name}"
        for other in catalog.relations.values()
        for column in other.columns
        if column.references is not None
        and column.references.rpartition(".")[0].lower() == relation.name.lower()
    ]


def _shortened(value: JsonValue) -> JsonValue:
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"{text[:MAX_CELL_CHARACTERS]}…" if len(text) > MAX_CELL_CHARACTERS else text


def _cleaned(comment: str | None) -> str | None:
    return None if comment is None else clean(comment)
