"""Opening SQLite files: which file a URL names, and connections that can or cannot write."""

import sqlite3
from pathlib import Path
from urllib.parse import quote, unquote

from mcp_dbquery.errors import BadSetup

BUSY_TIMEOUT_S = 5.0


def path_of(database_url: str) -> Path:
    """The file that `sqlite:////absolute/path` names.

    Raises:
        BadSetup: another kind of URL, or a file that is no readable SQLite database.
    """
    scheme, separator, rest = database_url.partition("://")
    if not separator or scheme != "sqlite" or not rest.startswith("/"):
        raise BadSetup(
            f"The database must be given as sqlite:////absolute/path.db; {scheme or 'this'} is not supported yet."
        )
    path = Path(unquote(rest.removeprefix("/")))
    if not path.is_file():
        raise BadSetup(f"There is no database file {path}.")
    try:
        with path.open("rb") as file:
            header = file.read(16)
    except OSError as error:
        raise BadSetup(f"The database file {path} cannot be read: {error.strerror}.") from None
    if header not in {b"", b"SQLite format 3\x00"}:
        raise BadSetup(f"{path} is not an SQLite database.")
    return path


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, whatever is asked of it."""
    connection = sqlite3.connect(_uri(path, "ro"), uri=True, timeout=BUSY_TIMEOUT_S)
    connection.isolation_level = None
    for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def open_for_actions(path: Path) -> sqlite3.Connection:
    """A connection for the statement of a declared action. Never creates a file."""
    connection = sqlite3.connect(_uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S)
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.row_factory = sqlite3.Row
    return connection


def visible_tables(connection: sqlite3.Connection) -> list[str]:
    """Tables and views that may be asked, by name. SQLite's own are not among them."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY name"
    )
    return [str(name) for (name,) in rows]


def _uri(path: Path, mode: str) -> str:
    return f"file:{quote(str(path.absolute()))}?mode={mode}"
