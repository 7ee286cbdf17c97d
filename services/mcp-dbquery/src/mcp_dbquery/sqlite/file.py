"""Connections to SQLite files that can or cannot write. Standard library only: worker processes start with it."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

BUSY_TIMEOUT_S = 5.0
# Connections are used by one thread at a time, but not always the same one.


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view of the database file."""

    name: str
    kind: str
    """table, view, virtual (kept by a module such as FTS5) or shadow (such a module's own storage)."""


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, whatever is asked of it. Text that is not UTF-8 is read as far as it is."""
    connection = sqlite3.connect(
        _uri(path, "ro"), uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
    )
    connection.isolation_level = None
    connection.text_factory = _lenient_text
    for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def open_for_actions(path: Path) -> sqlite3.Connection:
    """A connection for the statement of a declared action. Never creates a file."""
    connection = sqlite3.connect(
        _uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
    )
    connection.isolation_level = None
    connection.text_factory = _lenient_text
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.row_factory = sqlite3.Row
    return connection


def relations(connection: sqlite3.Connection) -> list[Relation]:
    """Every table and view of the file by name, without SQLite's own."""
    rows = connection.execute(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name"
    )
    return [Relation(str(row[0]), str(row[1])) for row in rows if not _is_of_sqlite(str(row[0]))]


def visible_tables(connection: sqlite3.Connection) -> list[Relation]:
    """What is worth asking: tables and views by name, without the storage of virtual tables."""
    return [relation for relation in relations(connection) if relation.kind != "shadow"]


def _is_of_sqlite(name: str) -> bool:
    return name.lower().startswith("sqlite_")


def _lenient_text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
