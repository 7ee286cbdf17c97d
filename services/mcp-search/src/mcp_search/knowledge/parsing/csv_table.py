"""A CSV file as one table. Broken rows are read as they stand and told, never lost."""

import csv
import re
from collections.abc import Iterator, Sequence

from mcp_search.knowledge.model import Parsed
from mcp_search.knowledge.parsing.charset import text_of
from mcp_search.knowledge.parsing.trouble import empty
from mcp_search.knowledge.parsing.writing import Writer, table_lines

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_LINES_OF_A_ROW = 100
"""A quote that is open for longer was never meant to be one."""
_NUMBER = re.compile(r"[+-]?[\d.,\s]*\d%?|")
_ENDS = re.compile(r"\r\n?|\n")
csv.field_size_limit(1_000_000)


def read_csv(content: bytes, writer: Writer) -> Parsed:
    """Raises NoText."""
    text, remark = text_of(content)
    if remark:
        writer.warnings.append(remark)
    lines = _ENDS.split(text)
    rows = _Rows(lines, _delimiter(lines[:_SAMPLE_LINES]))
    table = "\n".join(table_lines(_with_header(iter(rows))))
    if not table:
        raise empty()
    writer.add_exact("table", table)
    writer.warnings += rows.remarks()
    return writer.parsed("text/csv")


def _delimiter(lines: Sequence[str]) -> str:
    """The one by which most lines have the same number of cells, more than one."""

    def fit(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for line in lines if line.strip() for row in _lenient(line, delimiter)]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) if usual > 1 else 0, usual)

    return max(_DELIMITERS, key=fit)


def _with_header(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Where the first row is all numbers, the columns are numbered."""
    first = next(rows, None)
    if first is None:
        return
    if any(first) and all(_NUMBER.fullmatch(cell.strip()) for cell in first):
        yield [str(number) for number in range(1, len(first) + 1)]
    yield first
    yield from rows


def _lenient(line: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return [line.split(delimiter)]


class _Rows:
    """Goes through the rows once, and then knows what was wrong with them."""

    def __init__(self, lines: Sequence[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._place = 0
        self._broken: list[int] = []
        self._broken_count = 0
        self._ragged = 0

    def __iter__(self) -> Iterator[list[str]]:
        width = 0
        while self._place < len(self._lines):
            for row in self._until_broken():
                if any(cell.strip() for cell in row):
                    width = width or len(row)
                    self._ragged += len(row) != width
                    yield row
            if self._place < len(self._lines):
                self._broken_count += 1
                if len(self._broken) < 10:
                    self._broken.append(self._place + 1)
                yield from _lenient(self._lines[self._place], self._delimiter)
                self._place += 1

    def _until_broken(self) -> Iterator[list[str]]:
        """Sound rows; `_place` is then the line of the first that is not, or behind the last."""
        start = self._place
        fed = 0

        def feed() -> Iterator[str]:
            nonlocal fed
            for line in range(start, len(self._lines)):
                if line - self._place >= _LINES_OF_A_ROW:
                    raise csv.Error
                fed += 1
                yield self._lines[line] + "\n"

        try:
            for row in csv.reader(feed(), delimiter=self._delimiter, strict=True):
                self._place = start + fed
                yield [cell.rstrip("\n") for cell in row]
        except csv.Error:
            return
        self._place = len(self._lines)

    def remarks(self) -> list[str]:
        told: list[str] = []
        if self._broken_count:
            where = ", ".join(map(str, self._broken))
            more = " …" if self._broken_count > len(self._broken) else ""
            told.append(
                f"Quotes are broken in {self._broken_count:,} lines, which were read as they stand: {where}{more}."
            )
        if self._ragged:
            told.append(f"{self._ragged:,} rows have more or fewer cells than the header.")
        return told
