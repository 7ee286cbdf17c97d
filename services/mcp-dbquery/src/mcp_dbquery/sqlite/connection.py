"""Connections of a worker: to the file, which they cannot write, and to an empty database in memory."""

import contextlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import apsw

from mcp_dbquery.sqlite.ask import rows_of, value_of
from mcp_dbquery.sqlite.functions import add_functions

BUSY_TIMEOUT_MS = 5_000
LIMITS = {
    apsw.SQLITE_LIMIT_LENGTH: 2_000_000,
    apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    apsw.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    apsw.SQLITE_LIMIT_EXPR_DEPTH: 200,
    apsw.SQLITE_LIMIT_ATTACHED: 0,
    apsw.SQLITE_LIMIT_WORKER_THREADS: 0,
    apsw.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
SETTINGS = {
    apsw.SQLITE_DBCONFIG_DEFENSIVE: 1,
    apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA: 0,
    apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE: 0,
    apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE: 0,
    # A mistyped "column" would else be a text that equals nothing, and the answer wrong instead of refused.
    apsw.SQLITE_DBCONFIG_DQS_DML: 0,
    apsw.SQLITE_DBCONFIG_DQS_DDL: 0,
}


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """Changes when the file is replaced or its schema is changed."""

    device: int
    inode: int
    schema_version: int


def identity(connection: apsw.Connection, path: Path) -> FileIdentity:
    """Raises OSError when the file is gone."""
    status = os.stat(path)  # noqa: PTH116 - in the path of every statement
    version = value_of(connection, "PRAGMA main.schema_version")
    return FileIdentity(status.st_dev, status.st_ino, int(version))


def open_file(path: Path) -> apsw.Connection:
    """A connection to the file that cannot write to it. `forbid_writes` follows once its views are made."""
    connection = apsw.Connection(
        f"file:{quote(str(path.absolute()))}?mode=ro",
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        statementcachesize=0,
    )
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    _harden(connection)
    for setting in ("temp_store=MEMORY", "cell_size_check=ON", "mmap_size=0"):
        rows_of(connection, f"PRAGMA {setting}")
    return connection


def forbid_writes(connection: apsw.Connection) -> None:
    """Not even temporary objects can be made after this."""
    rows_of(connection, "PRAGMA query_only=ON")


def open_empty() -> apsw.Connection:
    """A database in memory with the same functions and limits."""
    connection = apsw.Connection(":memory:", statementcachesize=0)
    _harden(connection)
    return connection


def declare_table_functions(connection: apsw.Connection) -> None:
    """Their first use declares them, which an authorizer would take for a write."""
    for statement in ("SELECT 1 FROM json_each('[]')", "SELECT 1 FROM json_tree('[]')"):
        with contextlib.suppress(apsw.SQLError):  # the file has a table of this name
            rows_of(connection, statement)


@contextmanager
def snapshot(connection: apsw.Connection) -> Generator[None]:
    """One state of the file for everything inside."""
    rows_of(connection, "BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            rows_of(connection, "COMMIT")  # a rollback would take our views with it


def interrupt_when(connection: apsw.Connection, is_over: Callable[[], bool]) -> None:
    """Ask every few microseconds of work whether a statement's time is up."""
    connection.set_progress_handler(is_over, 20_000)


def _harden(connection: apsw.Connection) -> None:
    for setting, value in SETTINGS.items():
        connection.config(setting, value)
    for category, limit in LIMITS.items():
        connection.limit(category, limit)
    add_functions(connection)
