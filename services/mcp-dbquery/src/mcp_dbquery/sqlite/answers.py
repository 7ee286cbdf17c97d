"""The rows of a statement as the bytes of JSON, within the limits of one answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import orjson

from mcp_dbquery.sqlite.ask import SqlValue

Row = Sequence[SqlValue]

FIRST_CHUNK = 32
"""Rows read before the first look at their size."""
LARGEST_CHUNK = 512
INFINITE = (float("inf"), float("-inf"))
_DECLARED = (
    ("BOOL", "boolean"),
    ("TIMESTAMP", "timestamp"),
    ("DATETIME", "timestamp"),
    ("DATE", "date"),
    ("JSON", "json"),
    ("INT", "integer"),
    ("CHAR", "text"),
    ("CLOB", "text"),
    ("TEXT", "text"),
    ("BLOB", "blob"),
    ("REAL", "number"),
    ("FLOAT", "number"),
    ("DOUBLE", "number"),
    ("NUM", "number"),
    ("DEC", "number"),
)
_AS_STORED: dict[type, tuple[str, frozenset[str]]] = {
    int: ("integer", frozenset({"integer", "boolean", "number"})),
    float: ("number", frozenset({"number"})),
    str: ("text", frozenset({"text", "date", "timestamp", "json"})),
    bytes: ("blob", frozenset({"blob"})),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a result is read. Reading stops at the first that is reached."""

    rows: int
    bytes: int
    cell_characters: int


class RowTooLarge(Exception):
    """The first row alone is larger than an answer may be."""


@dataclass(slots=True)
class Encoded:
    """What was read."""

    chunks: list[bytes] = field(default_factory=list[bytes])
    """Rows as JSON, separated by commas."""
    rows: int = 0
    cut_by: Literal["rows", "bytes"] | None = None
    cut_cells: int = 0
    kinds: list[type | None] = field(default_factory=list[type | None])
    """Of the first value of each column that is not NULL."""

    @property
    def as_json(self) -> bytes:
        """The rows as an array."""
        return b"[" + b",".join(self.chunks) + b"]"


def encode_rows(rows: Iterator[Row], columns: int, bounds: Bounds) -> Encoded:
    """Raises RowTooLarge, and what reading raises.

    Goes by chunks and columns: one call for many values is what makes it quick.
    """
    encoded = Encoded(kinds=[None] * columns)
    room = bounds.bytes
    size = FIRST_CHUNK
    while chunk := list(islice(rows, min(size, bounds.rows + 1 - encoded.rows))):
        if encoded.rows + len(chunk) > bounds.rows:
            encoded.cut_by = "rows"
            chunk.pop()
        told, cut = _encode(chunk, encoded.kinds, bounds.cell_characters)
        if len(told) > room:
            _add_what_fits(encoded, chunk, room, bounds.cell_characters)
            break
        _add(encoded, told, len(chunk), cut)
        room -= len(told)
        if encoded.cut_by is not None:
            break
        size = FIRST_CHUNK if cut else min(size * 2, LARGEST_CHUNK)
    return encoded


def _encode(chunk: list[Row], kinds: list[type | None], characters: int) -> tuple[bytes, int]:
    """The rows without the brackets around them, and how many of their values were cut."""
    columns = list(zip(*chunk, strict=True))
    types = [set(map(type, column)) for column in columns]
    for index, column in enumerate(columns):
        if kinds[index] is None:
            kinds[index] = next(filter(None, map(_kind, column)), None)
    are_plain = all(
        _is_plain(column, of, characters) for column, of in zip(columns, types, strict=True)
    )
    if are_plain:
        return orjson.dumps(chunk)[1:-1], 0
    cells = [[_cell(value, characters) for value in row] for row in chunk]
    cut = sum(isinstance(value, str) and len(value) > characters for row in chunk for value in row)
    return orjson.dumps(cells)[1:-1], cut


def _kind(value: SqlValue) -> type | None:
    return None if value is None else type(value)


def _is_plain(column: Row, types: set[type], characters: int) -> bool:
    """Whether all values of a column can stand in JSON as they are."""
    if bytes in types:
        return False
    texts = [value for value in column if isinstance(value, str)] if str in types else []
    if texts and max(map(len, texts)) > characters:
        return False
    return float not in types or not any(value in INFINITE for value in column)


def _add(encoded: Encoded, told: bytes, rows: int, cut: int) -> None:
    if rows:
        encoded.chunks.append(told)
    encoded.rows += rows
    encoded.cut_cells += cut


def _add_what_fits(encoded: Encoded, chunk: list[Row], room: int, characters: int) -> None:
    """As many whole rows as there is room for."""
    encoded.cut_by = "bytes"
    for row in chunk:
        told, cut = _encode([row], encoded.kinds, characters)
        room -= len(told) + 1
        if room < 0:
            break
        _add(encoded, told, 1, cut)
    if not encoded.rows:
        raise RowTooLarge


def told_type(declared: str, kind: type | None) -> str:
    """The type of a column: what its table declares, where the first value agrees with it."""
    upper = declared.upper()
    said = next((name for word, name in _DECLARED if word in upper), None)
    if kind is None:
        return said or "null"
    stored, fitting = _AS_STORED[kind]
    return said if said in fitting else stored


def _cell(value: SqlValue, characters: int) -> Any:
    if isinstance(value, str) and len(value) > characters:
        return f"{value[:characters]}… [{len(value)} characters]"
    if isinstance(value, bytes):
        return _blob(value)
    if isinstance(value, float) and value in INFINITE:
        return str(value)
    return value


def _blob(value: Any) -> str:
    return f"[{len(value)} bytes]"
