"""Statements of our own on a worker's connection."""

from collections.abc import Sequence
from typing import Any

import apsw

SqlValue = str | int | float | bytes | None


def rows_of(
    connection: apsw.Connection, sql: str, values: Sequence[SqlValue] = ()
) -> list[tuple[Any, ...]]:
    """All rows that it gives. Their values are what the schema of SQLite's own tables says, or counted."""
    executing: Any = connection
    return executing.execute(sql, values).fetchall()


def value_of(connection: apsw.Connection, sql: str, values: Sequence[SqlValue] = ()) -> Any:
    """The first value of its first row."""
    return rows_of(connection, sql, values)[0][0]
