"""Reads the structure of a database, with statements of our own."""

import sqlite3
import time
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mcp_dbquery.errors import UnknownTable
from mcp_dbquery.results import (
    ColumnDescription,
    TableDescription,
    TableDescriptions,
    TableList,
    TableSummary,
)
from mcp_dbquery.sqlite_file import open_read_only, visible_tables

COUNT_BUDGET_S = 1.0
FEW_VALUES = 12
SAMPLED_FOR_VALUES = 5_000
MAX_EXAMPLE_CHARACTERS = 40
OPS_BETWEEN_CHECKS = 10_000


def list_tables(path: Path, pattern: str | None) -> TableList:
    """Visible tables whose name contains `pattern`, by name."""
    connection = _open(path)
    try:
        names = [
            name
            for name in visible_tables(connection)
            if pattern is None or pattern.lower() in name.lower()
        ]
        return TableList(
            tables=[
                TableSummary(
                    name=name,
                    kind=_kind(connection, name),
                    columns=len(_table_info(connection, name)),
                    rows=_count(connection, name),
                )
                for name in names
            ]
        )
    finally:
        connection.close()


def describe_tables(path: Path, tables: Sequence[str], sample_rows: int) -> TableDescriptions:
    """Raises UnknownTable for a name that is not visible."""
    connection = _open(path)
    try:
        visible = {name.lower(): name for name in visible_tables(connection)}
        return TableDescriptions(
            tables=[_describe(connection, _find(visible, name), sample_rows) for name in tables]
        )
    finally:
        connection.close()


def closest(name: str, candidates: Sequence[str]) -> str:
    """`Did you mean …?`, or nothing when nothing is near."""
    near = get_close_matches(name.lower(), [c.lower() for c in candidates], n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def columns_of(path: Path) -> dict[str, list[str]]:
    """Column names by table, for hints."""
    connection = _open(path)
    try:
        return {
            name: [str(column["name"]) for column in _table_info(connection, name)]
            for name in visible_tables(connection)
        }
    finally:
        connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = open_read_only(path)
    connection.row_factory = sqlite3.Row
    return connection


def _find(visible: dict[str, str], name: str) -> str:
    found = visible.get(name.lower())
    if found is None:
        raise UnknownTable(f"There is no table “{name}”.{closest(name, list(visible))}")
    return found


def _describe(connection: sqlite3.Connection, name: str, sample_rows: int) -> TableDescription:
    references = {
        row["from"]: f"{row['table']}.{row['to'] or 'id'}"
        for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (name,))
    }
    rows = _count(connection, name)
    sample = connection.execute(f"SELECT * FROM {_quoted(name)} LIMIT ?", (sample_rows,))  # noqa: S608 - quoted
    return TableDescription(
        name=name,
        kind=_kind(connection, name),
        rows=rows,
        columns=[
            ColumnDescription(
                name=column["name"],
                type=column["type"] or "any",
                nullable=not column["notnull"] and not column["pk"],
                primary_key=bool(column["pk"]),
                references=references.get(column["name"]),
                values=_few_values(connection, name, column),
            )
            for column in _table_info(connection, name)
        ],
        sample_rows=[[_shortened(value) for value in row] for row in sample],
    )


def _few_values(
    connection: sqlite3.Connection, table: str, column: sqlite3.Row
) -> list[str] | None:
    """All values of a text column that has only a handful, such as a status."""
    if column["pk"] or "TEXT" not in str(column["type"]).upper():
        return None
    name = _quoted(column["name"])
    with _budget(connection):
        try:
            rows = connection.execute(
                f"SELECT DISTINCT {name} FROM (SELECT {name} FROM {_quoted(table)} LIMIT ?) "  # noqa: S608 - quoted
                f"WHERE {name} IS NOT NULL LIMIT ?",
                (SAMPLED_FOR_VALUES, FEW_VALUES + 1),
            ).fetchall()
        except sqlite3.OperationalError:
            return None
    values = sorted(str(row[0]) for row in rows)
    if (
        not values
        or len(values) > FEW_VALUES
        or any(len(v) > MAX_EXAMPLE_CHARACTERS for v in values)
    ):
        return None
    return values


def _count(connection: sqlite3.Connection, name: str) -> int | None:
    with _budget(connection):
        try:
            row = connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()  # noqa: S608 - quoted
        except sqlite3.OperationalError:
            return None
    return int(row[0])


class _budget:  # noqa: N801 - reads as a statement
    """Interrupts statements of ours that take too long."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        deadline = time.monotonic() + COUNT_BUDGET_S
        self._connection.set_progress_handler(
            lambda: int(time.monotonic() > deadline), OPS_BETWEEN_CHECKS
        )

    def __exit__(self, *_: object) -> None:
        self._connection.set_progress_handler(None, 0)


def _kind(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT type FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return str(row[0])


def _table_info(connection: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    return connection.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _shortened(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return f"{value[:200]}…" if isinstance(value, str) and len(value) > 200 else value
