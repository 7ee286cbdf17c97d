"""What is in the database: tables, their columns, keys, indexes and comments.

Read from PostgreSQL's catalogue, which every login may read, so `init` (as the owner) and the server (as the reading
login) see the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from mcp_dbquery.config import DatabaseConfig, TableRule
from shared.errors import BadSetup

SESSION_VIEW = "mcp_session"
"""A view of ours beside those of the tables: what the database believes of who asks. Not in the catalogue."""

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, obj_description(c.oid, 'pg_class') AS comment,
       c.reltuples::float8 AS rows, c.oid::int8 AS oid, coalesce(c.reloptions, '{}') AS options,
       coalesce((SELECT json_agg(json_build_object(
           'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'number', a.attnum,
           'base', t.typname, 'nullable', NOT a.attnotnull, 'comment', col_description(c.oid, a.attnum))
           ORDER BY a.attnum)
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]')::text AS columns,
       coalesce((SELECT json_agg(json_build_object(
           'name', i.relname, 'unique', x.indisunique, 'primary', x.indisprimary,
           'columns', (SELECT json_agg(a.attname ORDER BY k.at)
              FROM unnest(x.indkey::int2[]) WITH ORDINALITY k(number, at)
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE k.at <= x.indnkeyatts),
           'whole', x.indpred IS NULL AND x.indexprs IS NULL) ORDER BY i.relname)
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisvalid), '[]')
         ::text AS indexes,
       coalesce((SELECT json_agg(json_build_object(
           'schema', fn.nspname, 'table', f.relname, 'column', a.attname, 'to', b.attname) ORDER BY k.conname)
         FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
         JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = k.confkey[1]
         WHERE k.conrelid = c.oid AND k.contype = 'f' AND cardinality(k.conkey) = 1), '[]')::text AS keys
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
ORDER BY array_position(%s::name[], n.nspname), c.relname
"""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the database has it."""

    name: str
    type: str
    base: str
    """The type's name in pg_type."""
    nullable: bool
    comment: str | None
    number: int


@dataclass(frozen=True, slots=True)
class TableIndex:
    """An index; `whole` ones have neither a condition nor an expression."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A key of one column."""

    column: str
    schema: str
    table: str
    to: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view as the database has it."""

    schema: str
    name: str
    kind: str
    """pg_class.relkind: r, p, v, m or f."""
    oid: int
    columns: tuple[TableColumn, ...]
    comment: str | None = None
    rows: float = -1.0
    """The planner's estimate, -1 when nobody has counted yet."""
    indexes: tuple[TableIndex, ...] = ()
    keys: tuple[ForeignKey, ...] = ()
    options: frozenset[str] = frozenset()

    def column(self, name: str) -> TableColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


async def read_tables(connection: AsyncConnection[Any], schemas: Sequence[str]) -> list[Table]:
    """All tables and views of these schemas, in their order and then by name. Partitions count as their parent."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_TABLES, [list(schemas), list(schemas)])
        return [_table(row) for row in await cursor.fetchall()]


def _table(row: dict[str, Any]) -> Table:
    return Table(
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        oid=row["oid"],
        comment=row["comment"],
        rows=row["rows"],
        options=frozenset(row["options"]),
        columns=tuple(TableColumn(**column) for column in json.loads(row["columns"])),
        indexes=tuple(
            TableIndex(
                index["name"],
                tuple(index["columns"] or ()),
                index["unique"],
                index["primary"],
                index["whole"],
            )
            for index in json.loads(row["indexes"])
        ),
        keys=tuple(
            ForeignKey(k["column"], k["schema"], k["table"], k["to"])
            for k in json.loads(row["keys"])
        ),
    )


@dataclass(frozen=True, slots=True)
class Exposed:
    """A table that may be asked: under which name, and by which rule."""

    table: Table
    name: str
    rule: TableRule
    columns: tuple[TableColumn, ...]
    """Those that the rule does not hide."""

    @property
    def hidden_columns(self) -> int:
        return len(self.table.columns) - len(self.columns)


def exposed_tables(config: DatabaseConfig, tables: Sequence[Table]) -> list[Exposed]:
    """The tables that the configuration shows, by the name of their views.

    Raises:
        BadSetup: a rule names a table or column that is not there, so it would protect nothing; or two views would
            have the same name.
    """
    found: dict[str, Exposed] = {}
    used: set[str] = set()
    for table in tables:
        key = table.name if table.schema == config.schemas[0] else f"{table.schema}.{table.name}"
        rule = config.tables.get(key)
        used |= {key} if rule is not None else set()
        if rule is not None:
            _check_rule(key, rule, table)
        if (rule is None and config.expose == "listed") or (rule is not None and rule.hidden):
            continue
        rule = rule or TableRule()
        name = view_name(config, table)
        if name in found or name == SESSION_VIEW:
            raise BadSetup(f"The tables give more than one view called {name}; hide one of them.")
        columns = tuple(
            column
            for column in table.columns
            if not (column.name in rule.columns and rule.columns[column.name].hidden)
        )
        found[name] = Exposed(table, name, rule, columns)
    missing = sorted(set(config.tables) - used)
    if missing:
        raise BadSetup(f"The rules name tables that are not there: {', '.join(missing)}.")
    return [found[name] for name in sorted(found)]


def view_name(config: DatabaseConfig, table: Table) -> str:
    """How a table is called in statements: tables outside the first schema carry their schema's name."""
    if table.schema == config.schemas[0]:
        return table.name
    return f"{table.schema}.{table.name}" if config.direct else f"{table.schema}_{table.name}"


def _check_rule(key: str, rule: TableRule, table: Table) -> None:
    missing = sorted(set(rule.columns) - {column.name for column in table.columns})
    if missing:
        raise BadSetup(
            f"The rules for {key} name columns that are not there: {', '.join(missing)}."
        )
