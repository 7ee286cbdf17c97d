"""Shapes of a page of rows: a table of lists, records, markdown, CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence

import orjson
from pydantic import JsonValue

from mcp_dbquery.errors import TooLarge
from mcp_dbquery.results import Format

Rows = Sequence[list[JsonValue]]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Spreadsheets run a cell that begins like this, some in full width too (OWASP, CSV Injection)."""


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that come again with a number after them that makes them their own."""
    taken = set(names)
    given: set[str] = set()
    result: list[str] = []
    for name in names:
        chosen, number = name, 1
        while chosen in given or (chosen != name and chosen in taken):
            number += 1
            chosen = f"{name}_{number}"
        given.add(chosen)
        result.append(chosen)
    return result


def records(names: Sequence[str], rows: Rows) -> list[dict[str, JsonValue]]:
    """One object a row."""
    keys = distinct(names)
    return [dict(zip(keys, row, strict=True)) for row in rows]


def markdown(names: Sequence[str], rows: Rows) -> str:
    """A table of GitHub's dialect; what would end a cell, a row or begin markup is escaped."""
    lines = [_line(_cell(name) for name in names), _line("---" for _ in names)]
    lines += [_line(_cell(_text(value)) for value in row) for row in rows]
    return "\n".join(lines)


def csv_text(names: Sequence[str], rows: Rows) -> str:
    """CSV (RFC 4180) with a line of names. A text that a spreadsheet would run as a formula gets a ' before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_harmless(name) for name in names])
    for row in rows:
        writer.writerow([_harmless(value) if type(value) is str else _text(value) for value in row])
    return out.getvalue()


def fitting(rows: Rows, most_bytes: int, rendered: Callable[[Rows], bytes]) -> tuple[Rows, bytes]:
    """As many of the first rows as fit, and how they look.

    Raises:
        TooLarge: not even one row fits.
    """
    shown = rendered(rows)
    while len(shown) > most_bytes:
        if len(rows) <= 1:
            raise TooLarge(
                f"One row is larger than a page may be ({most_bytes:,} bytes).",
                hint="Select fewer columns, or shorten long ones with substr().",
                limit="page_bytes",
                value=most_bytes,
            )
        # A tenth less than the average row says, so that it rarely takes a third try.
        rows = rows[: max(1, int(len(rows) * most_bytes / len(shown) * 0.9))]
        shown = rendered(rows)
    return rows, shown


RENDERED: dict[Format, Callable[[Sequence[str], Rows], bytes]] = {
    "table": lambda _, rows: orjson.dumps(rows),
    "records": lambda names, rows: orjson.dumps(records(names, rows)),
    "markdown": lambda names, rows: markdown(names, rows).encode(),
    "csv": lambda names, rows: csv_text(names, rows).encode(),
}
"""The bytes of a page's rows in each format."""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    for mark in "\\|`*_<>[]~":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\r\n", "\n").replace("\n", "<br>").replace("\r", "<br>")


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
