"""Which SQLite file a database URL names, and whether it can be read at all."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from mcp_dbquery.sqlite.file import count_tables, open_read_only
from shared.errors import BadSetup

SCHEME = "sqlite:///"


def path_of(database_url: str) -> Path:
    """The file that `sqlite:////absolute/path` names. Spaces and the like may be written as they are or as %20.

    Raises:
        BadSetup: another kind of URL, or a file that is no readable SQLite database. A URL of another kind may
            hold a password, so no more than its scheme is repeated.
    """
    if not database_url.startswith(SCHEME):
        scheme, separator, _ = database_url.partition("://")
        raise BadSetup(
            "The database must be given as sqlite:////absolute/path.db; "
            f"{scheme if separator else 'this'} is not supported yet."
        )
    written = database_url.removeprefix(SCHEME)
    path = Path(written)
    if not path.exists():
        path = Path(unquote(written))
    problem = problem_of(path)
    if problem is not None:
        raise BadSetup(f"The database file {path} cannot be used: {problem}.")
    return path


def problem_of(path: Path) -> str | None:
    """Why this file cannot be read as an SQLite database, None when it can."""
    if not path.is_file():
        return "there is no such file"
    try:
        with path.open("rb"), closing(open_read_only(path)) as connection:
            count_tables(connection)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except sqlite3.DatabaseError as error:
        return "it is not an SQLite database" if "not a database" in str(error) else str(error)
    return None
