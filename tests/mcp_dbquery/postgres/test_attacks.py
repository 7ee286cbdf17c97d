"""Attacks on a real database: what they would change is fingerprinted, what they would tell carries a canary."""

import json
from collections.abc import AsyncGenerator, Iterator

import pytest
from support.postgres_attacks import ATTACKS, BOMBS
from support.shop import ANN, CANARY, Shop, fingerprint, limits

from mcp_dbquery.engine import Statement
from mcp_dbquery.errors import StatementRefused, TooExpensive, TooSlow
from mcp_dbquery.postgres.binding import Bound
from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.postgres.guard import Guard, Verdict
from shared.mcp_server import Problem

pytestmark = pytest.mark.postgres

HIDDEN_SALARIES = "99900"

LEFT_TO_THE_GUARD = {
    "SELECT pg_advisory_lock(1)": "a lock of the session outlives its transaction",
    "SELECT pg_try_advisory_lock(2)": "the same",
    "SELECT pg_advisory_lock_shared(4)": "the same",
    "SELECT * FROM pg_try_advisory_lock_shared(5, 6)": "the same",
    "SELECT '\ud800'": "this is no text and cannot be sent",
}
"""What the database alone does not stop. Left out when the guard is switched off."""


class NoGuard(Guard):
    """Lets everything through, to show what the layers below stop by themselves."""

    def judge(self, sql: str) -> Verdict:
        return Verdict(Bound(sql), frozenset())


async def told_by(engine: PostgresEngine, sql: str) -> str:
    """All that a caller hears of a statement, rows or error."""
    try:
        reading = await engine.read(Statement(sql), ANN)
    except Problem as problem:
        return json.dumps(problem.as_result().model_dump(mode="json"), ensure_ascii=True)
    return json.dumps([reading.rows, [column.name for column in reading.columns]])


def leaks(sql: str, told: str) -> Iterator[str]:
    """Hidden, masked or foreign values in an answer. A statement's own words may come back."""
    for mark in (CANARY, HIDDEN_SALARIES):
        if mark in told and mark not in sql:
            yield f"{sql!r} told {told[:300]}"


@pytest.mark.parametrize("kind", ATTACKS)
async def test_an_attack_changes_nothing_and_learns_nothing(
    engine: PostgresEngine, shop: Shop, kind: str
) -> None:
    before = fingerprint(shop.owner_url)
    found = [leak for sql in ATTACKS[kind] for leak in leaks(sql, await told_by(engine, sql))]
    assert found == []
    assert fingerprint(shop.owner_url) == before


@pytest.fixture
async def unguarded(shop: Shop) -> AsyncGenerator[PostgresEngine]:
    engine = PostgresEngine("shop", shop.config(), limits(timeout_s=2), make_guard=NoGuard)
    await engine.start()
    yield engine
    await engine.close()


@pytest.mark.parametrize("kind", ATTACKS)
async def test_the_database_alone_stops_all_but_the_known_exceptions(
    unguarded: PostgresEngine, shop: Shop, kind: str
) -> None:
    before = fingerprint(shop.owner_url)
    attacks = [sql for sql in ATTACKS[kind] if sql not in LEFT_TO_THE_GUARD]
    found = [leak for sql in attacks for leak in leaks(sql, await told_by(unguarded, sql))]
    assert found == []
    assert fingerprint(shop.owner_url) == before


async def test_bombs_are_defused(shop: Shop) -> None:
    engine = PostgresEngine("shop", shop.config(), limits(timeout_s=0.5))
    await engine.start()
    codes = {sql: await _code(engine, sql) for sql in BOMBS}
    await engine.close()
    assert set(codes.values()) <= {StatementRefused.code, TooExpensive.code, TooSlow.code}, codes


async def _code(engine: PostgresEngine, sql: str) -> str:
    try:
        await engine.read(Statement(sql), ANN)
    except Problem as problem:
        return problem.code
    return f"{sql} ran"


ORACLES = [
    "ssn LIKE 'CAN%'",
    "ssn ~ '^CAN'",
    "email ILIKE 'canary%'",
    "phone IS NOT NULL",
    "ssn > 'C' AND ssn < 'D'",
    "starts_with(ssn, 'CAN')",
    "position('CANARY' in ssn) > 0",
    "card LIKE 'CAN%'",
    "born > '1980-02-01' AND born < '1980-12-31'",
    "tenant = 'globex'",
    "email = 'CANARY-MASKED-2@mail2.example'",
    "ssn = 'CANARY-MASKED-SSN-0002'",
    "length(ssn) > 10",
]


async def test_a_condition_sees_no_more_than_the_result(unguarded: PostgresEngine) -> None:
    for condition in ORACLES:
        reading = await unguarded.read(
            Statement(f"SELECT count(*) FROM customers WHERE {condition}"), ANN
        )
        assert (condition, reading.rows) == (condition, [[0]])
