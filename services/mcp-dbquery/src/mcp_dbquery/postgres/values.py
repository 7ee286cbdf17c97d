"""Values of PostgreSQL as JSON's. What to do is decided once a column; texts and whole numbers stay as they are."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import orjson
from psycopg import AsyncConnection
from psycopg.types.string import TextLoader
from pydantic import JsonValue

Cells = Sequence[Any]
Convert = Callable[[Cells], Cells]

_BOOL, _BYTEA, _NUMERIC = 16, 17, 1700
_INTEGERS = frozenset({20, 21, 23, 26})
_FLOATS = frozenset({700, 701})
_JSON = frozenset({114, 3802})
_DATE = 1082
_TIMESTAMPS = frozenset({1114, 1184})
_AS_TEXT = (
    _NUMERIC, *_JSON, _DATE, *_TIMESTAMPS, 1083, 1266, 1186, 2950, 869, 650, 2249, 3904, 3906, 3908, 3910, 3912, 3926,
    4451, 4532, 4533, 4534, 4535, 4536,
)  # fmt: skip
"""numeric, JSON, dates and times, uuid, addresses, records, ranges: read as PostgreSQL writes them (ISO dates, UTC)."""

MAX_JSON_DEPTH = 50
SMALLEST, LARGEST = -(2**63), 2**63 - 1
LONGEST_INTEGER = len(str(SMALLEST))
EXACT_DIGITS = 15
"""A double holds every decimal number of so many digits (DBL_DIG)."""


def register(connection: AsyncConnection[Any]) -> None:
    """Let the driver leave these types as text; its own objects would only be written out again."""
    for oid in _AS_TEXT:
        connection.adapters.register_loader(oid, TextLoader)


def type_name(oid: int, array_oids: frozenset[int]) -> str:
    """The type as results tell it."""
    if oid in _INTEGERS:
        return "integer"
    if oid in _FLOATS or oid == _NUMERIC:
        return "number"
    if oid in _TIMESTAMPS:
        return "timestamp"
    if oid in _JSON or oid in array_oids:
        return "json"
    return {_BOOL: "boolean", _BYTEA: "blob", _DATE: "date"}.get(oid, "text")


class Converter:
    """Turns the columns of one result into JSON's values and counts the cells that it had to cut."""

    def __init__(
        self, oids: Sequence[int], array_oids: frozenset[int], cell_characters: int
    ) -> None:
        self.cut_cells = 0
        self._limit = cell_characters
        self._converts = [self._convert(oid, oid in array_oids) for oid in oids]

    def rows(self, rows: Sequence[tuple[Any, ...]]) -> tuple[list[list[JsonValue]], int]:
        """The rows as JSON's values, and how many bytes they take as JSON."""
        if not rows or not self._converts:
            return [[] for _ in rows], 2 * len(rows)
        columns = [
            cells if convert is None else convert(cells)
            for convert, cells in zip(self._converts, zip(*rows, strict=True), strict=True)
        ]
        converted = list(map(list, zip(*columns, strict=True)))
        return converted, len(orjson.dumps(converted))

    def _convert(self, oid: int, is_array: bool) -> Convert | None:
        if oid in _INTEGERS or oid == _BOOL:
            return None
        if oid in _FLOATS:
            return _floats
        if oid == _NUMERIC:
            return lambda cells: self._texts([None if c is None else _number(c) for c in cells])
        if oid in _TIMESTAMPS:
            return lambda cells: [None if c is None else _timestamp(c) for c in cells]
        if oid in _JSON:
            return lambda cells: [None if c is None else self._json(c) for c in cells]
        if oid == _BYTEA:
            return lambda cells: [None if c is None else f"[{len(c)} bytes]" for c in cells]
        if is_array:
            return lambda cells: [None if c is None else self._array(c) for c in cells]
        return self._texts

    def _texts(self, cells: Cells) -> Cells:
        limit = self._limit
        texts = [cell for cell in cells if type(cell) is str]
        if max(map(len, texts), default=0) > limit:
            return [self._cut(cell) if isinstance(cell, str) else cell for cell in cells]
        return cells

    def _cut(self, text: str) -> str:
        if len(text) <= self._limit:
            return text
        self.cut_cells += 1
        return f"{text[: self._limit]}… [{len(text)} characters]"

    def _json(self, text: str) -> JsonValue:
        if len(text) > self._limit or _depth(text) > MAX_JSON_DEPTH:
            return self._cut(text)
        try:
            found = json.loads(text, parse_float=_finite, parse_int=_whole)
            if "\\u" in text:
                # A lone half of a surrogate pair, which json may hold, is no text (UnicodeEncodeError).
                json.dumps(found, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return text
        return found

    def _array(self, value: list[Any]) -> JsonValue:
        found = _element(value)
        text = json.dumps(found, ensure_ascii=False)
        return (
            found
            if len(text) <= self._limit and _depth(text) <= MAX_JSON_DEPTH
            else self._cut(text)
        )


def _floats(cells: Cells) -> Cells:
    return [cell if cell is None or math.isfinite(cell) else str(cell) for cell in cells]


def _number(text: str) -> int | float | str:
    """A number where a double holds it exactly, its text else (NaN and Infinity too)."""
    if len(text.lstrip("-")) <= EXACT_DIGITS + ("." in text):
        if "." in text:
            return float(text)
        return int(text) if text[-1].isdigit() else text
    digits = text.lstrip("-0.").replace(".", "")
    return float(text) if "." in text and len(digits) <= EXACT_DIGITS else text


def _timestamp(text: str) -> str:
    """ISO 8601; infinity and years before 1 AD stay as they are."""
    return text.replace(" ", "T", 1) if text[:1].isdigit() and not text.endswith("BC") else text


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _whole(text: str) -> int | str:
    """A number where 64 bits hold it, its text else."""
    is_short = len(text) <= LONGEST_INTEGER
    return int(text) if is_short and SMALLEST <= int(text) <= LARGEST else text


def _element(value: Any) -> JsonValue:
    if isinstance(value, list):
        return [_element(item) for item in cast("list[Any]", value)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _depth(text: str) -> int:
    """How deep brackets nest, at most: those in strings count too."""
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return 0
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest
