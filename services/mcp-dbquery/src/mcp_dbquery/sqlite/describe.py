"""What a caller may know of the structure of what they may read. Asked in a worker, with statements of our own."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from mcp_dbquery.sqlite.ask import rows_of, value_of
from mcp_dbquery.sqlite.connection import interrupt_when, snapshot
from mcp_dbquery.sqlite.gate import NoQuery, Phase
from mcp_dbquery.sqlite.names import quoted
from mcp_dbquery.sqlite.session import Session
from mcp_dbquery.sqlite.visible import Mask, VisibleRelation

COUNT_BUDGET_S = 2.0
"""What takes longer than this, over all tables, is left out: the count of their rows."""


def describe(session: Session) -> list[dict[str, Any]]:
    """The visible relations by name, as JSON's values."""
    with session.gate.in_phase(Phase.OURS), snapshot(session.connection):
        session.check_file()
        described = [_relation(session, relation) for relation in session.relations.values()]
        deadline = time.monotonic() + COUNT_BUDGET_S
        interrupt_when(session.connection, lambda: time.monotonic() > deadline)
        for told, relation in zip(described, session.relations.values(), strict=True):
            told["rows"] = _count(session, relation)
    return described


def visible_indexes(session: Session, relation: VisibleRelation) -> Iterator[dict[str, Any]]:
    """Those whose columns are all visible as they are."""
    if relation.kind == "view":
        return
    plain = {column.name.lower() for column in relation.columns if column.mask is None}
    found = _pragma(session, "index_list", relation.name)
    for _, name, unique, *_ in sorted(found, key=lambda row: str(row[1])):
        columns = [row[2] for row in _pragma(session, "index_info", str(name))]
        if all(column is not None and str(column).lower() in plain for column in columns):
            yield {"name": name, "columns": columns, "unique": bool(unique)}


def _relation(session: Session, relation: VisibleRelation) -> dict[str, Any]:
    references = _references(session, relation)
    masks, is_filtered = _behind(session, relation)
    return {
        "name": relation.name,
        "kind": "view" if relation.kind == "view" else "table",
        "hidden_columns": relation.hidden_columns,
        "rows_filtered": is_filtered,
        "columns": [
            {
                "name": column.name,
                "type": column.of_file.type or "any",
                "nullable": column.of_file.nullable,
                "primary_key": column.of_file.primary_key,
                "mask": column.mask or masks.get(column.name.lower()),
                "references": references.get(column.name.lower()),
            }
            for column in relation.columns
        ],
        "indexes": list(visible_indexes(session, relation)),
    }


def _behind(session: Session, relation: VisibleRelation) -> tuple[dict[str, Mask], bool]:
    """The masks of the columns that a view shows, and whether rows are missing in what it reads."""
    if relation.kind != "view":
        return {}, relation.filter is not None
    try:
        compiled = session.twin.compile(f"SELECT * FROM {quoted(relation.name)}")  # noqa: S608 - quoted
    except (apsw.Error, NoQuery):
        return {}, relation.filter is not None
    origins = {
        name.lower(): session.column(table, column) for name, table, column in compiled.columns
    }
    masks: dict[str, Mask] = {
        name: column.mask for name, column in origins.items() if column and column.mask
    }
    read = (session.relations.get(name.lower()) for name in compiled.reads)
    return masks, any(other is not None and other.filter is not None for other in read)


def _references(session: Session, relation: VisibleRelation) -> dict[str, str]:
    """Column in lower case → `table.column`, where that is visible."""
    found: dict[str, str] = {}
    if relation.kind == "view":
        return found
    for _, _, table, column, to, *_ in _pragma(session, "foreign_key_list", relation.name):
        other = session.relations.get(str(table).lower())
        if other is None:
            continue
        target = str(to).lower() if to is not None else _primary_key(other)
        name = next((c.name for c in other.columns if c.name.lower() == target), None)
        if name is not None:
            found[str(column).lower()] = f"{other.name}.{name}"
    return found


def _primary_key(relation: VisibleRelation) -> str | None:
    keys = [column.name.lower() for column in relation.columns if column.of_file.primary_key]
    return keys[0] if len(keys) == 1 else None


def _count(session: Session, relation: VisibleRelation) -> int | None:
    """None when it would tell of others' rows, or there was no time for it."""
    if relation.kind == "view" or relation.filter is not None:
        return None
    with contextlib.suppress(apsw.Error):
        table = f"main.{quoted(relation.name)}"
        return int(value_of(session.connection, f"SELECT count(*) FROM {table}"))  # noqa: S608 - quoted
    return None


def _pragma(session: Session, name: str, of: str) -> Sequence[Sequence[Any]]:
    return rows_of(session.connection, f"PRAGMA main.{name}({quoted(of)})")
