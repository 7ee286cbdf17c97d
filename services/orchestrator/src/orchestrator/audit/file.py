"""The export file: JSON lines that can be checked anywhere, without us and without a database. Pure.

Each chain is a header line (`FileHeader`) and then its rows in order, each line canonical JSON. The header says
where the stretch begins and ends, so a file that was cut short shows it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.audit.canonical import canonical
from orchestrator.audit.chain import NOTHING, Break, ChainCheck, Head, Row, Whole

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NotAnExport(ValueError):
    """The file is no export of the audit chain."""


class FileHeader(BaseModel):
    """The first line of a chain in a file. Empty stretches have `last_seq` = `first_seq` - 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["steward-audit"] = "steward-audit"
    version: Literal[1] = 1
    tenant_id: str
    exported_at: str
    first_seq: Annotated[int, Field(ge=1)]
    prev_hash: Hash
    """Of the row before the first one here; zeros when there is none."""
    last_seq: Annotated[int, Field(ge=0)]
    last_hash: Hash

    def line(self) -> str:
        return canonical(self.model_dump(mode="json")) + "\n"


class _FileRow(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    tenant_id: str
    seq: int
    at: str
    kind: str
    person_id: str | None
    turn_id: str | None
    call_id: str | None
    body: str
    prev_hash: Hash
    row_hash: Hash


def row_line(row: Row) -> str:
    """A row as a line of the file."""
    return canonical(asdict(row)) + "\n"


def check_file(lines: Iterable[bytes]) -> Iterator[Whole | Break]:
    """What becomes of each chain in a file, read line by line.

    Raises:
        NotAnExport: it does not begin with a header this version knows.
    """
    section: _Section | None = None
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip(b"\r\n")
        header = _read_header(line)
        if header is not None:
            if section is not None:
                yield section.end()
            section = _Section(header)
        elif section is None:
            raise NotAnExport(
                "The file does not begin with the header line of an audit export (format steward-audit, version 1)."
            )
        else:
            section.add(line, number)
    if section is None:
        raise NotAnExport("The file is empty.")
    yield section.end()


class _Section:
    """The rows that follow one header; after the first that does not fit, the rest is passed over."""

    def __init__(self, header: FileHeader) -> None:
        self._header = header
        before = Head(header.first_seq - 1, header.prev_hash)
        self._check = ChainCheck(header.tenant_id, before)
        self._broken: Break | None = None
        if before.seq == 0 and before != NOTHING:
            self._broken = Break(header.tenant_id, 1, "the header claims a row before the first")

    def add(self, line: bytes, number: int) -> None:
        if self._broken is not None:
            return
        row = _read_row(line)
        if row is None:
            problem = f"line {number} of the file is not as an export writes it"
            self._broken = Break(self._check.tenant_id, self._check.head.seq + 1, problem)
        else:
            self._broken = self._check.add(row)

    def end(self) -> Whole | Break:
        return self._broken or self._check.end(Head(self._header.last_seq, self._header.last_hash))


def _read_header(line: bytes) -> FileHeader | None:
    try:
        return FileHeader.model_validate_json(line)
    except ValidationError:
        return None


def _read_row(line: bytes) -> Row | None:
    """None: it is no row, or written in another way than ours, which could hide something from readers."""
    try:
        row = Row(**_FileRow.model_validate_json(line).model_dump())
    except ValidationError:
        return None
    return row if row_line(row).encode() == line + b"\n" else None
