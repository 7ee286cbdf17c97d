"""The rows of a statement as the bytes of JSON, within the limits of one answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from mcp_dbquery.sqlite.ask import SqlValue

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
    ("FLOA", "number"),
    ("DOUB", "number"),
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

    rows: list[bytes] = field(default_factory=list[bytes])
    cut_by: Literal["rows", "bytes"] | None = None
    cut_cells: int = 0
    kinds: list[type | None] = field(default_factory=list[type | None])
    """Of the first value of each column that is not NULL."""

    @property
    def as_json(self) -> bytes:
        """The rows as an array."""
        return b"[" + b",".join(self.rows) + b"]"


def encode_rows(rows: Iterator[Sequence[SqlValue]], columns: int, bounds: Bounds) -> Encoded:
    """Raises RowTooLarge, and what reading raises."""
    encoded = Encoded(kinds=[None] * columns)
    unknown = list(range(columns))
    room = bounds.bytes
    for row in rows:
        if len(encoded.rows) >= bounds.rows:
            encoded.cut_by = "rows"
            break
        told, cut = encode_row(row, bounds.cell_characters)
        room -= len(told) + 1
        if room < 0:
            if not encoded.rows:
                raise RowTooLarge
            encoded.cut_by = "bytes"
            break
        encoded.rows.append(told)
        encoded.cut_cells += cut
        if unknown:
            unknown = _look_for_kinds(row, unknown, encoded.kinds)
    return encoded


def encode_row(row: Sequence[SqlValue], cell_characters: int) -> tuple[bytes, int]:
    """The row as JSON, and how many of its values were cut."""
    told = orjson.dumps(row, default=_blob)
    # A row that is shorter than one value may be needs no look at its values; an infinite number would be null.
    if len(told) <= cell_characters and b"null" not in told:
        return told, 0
    cells = [_cell(value, cell_characters) for value in row]
    cut = sum(isinstance(value, str) and len(value) > cell_characters for value in row)
    return orjson.dumps(cells), cut


def told_type(declared: str, kind: type | None) -> str:
    """The type of a column: what its table declares, where the first value agrees with it."""
    upper = declared.upper()
    said = next((name for word, name in _DECLARED if word in upper), None)
    if kind is None:
        return said or "null"
    stored, fitting = _AS_STORED[kind]
    return said if said in fitting else stored


def _look_for_kinds(
    row: Sequence[SqlValue], unknown: list[int], kinds: list[type | None]
) -> list[int]:
    for index in unknown:
        if row[index] is not None:
            kinds[index] = type(row[index])
    return [index for index in unknown if kinds[index] is None]


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
