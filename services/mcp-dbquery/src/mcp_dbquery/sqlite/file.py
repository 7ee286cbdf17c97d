"""The server's own connections to SQLite files: for declared actions and the readiness check, never for callers."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

BUSY_TIMEOUT_S = 5.0
# Connections are used by one thread at a time, but not always the same one.


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


def count_tables(connection: sqlite3.Connection) -> int:
    """How many tables and views there are. Reads the whole schema, so it fails when the file is no database."""
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _lenient_text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
