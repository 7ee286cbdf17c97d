"""The process in which statements run: bounded in memory, killed when it overruns, with nothing to lose.

Started as `python -m mcp_dbquery.sqlite.worker`. Reads one request at a time from standard input and writes its
answer to standard output, each as a length (4 bytes, big endian) and JSON; the first thing it writes says that it is
ready. Ends when its input ends, so it outlives a server that was killed by one statement's time at most. Imports the
standard library only: it has to start quickly.
"""

import contextlib
import json
import re
import resource
import sqlite3
import struct
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from mcp_dbquery.sqlite.file import open_read_only, relations
from mcp_dbquery.sqlite.guard import LIMITS, TABLE_FUNCTIONS, Authorizer, make_authorizer

OPS_BETWEEN_CHECKS = 2_000
FETCH = 64
PRIMARY_CODE = 0xFF
"""The part of an extended result code that says what kind of error it is."""
OUT_OF_MEMORY = "The statement needs more memory than it may have; aggregate more or select less"
UNUSABLE = {
    sqlite3.SQLITE_BUSY: "it is busy; try again in a moment",
    sqlite3.SQLITE_LOCKED: "it is busy; try again in a moment",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
    sqlite3.SQLITE_READONLY: "its file cannot be opened",
    sqlite3.SQLITE_NOTADB: "its file is damaged",
    sqlite3.SQLITE_CORRUPT: "its file is damaged",
    sqlite3.SQLITE_IOERR: "its file cannot be read",
}
TYPE_NAMES = {int: "integer", float: "number", str: "text", bytes: "blob"}

_TELLABLE = re.compile(
    r"^(no such (table|column|function): .*|near \".*\": syntax error|incomplete input|ambiguous column name: .*"
    r"|wrong number of arguments to function .*|misuse of (aggregate|window function).*|unrecognized token: .*"
    r"|You can only execute one statement at a time\.|SELECTs to the left and right of .*"
    r"|Incorrect number of bindings supplied.*|You did not supply a value for binding .*|Binding \d+ .*"
    r"|LIKE or GLOB pattern too complex"
    r"|too many .*|Expression tree is too large.*|string or blob too big|malformed JSON|.* may not be used .*"
    r"|a GROUP BY clause is required.*|.* clause should come after .*|sub-select returns .*|integer overflow)$",
    re.DOTALL,
)
"""Messages that repeat only the statement's own text, never a stored value."""


def main() -> None:
    """Answer requests until standard input ends. Arguments: the database file, memory limit in MB."""
    path, memory_mb = Path(sys.argv[1]), int(sys.argv[2])
    limit = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write_message(sys.stdout.buffer, {"ready": True})
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(sys.stdout.buffer, answer(path, request))


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    header = stream.read(4)
    if len(header) < 4:
        return None
    (length,) = struct.unpack(">I", header)
    return json.loads(stream.read(length))


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message, separators=(",", ":")).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def answer(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Run one statement. The answer holds rows, or one of `failed`, `unusable`, `denied` and `timeout`."""
    denied: list[str] = []
    started = time.monotonic()
    try:
        with contextlib.closing(open_read_only(path)) as connection:
            _confine(connection, denied, deadline=started + request["timeout_s"])
            rows = _read(connection, request)
    except sqlite3.Error as error:
        return _explain(error, denied)
    except sqlite3.Warning as error:  # what 3.11 raises for several statements
        return {"failed": str(error)}
    except OverflowError:
        return {"failed": "A bound number does not fit into 64 bits"}
    except UnicodeEncodeError:
        return {"failed": "A bound text is not valid Unicode"}
    except MemoryError:
        return {"failed": OUT_OF_MEMORY}
    return {**rows, "elapsed_ms": round((time.monotonic() - started) * 1_000, 2)}


def _confine(connection: sqlite3.Connection, denied: list[str], *, deadline: float) -> None:
    """Set the limits, the clock and, last, the authorizer, which denies all that is not reading."""
    for category, limit in LIMITS.items():
        connection.setlimit(category, limit)
    connection.set_authorizer(_authorizer(connection, denied))
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), OPS_BETWEEN_CHECKS)


def _authorizer(connection: sqlite3.Connection, denied: list[str]) -> Authorizer:
    tables = relations(connection)
    # The first use of a virtual table or table function declares it, which the authorizer would take for a write.
    virtual = [table.name for table in tables if table.kind == "virtual"]
    for name in (*sorted(TABLE_FUNCTIONS), *virtual):
        # Asking one whose module is not there fails later too, with a message of its own.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute(f'SELECT 1 FROM "{name.replace(chr(34), chr(34) * 2)}" LIMIT 0')  # noqa: S608 - quoted
    modules = [str(name) for (name,) in connection.execute("PRAGMA module_list")]
    return make_authorizer((table.name for table in tables), modules, denied)


def _read(connection: sqlite3.Connection, request: dict[str, Any]) -> dict[str, Any]:
    cursor = connection.execute(request["sql"], request["params"])
    names = [column[0] for column in cursor.description or ()]
    types: list[str | None] = [None] * len(names)
    rows: list[list[Any]] = []
    room: int = request["max_bytes"]
    cut_cells = 0
    while chunk := cursor.fetchmany(FETCH):
        for raw in chunk:
            if len(rows) >= request["max_rows"]:
                return _table(names, types, rows, "rows", cut_cells)
            row, cut = _cells(raw, request["max_cell"])
            room -= sum(_size(cell) for cell in row)
            if room < 0:
                return _table(names, types, rows, "bytes", cut_cells)
            cut_cells += cut
            rows.append(row)
            types = [known or _type_name(value) for known, value in zip(types, raw, strict=True)]
    return _table(names, types, rows, None, cut_cells)


def _size(cell: object) -> int:
    """Bytes of a cell in the answer, about: its text and what stands around it."""
    return len(str(cell).encode()) + 4


def _type_name(value: object) -> str | None:
    return next((name for kind, name in TYPE_NAMES.items() if isinstance(value, kind)), None)


def _table(
    names: list[str],
    types: list[str | None],
    rows: list[list[Any]],
    cut_by: str | None,
    cut_cells: int,
) -> dict[str, Any]:
    columns = [
        {"name": name, "type": kind or "null"} for name, kind in zip(names, types, strict=True)
    ]
    return {"columns": columns, "rows": rows, "cut_by": cut_by, "cut_cells": cut_cells}


def _cells(raw: tuple[Any, ...], max_characters: int) -> tuple[list[Any], int]:
    cells: list[Any] = []
    cut = 0
    for value in raw:
        if isinstance(value, bytes):
            cells.append(f"[{len(value)} bytes]")
        elif isinstance(value, str) and len(value) > max_characters:
            cells.append(f"{value[:max_characters]}… [{len(value)} characters]")
            cut += 1
        elif isinstance(value, float) and value in {float("inf"), float("-inf")}:
            cells.append(str(value))
        else:
            cells.append(value)
    return cells, cut


def _explain(error: sqlite3.Error, denied: list[str]) -> dict[str, Any]:
    # Errors of Python's own module, such as a missing binding, carry no code of the engine.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & PRIMARY_CODE
    message = str(error)
    if code == sqlite3.SQLITE_INTERRUPT:
        return {"timeout": True}
    if denied:
        return {"denied": denied[0]}
    if code in UNUSABLE:
        return {"unusable": UNUSABLE[code]}
    if code == sqlite3.SQLITE_NOMEM:
        return {"failed": OUT_OF_MEMORY}
    if _TELLABLE.match(message):
        return {"failed": message}
    return {"failed": "The database could not run this statement"}


if __name__ == "__main__":
    main()
