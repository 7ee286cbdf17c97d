"""Reads the structure of a database, with statements of our own."""

import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from mcp_dbquery.errors import QueryFailed, UnknownTable
from mcp_dbquery.results import (
    ColumnDescription,
    TableDescription,
    TableDescriptions,
    TableList,
    TableSummary,
)
from mcp_dbquery.sqlite_file import Relation, open_read_only, visible_tables

BUDGET_S = 3.0
"""What takes longer than this, over all tables of one call, is left out: a count, values, sample rows."""
FEW_VALUES = 12
LOOKED_THROUGH = 5_000
"""Rows in which the values of a column are looked for."""
MAX_EXAMPLE_CHARACTERS = 40
OPS_BETWEEN_CHECKS = 10_000


def list_tables(path: Path, pattern: str | None) -> TableList:
    """Visible tables whose name contains `pattern`, by name."""
    with _reading(path) as connection:
        return TableList(
            tables=[
                TableSummary(
                    name=table.name,
                    kind=_kind(table),
                    columns=len(_table_info(connection, table.name)),
                    rows=None if table.kind == "view" else _count(connection, table.name),
                )
                for table in visible_tables(connection)
                if pattern is None or pattern.lower() in table.name.lower()
            ]
        )


def describe_tables(path: Path, names: Sequence[str], sample_rows: int) -> TableDescriptions:
    """Raises UnknownTable for a name that is not visible."""
    with _reading(path) as connection:
        visible = {table.name.lower(): table for table in visible_tables(connection)}
        tables = [_find(visible, name) for name in names]
        return TableDescriptions(
            tables=[_describe(connection, table, sample_rows) for table in tables]
        )


def closest(name: str, candidates: Sequence[str]) -> str:
    """`Did you mean …?`, or nothing when nothing is near."""
    near = get_close_matches(name.lower(), [c.lower() for c in candidates], n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def columns_of(path: Path) -> dict[str, list[str]]:
    """Column names by table, for hints."""
    with _reading(path) as connection:
        return {
            table.name: [str(column["name"]) for column in _table_info(connection, table.name)]
            for table in visible_tables(connection)
        }


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection]:
    """A connection whose statements are interrupted once the budget is used up."""
    deadline = time.monotonic() + BUDGET_S
    try:
        connection = open_read_only(path)
    except sqlite3.Error:
        raise QueryFailed("The database cannot be asked right now.") from None
    try:
        connection.row_factory = sqlite3.Row
        connection.set_progress_handler(
            lambda: int(time.monotonic() > deadline), OPS_BETWEEN_CHECKS
        )
        yield connection
    finally:
        connection.close()


def _find(visible: dict[str, Relation], name: str) -> Relation:
    found = visible.get(name.lower())
    if found is None:
        raise UnknownTable(f"There is no table “{name}”.{closest(name, list(visible))}")
    return found


def _describe(
    connection: sqlite3.Connection, table: Relation, sample_rows: int
) -> TableDescription:
    references = {
        row["from"]: f"{row['table']}.{row['to'] or 'id'}"
        for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (table.name,))
    }
    return TableDescription(
        name=table.name,
        kind=_kind(table),
        rows=_count(connection, table.name),
        columns=[
            ColumnDescription(
                name=column["name"],
                type=column["type"] or "any",
                nullable=not column["notnull"] and not column["pk"],
                primary_key=bool(column["pk"]),
                references=references.get(column["name"]),
                values=_few_values(connection, table.name, column),
            )
            for column in _table_info(connection, table.name)
        ],
        sample_rows=_sample(connection, table.name, sample_rows),
    )


def _sample(connection: sqlite3.Connection, name: str, limit: int) -> list[list[JsonValue]]:
    rows = _rows_in_time(connection, f"SELECT * FROM {_quoted(name)} LIMIT ?", limit)  # noqa: S608 - quoted
    return [[_shortened(value) for value in row] for row in rows or ()]


def _few_values(
    connection: sqlite3.Connection, table: str, column: sqlite3.Row
) -> list[str] | None:
    """The values of a text column that has only a handful, such as a status, as far as the first rows tell."""
    if column["pk"] or not _holds_text(str(column["type"])):
        return None
    name = _quoted(column["name"])
    rows = _rows_in_time(
        connection,
        f"SELECT DISTINCT {name} FROM (SELECT {name} FROM {_quoted(table)} LIMIT ?) "  # noqa: S608 - quoted
        f"WHERE {name} IS NOT NULL LIMIT ?",
        LOOKED_THROUGH,
        FEW_VALUES + 1,
    )
    values = sorted(str(row[0]) for row in rows or ())
    is_closed_set = 0 < len(values) <= FEW_VALUES and all(
        len(value) <= MAX_EXAMPLE_CHARACTERS for value in values
    )
    return values if is_closed_set else None


def _holds_text(declared_type: str) -> bool:
    """As SQLite itself decides it: https://sqlite.org/datatype3.html#determination_of_column_affinity."""
    return any(word in declared_type.upper() for word in ("CHAR", "CLOB", "TEXT"))


def _count(connection: sqlite3.Connection, name: str) -> int | None:
    rows = _rows_in_time(connection, f"SELECT count(*) FROM {_quoted(name)}")  # noqa: S608 - quoted
    return int(rows[0][0]) if rows else None


def _rows_in_time(
    connection: sqlite3.Connection, sql: str, *parameters: object
) -> list[sqlite3.Row] | None:
    """None when there was no time for it, or the view or virtual table cannot be read."""
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError:
        return None


def _kind(table: Relation) -> str:
    return "view" if table.kind == "view" else "table"


def _table_info(connection: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    try:
        return connection.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()
    except sqlite3.OperationalError:  # a view of something that is gone
        return []


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shortened(value: Any) -> JsonValue:
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return f"{value[:200]}…" if isinstance(value, str) and len(value) > 200 else value
