"""Describes what a caller may ask, from the engine's catalogue and guarded statements of our own."""

import asyncio
from collections.abc import Sequence

from pydantic import JsonValue

from mcp_dbquery.engine import Catalog, Column, Engine, Relation, Statement
from mcp_dbquery.errors import UnknownRelation
from mcp_dbquery.hints import did_you_mean
from mcp_dbquery.results import (
    ColumnDescription,
    IndexDescription,
    TableDescription,
    TableDescriptions,
    TableList,
    TableSummary,
)
from shared.mcp_server import Problem
from shared.service_tokens import Principal

BUDGET_S = 3.0
"""What takes longer than this, over all tables of one call, is left out: values and sample rows."""
FEW_VALUES = 12
LOOKED_THROUGH = 5_000
"""Rows in which the values of a column are looked for."""
MAX_EXAMPLE_CHARACTERS = 40
TEXT_TYPES = ("CHAR", "CLOB", "TEXT", "ENUM")


async def list_tables(
    name: str, engine: Engine, caller: Principal, pattern: str | None
) -> TableList:
    """Visible tables whose name contains `pattern`, by name."""
    catalog = await engine.catalog(caller)
    return TableList(
        database=name,
        tables=[
            TableSummary(
                name=relation.name,
                kind=relation.kind,
                columns=len(relation.columns),
                rows=relation.rows_estimate,
                comment=relation.comment,
            )
            for relation in catalog.relations.values()
            if pattern is None or pattern.lower() in relation.name.lower()
        ],
    )


async def describe_tables(
    name: str, engine: Engine, caller: Principal, tables: Sequence[str], sample_rows: int
) -> TableDescriptions:
    """Raises UnknownRelation for a name that is not visible."""
    catalog = await engine.catalog(caller)
    found = [_find(catalog, table) for table in tables]
    looking = _Looking(engine, caller, asyncio.get_running_loop().time() + BUDGET_S)
    return TableDescriptions(
        database=name,
        tables=[await looking.describe(catalog, relation, sample_rows) for relation in found],
    )


def _find(catalog: Catalog, name: str) -> Relation:
    found = catalog.find(name)
    if found is None:
        near = did_you_mean(name, catalog.relations)
        raise UnknownRelation(
            f"There is no table “{name}”.", hint=near.sentence or None, did_you_mean=near.names
        )
    return found


class _Looking:
    """Looks at values of tables, as long as there is time."""

    def __init__(self, engine: Engine, caller: Principal, deadline: float) -> None:
        self._engine = engine
        self._caller = caller
        self._deadline = deadline

    async def describe(
        self, catalog: Catalog, relation: Relation, sample_rows: int
    ) -> TableDescription:
        return TableDescription(
            name=relation.name,
            kind=relation.kind,
            rows=relation.rows_estimate,
            comment=relation.comment,
            columns=[
                ColumnDescription(
                    name=column.name,
                    type=column.type,
                    nullable=column.nullable,
                    primary_key=column.primary_key,
                    references=column.references,
                    masked=column.mask,
                    comment=column.comment,
                    values=await self._few_values(relation, column),
                )
                for column in relation.columns
            ],
            indexes=[
                IndexDescription(columns=list(index.columns), unique=index.unique)
                for index in relation.indexes
            ],
            referenced_by=_referenced_by(catalog, relation),
            hidden_columns=relation.hidden_columns,
            rows_filtered=relation.rows_filtered,
            sample_rows=await self._sample(relation, sample_rows),
        )

    async def _sample(self, relation: Relation, limit: int) -> list[list[JsonValue]]:
        if not limit:
            return []
        table = self._engine.quoted(relation.name)
        rows = await self._rows(f"SELECT * FROM {table} LIMIT {limit}", limit)  # noqa: S608 - quoted
        return [[_shortened(value) for value in row] for row in rows]

    async def _few_values(self, relation: Relation, column: Column) -> list[str] | None:
        """The values of a text column that has only a handful, such as a status."""
        is_told = column.examples and column.mask is None and not column.primary_key
        if not is_told or not any(word in column.type.upper() for word in TEXT_TYPES):
            return None
        name, table = self._engine.quoted(column.name), self._engine.quoted(relation.name)
        rows = await self._rows(
            f"SELECT DISTINCT {name} FROM (SELECT {name} FROM {table} LIMIT {LOOKED_THROUGH}) AS t "  # noqa: S608 - quoted
            f"WHERE {name} IS NOT NULL LIMIT {FEW_VALUES + 1}",
            FEW_VALUES + 1,
        )
        values = sorted(str(row[0]) for row in rows)
        is_closed_set = 0 < len(values) <= FEW_VALUES and all(
            len(value) <= MAX_EXAMPLE_CHARACTERS for value in values
        )
        return values if is_closed_set else None

    async def _rows(self, sql: str, limit: int) -> list[list[JsonValue]]:
        """Nothing when there is no time for it, or the table cannot be read."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return (await self._engine.read(Statement(sql, [], limit), self._caller)).rows
        except (TimeoutError, Problem):
            return []


def _referenced_by(catalog: Catalog, relation: Relation) -> list[str]:
    return [
        f"{other.name}.{column.name}"
        for other in catalog.relations.values()
        for column in other.columns
        if column.references is not None
        and column.references.rpartition(".")[0].lower() == relation.name.lower()
    ]


def _shortened(value: JsonValue) -> JsonValue:
    return f"{value[:200]}…" if isinstance(value, str) and len(value) > 200 else value
