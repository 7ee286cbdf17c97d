"""Runs one statement in a session and says what came of it."""

import re
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apsw
import orjson

from mcp_dbquery.sqlite.answers import (
    Bounds,
    Encoded,
    RowTooLarge,
    encode_rows,
    told_type,
)
from mcp_dbquery.sqlite.ask import SqlValue
from mcp_dbquery.sqlite.connection import interrupt_when, snapshot
from mcp_dbquery.sqlite.describe import visible_indexes
from mcp_dbquery.sqlite.functions import FunctionRefused
from mcp_dbquery.sqlite.gate import (
    Compiled,
    Gate,
    NoQuery,
    Phase,
    SeveralStatements,
    spelled,
)
from mcp_dbquery.sqlite.plan import readable_plan
from mcp_dbquery.sqlite.session import Session
from mcp_dbquery.sqlite.visible import VisibleColumn

AWAY = {
    apsw.BusyError: "it is busy; try again in a moment",
    apsw.LockedError: "it is busy; try again in a moment",
    apsw.CantOpenError: "its file cannot be opened",
    apsw.ReadOnlyError: "its file cannot be opened",
    apsw.NotADBError: "its file is damaged",
    apsw.CorruptError: "its file is damaged",
    apsw.IOError: "its file cannot be read",
    apsw.SchemaChangeError: "its tables were just changed; try again",
}
_NO_SUCH = re.compile(r"no such (table|column): (?:main\.)?(.+)", re.DOTALL)
_NO_FUNCTION = re.compile(r"no such function: (.+)", re.DOTALL)
_WHILE_RUNNING = {
    r"malformed JSON": "A value is not valid JSON; filter with json_valid() first.",
    r"(bad )?JSON path": "A JSON path is not written correctly; it starts with $.",
    r"integer overflow": "A sum or product does not fit into 64 bits; CAST to REAL.",
    r"LIKE or GLOB pattern too complex": "The LIKE or GLOB pattern is too long.",
    r"fts\d|unterminated string|unknown special query|malformed MATCH": (
        "The full-text query is not written correctly."
    ),
    r"unable to use function": (
        "MATCH and its functions need a search index of FTS, and its MATCH in WHERE."
    ),
    r"no such column": (
        "A column of it is not there when it runs. A table with rules has no rowid; use its key."
    ),
    r"percentile|median": (
        "The percentile must be the same number in all rows, and the values numbers."
    ),
    r"argument of n(tile|th_value)": "ntile() and nth_value() need a positive whole number.",
    r"frame (starting|ending) offset": "A window's frame needs offsets that are not negative.",
}
"""What a running statement's error may be told as. Its own text may carry a value."""


class Failed(Exception):
    """The statement gives no rows; `answer` says why, without a stored value."""

    def __init__(self, kind: str, text: str = "", **more: Any) -> None:
        super().__init__(text)
        self.answer = {"problem": {"kind": kind, "text": text, **more}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement with its values and bounds."""

    sql: str
    parameters: Sequence[SqlValue] | Mapping[str, SqlValue]
    deadline: float
    """On the monotonic clock."""
    bounds: Bounds
    max_columns: int


def read(session: Session, asked: Asked) -> dict[str, Any]:
    """Columns, rows and what was read. Raises Failed."""
    started = time.monotonic()
    compiled = _compiled(session, asked)
    try:
        encoded = _encoded(session, asked, compiled)
    except UnicodeDecodeError:  # a text that is in another encoding
        encoded = _encoded(session, asked, compiled, raw=True)
    return {
        "columns": _columns(session, compiled, encoded),
        "rows": orjson.Fragment(encoded.as_json),
        "cut_by": encoded.cut_by,
        "cut_cells": encoded.cut_cells,
        "relations": spelled(compiled.reads, session.twin.names),
        "elapsed_ms": round((time.monotonic() - started) * 1_000, 2),
    }


def explain(session: Session, asked: Asked) -> dict[str, Any]:
    """The plan's lines. Raises Failed."""
    _compiled(session, asked)
    with _failures(session), _asking(session, asked) as cursor:
        rows = cursor.execute(asked.sql, asked.parameters, can_cache=False, explain=2).fetchall()
    with session.gate.in_phase(Phase.OURS):
        visible = set(session.twin.names.values())
        for relation in session.relations.values():
            visible.update(column.name for column in relation.columns)
            visible.update(str(index["name"]) for index in visible_indexes(session, relation))
    return {"plan": readable_plan(rows, visible, asked.sql, session.inner_names)}


def _compiled(session: Session, asked: Asked) -> Compiled:
    """The statement as the twin sees it, with values for all its parameters. Raises Failed and SessionIsOld."""
    gate = session.twin.gate
    try:
        compiled = session.twin.compile(asked.sql)
    except SeveralStatements as error:
        raise Failed("several", str(error)) from None
    except NoQuery as error:
        raise Failed("not_a_query", str(error)) from None
    except apsw.Error as error:
        failed = _not_compiled(asked.sql, error, gate)
        with _failures(session), snapshot(session.connection):
            session.check_file()  # what it names may have been made since
        raise failed from None
    if len(compiled.columns) > asked.max_columns:
        raise Failed("columns")
    problem = problem_with_values(compiled.binds, asked.parameters)
    if problem is not None:
        raise Failed("parameters", problem)
    return compiled


def _not_compiled(sql: str, error: apsw.Error, gate: Gate) -> Failed:
    """What the twin says may be told as it is: it knows nothing but the statement and visible names."""
    where: dict[str, Any] = {}
    offset = getattr(error, "error_offset", -1)
    if offset >= 0:
        where["position"] = len(sql.encode()[:offset].decode(errors="ignore")) + 1
    if gate.denied is not None:
        if gate.denied.what == "table":
            return Failed("unknown", name=_as_written(sql, gate.denied.name), what="table")
        return Failed(f"denied_{gate.denied.what}", gate.denied.name)
    found = _NO_SUCH.fullmatch(str(error))
    if found is not None:
        return Failed("unknown", what=found[1], name=found[2], **where)
    function = _NO_FUNCTION.fullmatch(str(error))
    if function is not None:
        return Failed("denied_function", function[1], **where)
    if str(error) == "too many columns in result set":
        return Failed("columns")
    return Failed("invalid", str(error), **where)


def _as_written(sql: str, name: str) -> str:
    """A name in the caller's own spelling."""
    found = re.search(re.escape(name), sql, re.IGNORECASE)
    return found[0] if found else name


def problem_with_values(
    binds: Sequence[str | None], values: Sequence[SqlValue] | Mapping[str, SqlValue]
) -> str | None:
    """Why the values do not fit the statement's parameters. A value without a parameter is a problem, too."""
    named = [name for name in binds if name is not None and not name.isdigit()]
    if isinstance(values, Mapping):
        if len(named) < len(binds):
            return "The statement has ? without a name: give the values as a list, or write :name."
        missing = [name for name in named if name not in values]
        if missing:
            return f"There is no value for :{missing[0]}."
        extra = [name for name in values if name not in named]
        return f"The statement has no parameter :{extra[0]}." if extra else None
    if named:
        return f"The statement has :{named[0]}: give the values as an object with its name."
    if len(values) != len(binds):
        return f"The statement has {len(binds)} parameters, and {len(values)} values were given."
    return None


def _encoded(session: Session, asked: Asked, compiled: Compiled, *, raw: bool = False) -> Encoded:
    width = len(compiled.columns)
    sql = _as_bytes(asked.sql, width) if raw else asked.sql
    with _failures(session), _asking(session, asked) as cursor:
        cursor.execute(sql, asked.parameters, can_cache=False)
        rows = map(_decoded, cursor) if raw else iter(cursor)
        return encode_rows(rows, width, asked.bounds)


@contextmanager
def _asking(session: Session, asked: Asked) -> Generator[Any]:
    """A cursor for the caller's statement, on one state of the file. Raises SessionIsOld."""
    interrupt_when(session.connection, lambda: time.monotonic() > asked.deadline)
    with snapshot(session.connection):
        session.check_file()
        cursor = session.connection.cursor()
        cursor.exec_trace = _hand_over(session.gate)
        with session.gate.in_phase(Phase.CALLERS):
            try:
                yield cursor
            finally:
                cursor.close(True)


def _hand_over(gate: Gate) -> Callable[..., bool]:
    def before_running(*_: object) -> bool:
        gate.phase = Phase.MODULES
        return True

    return before_running


@contextmanager
def _failures(session: Session) -> Generator[None]:
    """What stops a running statement, as Failed. SQLite's own words stay here: they may carry a value."""
    try:
        yield
    except apsw.InterruptError:
        raise Failed("timeout") from None
    except (MemoryError, apsw.NoMemError):
        raise Failed("memory") from None
    except apsw.TooBigError:
        raise Failed("invalid", "A text or blob grew past 2,000,000 bytes") from None
    except RowTooLarge:
        raise Failed("row") from None
    except FunctionRefused as error:
        raise Failed("invalid", str(error)) from None
    except OSError:
        raise Failed("away", "its file cannot be opened") from None
    except apsw.Error as error:
        raise _while_running(session.gate, error) from None


def _while_running(gate: Gate, error: apsw.Error) -> Failed:
    if gate.denied is not None:
        return Failed("policy")
    away = next((text for kind, text in AWAY.items() if isinstance(error, kind)), None)
    if away is not None:
        return Failed("away", away)
    found = (text for said, text in _WHILE_RUNNING.items() if re.search(said, str(error)))
    return Failed("invalid", next(found, "The database could not run this statement"))


def _as_bytes(sql: str, columns: int) -> str:
    """The statement with its texts as blobs, for those that are not UTF-8."""
    text = sql.strip().rstrip("; \t\r\n")
    names = ", ".join(f"c{i}" for i in range(columns))
    shown = ", ".join(
        f"typeof(c{i}) = 'text', CASE WHEN typeof(c{i}) = 'text' THEN CAST(c{i} AS BLOB) ELSE c{i} END"
        for i in range(columns)
    )
    return f"WITH raw ({names}) AS (\n{text}\n) SELECT {shown} FROM raw"  # noqa: S608 - compiled on its own before


def _decoded(row: Sequence[SqlValue]) -> list[SqlValue]:
    return [
        value.decode(errors="replace") if is_text and isinstance(value, bytes) else value
        for is_text, value in zip(row[::2], row[1::2], strict=True)
    ]


def _declared(column: VisibleColumn | None) -> str:
    """The type that the file declares, of a masked column that of its mask."""
    if column is None:
        return ""
    if column.mask is not None:
        return "DATE" if column.mask == "year" else ""
    return column.of_file.type


def _columns(session: Session, compiled: Compiled, encoded: Encoded) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for (name, table, column), kind in zip(compiled.columns, encoded.kinds, strict=True):
        shown = session.column(table, column)
        mask = shown.mask if shown is not None else None
        declared = _declared(shown)
        told.append({"name": name, "type": told_type(declared, kind), "mask": mask})
    return told
