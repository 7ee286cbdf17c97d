"""An exported chain proves the same without a database: edits of the file are found, and it says where it begins."""

import json
from datetime import timedelta
from typing import Any

import pytest
from support.audit import FIRST_DAY, exported, write_rows

from orchestrator.audit.canonical import canonical
from orchestrator.audit.chain import Break, Row, Whole
from orchestrator.audit.file import FileHeader, NotAnExport, check_file
from orchestrator.audit.walk import Stretch
from orchestrator.database import Database

ROWS, MIDDLE = 9, 5


def day(number: int) -> Any:
    """The day on which that row was written."""
    return (FIRST_DAY + timedelta(days=number - 1)).date()


def edited(line: bytes, **changes: Any) -> bytes:
    return canonical({**json.loads(line), **changes}).encode() + b"\n"


def break_in(lines: list[bytes]) -> Break:
    (found,) = check_file(lines)
    assert isinstance(found, Break), found
    return found


async def test_an_export_is_whole_and_self_describing(database: Database) -> None:
    await write_rows(database, ROWS)
    lines = await exported(database)
    (found,) = check_file(lines)
    assert isinstance(found, Whole)
    assert (found.tenant_id, found.rows, found.before.seq) == ("acme", ROWS, 0)
    header = json.loads(lines[0])
    assert (header["format"], header["version"], header["tenant_id"]) == (
        "steward-audit",
        1,
        "acme",
    )
    assert header["last_hash"] == found.head.row_hash


async def test_lines_with_windows_ends_are_the_same_lines(database: Database) -> None:
    await write_rows(database, ROWS)
    lines = [line.replace(b"\n", b"\r\n") for line in await exported(database)]
    (found,) = check_file(lines)
    assert isinstance(found, Whole)


@pytest.mark.parametrize("name", Row.__dataclass_fields__)
async def test_an_edit_of_any_field_of_a_row_is_found(database: Database, name: str) -> None:
    await write_rows(database, ROWS)
    lines = await exported(database)
    value = {"seq": 1_000, "prev_hash": "a" * 64, "row_hash": "a" * 64}.get(name, "other")
    lines[MIDDLE] = edited(lines[MIDDLE], **{name: value})
    assert break_in(lines).seq == MIDDLE


@pytest.mark.parametrize(
    ("changes", "seq"),
    [
        ({"tenant_id": "other"}, 1),
        ({"prev_hash": "a" * 64}, 1),
        ({"first_seq": 2}, 1),
        ({"last_seq": ROWS - 1}, ROWS),
        ({"last_seq": ROWS + 1}, ROWS + 1),
        ({"last_hash": "a" * 64}, ROWS),
    ],
)
async def test_an_edit_of_the_header_is_found(
    database: Database, changes: dict[str, Any], seq: int
) -> None:
    await write_rows(database, ROWS)
    lines = await exported(database)
    lines[0] = edited(lines[0], **changes)
    assert break_in(lines).seq == seq


@pytest.mark.parametrize(
    "hidden",
    [
        b'{"body":"{}",' + b"%s",
        b"%s ",
        b'{"note":"not of the row",' + b"%s",
        b"not JSON",
        b"",
        b'{"seq":1}',
        b"\xff\xfe",
        b'"\\ud800"',
    ],
)
async def test_a_line_that_an_export_would_not_write_is_found(
    database: Database, hidden: bytes
) -> None:
    await write_rows(database, ROWS)
    lines = await exported(database)
    row = lines[MIDDLE].rstrip(b"\n")
    rest = row[1:] if hidden.startswith(b"{") and hidden.endswith(b"%s") else row
    lines[MIDDLE] = hidden.replace(b"%s", rest) + b"\n"
    found = break_in(lines)
    assert found.seq == MIDDLE
    assert f"line {MIDDLE + 1}" in found.problem


async def test_lines_that_were_taken_out_doubled_swapped_or_cut_off_are_found(
    database: Database,
) -> None:
    await write_rows(database, ROWS)
    lines = await exported(database)
    middle = lines[MIDDLE]
    assert break_in([line for line in lines if line != middle]).seq == MIDDLE
    assert break_in([*lines[:MIDDLE], middle, *lines[MIDDLE:]]).seq == MIDDLE
    swapped = [*lines[:MIDDLE], lines[MIDDLE + 1], middle, *lines[MIDDLE + 2 :]]
    assert break_in(swapped).seq == MIDDLE
    assert break_in(lines[:-2]).seq == ROWS - 1


async def test_part_of_a_chain_is_whole_from_its_first_row_on(database: Database) -> None:
    await write_rows(database, ROWS)
    (found,) = check_file(await exported(database, stretch=Stretch(day(4), day(6))))
    assert isinstance(found, Whole)
    assert (found.before.seq, found.head.seq) == (3, 6)


@pytest.mark.parametrize(
    "stretch", [Stretch(since=day(20)), Stretch(until=day(-3)), Stretch(day(6), day(4))]
)
async def test_days_without_rows_export_an_empty_stretch(
    database: Database, stretch: Stretch
) -> None:
    await write_rows(database, ROWS)
    (found,) = check_file(await exported(database, stretch=stretch))
    assert isinstance(found, Whole)
    assert found.rows == 0


async def test_a_file_may_hold_several_chains_and_each_is_judged_alone(database: Database) -> None:
    await write_rows(database, 2, "acme")
    await write_rows(database, 3, "umbrella")
    first, second = await exported(database, "acme"), await exported(database, "umbrella")
    acme, umbrella = check_file([*first[:-1], *second])
    assert isinstance(acme, Break)
    assert isinstance(umbrella, Whole)


@pytest.mark.parametrize("lines", [[], [b"{}\n"], [b"a,b\n"]])
def test_another_file_is_no_export(lines: list[bytes]) -> None:
    with pytest.raises(NotAnExport):
        list(check_file(lines))


def test_a_header_may_not_claim_rows_before_the_first() -> None:
    header = FileHeader(
        tenant_id="acme",
        exported_at="2026-11-01T12:00:00.000000Z",
        first_seq=1,
        prev_hash="a" * 64,
        last_seq=0,
        last_hash="a" * 64,
    )
    assert break_in([header.line().encode()]).seq == 1
