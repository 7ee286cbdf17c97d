"""Reads the structure of an SQLite file, with statements of our own."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mcp_dbquery.engine import Catalog, Column, Index, Relation
from mcp_dbquery.errors import DatabaseAway
from mcp_dbquery.sqlite.file import Relation as FileRelation
from mcp_dbquery.sqlite.file import open_read_only, visible_tables

BUDGET_S = 3.0
"""What takes longer than this, over all tables, is left out: the count of their rows."""
OPS_BETWEEN_CHECKS = 10_000


def read_catalog(path: Path) -> Catalog:
    """All tables and views of the file. Raises DatabaseAway."""
    with _reading(path) as connection:
        return Catalog(
            {table.name: _relation(connection, table) for table in visible_tables(connection)}
        )


def quoted(name: str) -> str:
    """A name as it stands in a statement, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _reading(path: Path) -> Generator[sqlite3.Connection]:
    """A connection whose statements are interrupted once the budget is used up."""
    deadline = time.monotonic() + BUDGET_S
    try:
        connection = open_read_only(path)
    except sqlite3.Error:
        raise DatabaseAway("The database cannot be asked right now.") from None
    try:
        connection.row_factory = sqlite3.Row
        connection.set_progress_handler(
            lambda: int(time.monotonic() > deadline), OPS_BETWEEN_CHECKS
        )
        yield connection
    finally:
        connection.close()


def _relation(connection: sqlite3.Connection, table: FileRelation) -> Relation:
    references = {
        row["from"]: f"{row['table']}.{row['to'] or 'id'}"
        for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (table.name,))
    }
    return Relation(
        name=table.name,
        kind="view" if table.kind == "view" else "table",
        columns=tuple(
            Column(
                name=column["name"],
                type=column["type"] or "any",
                nullable=not column["notnull"] and not column["pk"],
                primary_key=bool(column["pk"]),
                references=references.get(column["name"]),
            )
            for column in _table_info(connection, table.name)
        ),
        rows_estimate=None if table.kind == "view" else _count(connection, table.name),
        indexes=tuple(_indexes(connection, table.name)),
    )


def _indexes(connection: sqlite3.Connection, table: str) -> Generator[Index]:
    found = connection.execute(
        'SELECT name, "unique" FROM pragma_index_list(?) ORDER BY name', (table,)
    ).fetchall()
    for row in found:
        columns = connection.execute(
            "SELECT name FROM pragma_index_info(?) ORDER BY seqno", (row["name"],)
        ).fetchall()
        names = tuple(str(column["name"]) for column in columns if column["name"] is not None)
        if names:
            yield Index(row["name"], names, bool(row["unique"]))


def _count(connection: sqlite3.Connection, name: str) -> int | None:
    """None when there was no time for it, or a virtual table cannot be read."""
    try:
        return int(connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0])  # noqa: S608 - quoted
    except sqlite3.OperationalError:
        return None


def _table_info(connection: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    try:
        return connection.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()
    except sqlite3.OperationalError:  # a view of something that is gone
        return []
