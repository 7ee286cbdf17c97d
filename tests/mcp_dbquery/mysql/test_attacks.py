"""Attacks by class: nothing is changed, kept locked or shown; with the guard, and with the database's layers alone."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import Server
from support.mysql_shop import CANARY, Unguarded, person, running
from support.mysql_statements import (
    ATTACKS,
    CRASHES_THE_SERVER,
    LEGITIMATE,
    RUN_WITHOUT_THE_GUARD,
)

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.engine import Statement
from mcp_dbquery.mysql import MysqlEngine
from shared.mcp_server import Problem

OUTFILE = Path("/tmp/mcp-dbquery-attack")


TABLES = ("customers", "orders", "products", "order_lines", "api_keys", "staff", "regions")
FINGERPRINT = (
    f"CHECKSUM TABLE {', '.join(f'shop.{name}' for name in TABLES)}",
    "SHOW DATABASES",
    "SELECT TABLE_SCHEMA, TABLE_NAME, CREATE_TIME FROM information_schema.TABLES "
    "WHERE TABLE_SCHEMA IN ('shop', 'shop_safe', 'shop_safe_private') ORDER BY 1, 2",
    "SELECT * FROM mysql.global_priv ORDER BY Host, User",
    "SELECT db, name, body FROM mysql.proc ORDER BY db, name",
    "SHOW GLOBAL VARIABLES WHERE Variable_name NOT LIKE '%gtid%' AND Variable_name <> 'timestamp'",
    "SELECT IS_USED_LOCK('attack')",
)


def fingerprint(server: Server) -> Any:
    """Everything that an attack could change: rows, structure, accounts, routines, settings, locks, files."""
    with server.connected() as connection, connection.cursor() as cursor:
        seen: list[Any] = [OUTFILE.exists()]
        for statement in FINGERPRINT:
            cursor.execute(statement)
            seen.append(cursor.fetchall())
        return seen


async def try_it(engine: MysqlEngine, sql: str) -> tuple[bool, str]:
    """Whether it ran, and all that the caller saw of it."""
    try:
        reading = await engine.read(Statement(sql), person(tenant_no="1"))
    except Problem as problem:
        return False, f"{problem} {problem.as_result().structured_content}"
    return True, str(reading)


@pytest.mark.parametrize("kind", ATTACKS)
async def test_attacks_are_refused_and_change_and_show_nothing(
    engine: MysqlEngine, server: Server, kind: str
) -> None:
    before = fingerprint(server)
    for sql in ATTACKS[kind]:
        ran, shown = await try_it(engine, sql)
        assert not ran, sql
        assert CANARY not in shown, sql
    assert fingerprint(server) == before


def test_the_corpus_is_broad() -> None:
    assert sum(map(len, ATTACKS.values())) >= 200
    assert len(LEGITIMATE) >= 60


@pytest.fixture
async def unguarded(shop: DatabaseConfig) -> AsyncGenerator[MysqlEngine]:
    async with running(shop, Unguarded) as engine:
        yield engine


@pytest.mark.parametrize("kind", ATTACKS)
async def test_without_the_guard_the_database_alone_keeps_the_rules(
    unguarded: MysqlEngine, server: Server, kind: str
) -> None:
    before = fingerprint(server)
    ran: set[str] = set()
    for sql in [each for each in ATTACKS[kind] if each not in CRASHES_THE_SERVER]:
        has_run, shown = await try_it(unguarded, sql)
        assert CANARY not in shown, sql
        if has_run:
            ran.add(sql)
    known = {sql for statements in RUN_WITHOUT_THE_GUARD.values() for sql in statements}
    assert ran == known & set(ATTACKS[kind])
    assert fingerprint(server) == before


async def test_what_analysts_write_runs(engine: MysqlEngine) -> None:
    refused = {
        sql: shown for sql in LEGITIMATE for ran, shown in [await try_it(engine, sql)] if not ran
    }
    assert refused == {}
