"""Which engine a URL names."""

from pathlib import Path
from urllib.parse import unquote

from mcp_search.knowledge.store.postgres.engine import PostgresEngine
from mcp_search.knowledge.store.sqlite.engine import SqliteEngine
from mcp_search.knowledge.store.store import SqlStore
from shared.errors import BadSetup

_SQLITE = "sqlite:///"


def open_store(url: str) -> SqlStore:
    """The store at `sqlite:////absolute/path.db` or `postgresql://…`; nothing is opened before `start`.

    Raises:
        BadSetup: the URL names neither. The text does not repeat it: it may hold a password.
    """
    path = unquote(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and path:
        return SqlStore(SqliteEngine(Path(path)))
    if url.startswith(("postgresql://", "postgres://")):
        return SqlStore(PostgresEngine(url))
    raise BadSetup(
        "The URL of the knowledge base is not understood;"
        " it is sqlite:////absolute/path.db or postgresql://user@host/name."
    )
