"""What tables, views and columns an SQLite file has. Read with the worker's connection, before it is confined."""

import contextlib
import re
from dataclasses import dataclass
from typing import Literal

import apsw

from mcp_dbquery.sqlite.ask import rows_of
from mcp_dbquery.sqlite.names import quoted

Kind = Literal["table", "view", "virtual", "shadow"]

VIRTUAL_HIDDEN = 1
COMPUTED = (2, 3)
_CONTENT = re.compile(r"""\bcontent\s*=\s*(?:"([^"]+)"|'([^']+)'|(\w+))""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column as the file declares it."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    computed: bool
    """Generated from other columns of the row."""
    unlisted: bool
    """Of a virtual table, and not part of `*`: what its search is written with."""


@dataclass(frozen=True, slots=True)
class FileRelation:
    """A table or view of the file."""

    name: str
    kind: Kind
    """virtual: kept by a module such as FTS5; shadow: such a module's own storage."""
    columns: tuple[FileColumn, ...]
    """Empty when it cannot be read: a view of something that is gone, a module that is not there."""
    sql: str
    """The statement that made it."""

    @property
    def content(self) -> str | None:
        """The table whose rows a search index of FTS points to instead of keeping its own."""
        found = _CONTENT.search(self.sql) if self.kind == "virtual" else None
        return next(filter(None, found.groups()), None) if found else None


Structure = dict[str, FileRelation]
"""By name in lower case."""


def read_structure(connection: apsw.Connection) -> Structure:
    """Every table and view of the file, without SQLite's own, in the order of their names."""
    made_by = {
        str(name): str(sql or "")
        for name, sql in rows_of(
            connection,
            "SELECT lower(name), sql FROM main.sqlite_schema WHERE type IN ('table', 'view')",
        )
    }
    found = rows_of(
        connection, "SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name"
    )
    return {
        str(name).lower(): FileRelation(
            name=str(name),
            kind=kind,
            columns=_columns(connection, str(name), kind),
            sql=made_by.get(str(name).lower(), ""),
        )
        for name, kind in found
        if not str(name).lower().startswith("sqlite_")
    }


def _columns(connection: apsw.Connection, table: str, kind: Kind) -> tuple[FileColumn, ...]:
    with contextlib.suppress(apsw.Error):
        if kind == "virtual":
            # Its module declares it and reads its settings when it is first asked, which no statement may do later.
            rows_of(connection, f"SELECT 1 FROM main.{quoted(table)} LIMIT 0")  # noqa: S608 - quoted
        rows = rows_of(
            connection,
            'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?, ?)',
            (table, "main"),
        )
        return tuple(
            FileColumn(
                name=str(name),
                type=str(kind or ""),
                nullable=not required and not key,
                primary_key=bool(key),
                computed=hidden in COMPUTED,
                unlisted=hidden == VIRTUAL_HIDDEN,
            )
            for name, kind, required, key, hidden in rows
        )
    return ()
