"""A chain in the database: whatever is done to it behind our back, the first row that does not fit is named."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert as sql_insert
from sqlalchemy import inspect
from support.audit import FIRST_DAY, tamper, verify, write_rows

from orchestrator.audit.chain import Break, Entry, Head, Row, Whole, recomputed_hash, seal
from orchestrator.audit.models import AuditHead, AuditKind, AuditRow
from orchestrator.audit.queries import list_rows, record
from orchestrator.audit.walk import PAGE_ROWS
from orchestrator.database import Database

ROWS, MIDDLE = 9, 5

OTHER_VALUES: dict[str, Any] = {
    "tenant_id": "other",
    "seq": 1_000,
    "at": FIRST_DAY + timedelta(days=MIDDLE - 1, microseconds=1),
    "body": '{"decision": "approved"}',
    "prev_hash": "a" * 64,
    "row_hash": "a" * 64,
}


async def broken(database: Database, tenant_id: str = "acme") -> Break:
    """The break of the tenant's chain."""
    (found,) = [result for result in await verify(database) if result.tenant_id == tenant_id]
    assert isinstance(found, Break), found
    return found


async def rows_of(database: Database) -> list[Row]:
    async with database.reading() as session:
        return await list_rows(session, "acme", after=0, to=1_000, limit=1_000)


def test_how_a_row_is_hashed_stays_as_it_is() -> None:
    entry = Entry(
        tenant_id="acme",
        at="2026-11-01T12:00:00.000000Z",
        kind="decision",
        person_id="ada",
        turn_id="turn-1",
        call_id=None,
        body='{"note":"Größe"}',
    )
    row = seal(entry, Head(6, "b" * 64))
    assert row.seq == 7
    # printf '%s%s' bbb… '{"at":"2026-11-01T12:00:00.000000Z","body":"{\\"note\\":\\"Größe\\"}",…}' | sha256sum
    assert row.row_hash == "59ef6abcad79e4169f022786e7a8ae73acfb06d5e8b5227b02719358b961618b"


async def test_an_untouched_chain_is_whole(database: Database) -> None:
    await write_rows(database, ROWS)
    (found,) = await verify(database)
    assert isinstance(found, Whole)
    assert (found.rows, found.head) == (ROWS, (await rows_of(database))[-1].head)


async def test_a_chain_of_many_pages_is_walked_to_its_end(database: Database) -> None:
    async with database.writing() as session:
        for number in range(PAGE_ROWS + 1):
            await record(session, "acme", AuditKind.DECISION, FIRST_DAY, body={"number": number})
    (found,) = await verify(database)
    assert isinstance(found, Whole)
    assert found.rows == PAGE_ROWS + 1


@pytest.mark.parametrize("column", [column.key for column in inspect(AuditRow).columns])
async def test_a_change_of_any_column_of_a_row_is_found(database: Database, column: str) -> None:
    await write_rows(database, ROWS)
    value = OTHER_VALUES.get(column, "other")
    if column == "at":
        value = value.strftime("%Y-%m-%d %H:%M:%S.%f")
    statement = f"UPDATE audit_rows SET {column} = :value WHERE seq = :seq"
    await tamper(database, statement, value=value, seq=MIDDLE)
    assert (await broken(database)).seq == MIDDLE


@pytest.mark.parametrize("column", ["person_id", "turn_id", "call_id"])
async def test_a_value_that_was_taken_out_is_found(database: Database, column: str) -> None:
    await write_rows(database, ROWS)
    await tamper(database, f"UPDATE audit_rows SET {column} = NULL WHERE seq = {MIDDLE}")
    assert (await broken(database)).seq == MIDDLE


@pytest.mark.parametrize(
    ("column", "value", "seq"),
    [("seq", ROWS + 1, ROWS + 1), ("seq", ROWS - 1, ROWS), ("row_hash", "a" * 64, ROWS)],
)
async def test_a_change_of_the_head_is_found(
    database: Database, column: str, value: Any, seq: int
) -> None:
    await write_rows(database, ROWS)
    assert column in inspect(AuditHead).columns
    await tamper(database, f"UPDATE audit_heads SET {column} = :value", value=value)
    assert (await broken(database)).seq == seq


async def test_a_missing_row_is_named(database: Database) -> None:
    await write_rows(database, ROWS)
    await tamper(database, f"DELETE FROM audit_rows WHERE seq = {MIDDLE}")
    found = await broken(database)
    assert found.seq == MIDDLE
    assert "missing" in found.problem


async def test_a_cut_tail_is_found_by_the_head(database: Database) -> None:
    await write_rows(database, ROWS)
    await tamper(database, "DELETE FROM audit_rows WHERE seq > 7")
    found = await broken(database)
    assert found.seq == 8
    assert "row 9" in found.problem


async def test_a_head_that_is_gone_is_found(database: Database) -> None:
    await write_rows(database, ROWS)
    await tamper(database, "DELETE FROM audit_heads")
    assert "head is missing" in (await broken(database)).problem


async def test_swapped_rows_are_found(database: Database) -> None:
    await write_rows(database, ROWS)
    for old, new in ((MIDDLE, 0), (MIDDLE + 1, MIDDLE), (0, MIDDLE + 1)):
        await tamper(database, f"UPDATE audit_rows SET seq = {new} WHERE seq = {old}")
    assert (await broken(database)).seq == MIDDLE


async def test_a_row_put_in_between_is_found_though_the_others_were_moved_up(
    database: Database,
) -> None:
    await write_rows(database, ROWS)
    rows = await rows_of(database)
    forged = seal(entry_of(rows[MIDDLE - 1]), rows[MIDDLE - 2].head)
    for seq in range(ROWS, MIDDLE - 1, -1):
        await tamper(database, f"UPDATE audit_rows SET seq = {seq + 1} WHERE seq = {seq}")
    await insert(database, forged)
    assert (await broken(database)).seq == MIDDLE + 1


async def test_a_row_put_behind_the_end_is_found(database: Database) -> None:
    await write_rows(database, ROWS)
    last = (await rows_of(database))[-1]
    await insert(database, seal(entry_of(last), last.head))
    found = await broken(database)
    assert found.seq == ROWS + 1
    assert "too many" in found.problem


async def test_a_row_that_was_rewritten_with_a_fitting_hash_breaks_the_next_one(
    database: Database,
) -> None:
    await write_rows(database, ROWS)
    row = replace((await rows_of(database))[MIDDLE - 1], body='{"decision":"rejected"}')
    await tamper(
        database,
        f"UPDATE audit_rows SET body = :body, row_hash = :hash WHERE seq = {MIDDLE}",
        body=row.body,
        hash=recomputed_hash(row),
    )
    found = await broken(database)
    assert found.seq == MIDDLE + 1
    assert f"row {MIDDLE}" in found.problem


async def test_a_first_row_that_claims_one_before_it_is_found(database: Database) -> None:
    await write_rows(database, 1)
    forged = seal(entry_of((await rows_of(database))[0]), Head(0, "a" * 64))
    await tamper(
        database,
        "UPDATE audit_rows SET prev_hash = :prev, row_hash = :hash",
        prev=forged.prev_hash,
        hash=forged.row_hash,
    )
    found = await broken(database)
    assert found.seq == 1
    assert "is the first" in found.problem


async def test_tenants_have_chains_of_their_own(database: Database) -> None:
    for _ in range(3):
        await write_rows(database, 1, "acme")
        await write_rows(database, 2, "umbrella")
    acme, umbrella = await verify(database)
    assert isinstance(acme, Whole)
    assert isinstance(umbrella, Whole)
    assert (acme.rows, umbrella.rows) == (3, 6)
    await tamper(database, "UPDATE audit_rows SET kind = 'x' WHERE tenant_id = 'umbrella'")
    assert isinstance((await verify(database))[0], Whole)
    assert (await broken(database, "umbrella")).seq == 1


async def test_a_row_exists_only_if_what_it_tells_of_was_stored(database: Database) -> None:
    class Refused(Exception): ...

    async def decide_in_vain() -> None:
        async with database.writing() as session:
            await record(session, "acme", AuditKind.DECISION, FIRST_DAY, body={})
            raise Refused

    with pytest.raises(Refused):
        await decide_in_vain()
    assert await verify(database) == []


async def test_a_row_noted_where_nothing_is_stored_is_refused_at_once(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.reading() as session:
            await record(session, "acme", AuditKind.DECISION, FIRST_DAY, body={})


def entry_of(row: Row) -> Entry:
    return Entry(**{name: getattr(row, name) for name in Entry.__dataclass_fields__})


async def insert(database: Database, row: Row) -> None:
    values = {**asdict(row), "at": datetime.fromisoformat(row.at)}
    async with database.writing() as session:
        await session.execute(sql_insert(AuditRow), values)
