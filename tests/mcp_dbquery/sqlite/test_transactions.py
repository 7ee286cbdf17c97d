"""Statements of declared actions: never on the event loop, ended when time is up or the caller is gone."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.sqlite_shop import ADA, open_shop

from mcp_dbquery.errors import ActionFailed
from shared.errors import BadSetup

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n"
)


async def test_a_change_is_committed_at_the_end_and_rolled_back_when_the_block_raises(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path) as shop:
        async with shop.engine.changing(ADA) as transaction:
            sql = "UPDATE products SET price = :price WHERE id = 1"
            assert await transaction.execute(sql, {"price": 3}) == 1

        async def change_my_mind() -> None:
            async with shop.engine.changing(ADA) as transaction:
                await transaction.execute("DELETE FROM regions", {})
                raise ValueError("changed my mind")

        with pytest.raises(ValueError, match="changed my mind"):
            await change_my_mind()
        assert await shop.rows("SELECT price FROM products WHERE id = 1") == [[3.0]]
        assert await shop.rows("SELECT count(*) FROM regions") == [[2]]


async def test_looking_gives_json_values_and_cannot_write(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        async with shop.engine.looking(ADA) as transaction:
            shown = await transaction.rows("SELECT x'00' AS b, 9e999 AS f, :a AS a", {"a": 1}, 5)
            assert shown == [{"b": "[1 bytes]", "f": "inf", "a": 1}]
        with pytest.raises(ActionFailed):
            async with shop.engine.looking(ADA) as transaction:
                await transaction.execute("DELETE FROM regions", {})
        assert await shop.rows("SELECT count(*) FROM regions") == [[2]]


async def test_a_statement_of_an_action_that_runs_too_long_changes_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path, timeout_s=0.1) as shop:

        async def act() -> None:
            async with shop.engine.changing(ADA) as transaction:
                await transaction.execute("DELETE FROM regions", {})
                await transaction.rows(ENDLESS, {}, 1)

        with pytest.raises(ActionFailed, match="too long"):
            await act()
        with pytest.raises(ActionFailed, match="too long"):
            async with shop.engine.looking(ADA) as transaction:
                await transaction.rows(ENDLESS, {}, 1)
        assert await shop.rows("SELECT count(*) FROM regions") == [[2]]


async def test_a_cancelled_action_is_interrupted_and_lets_go_of_the_file(tmp_path: Path) -> None:
    async with open_shop(tmp_path, timeout_s=60) as shop:
        begun = asyncio.Event()

        async def act() -> None:
            async with shop.engine.changing(ADA) as transaction:
                await transaction.execute("DELETE FROM regions", {})
                begun.set()
                await transaction.rows(ENDLESS, {}, 1)

        acting = asyncio.create_task(act())
        await begun.wait()
        acting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await acting
        with closing(sqlite3.connect(shop.path, timeout=0)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            assert connection.execute("SELECT count(*) FROM regions").fetchone() == (2,)


async def test_a_broken_rule_of_the_database_changes_nothing_and_tells_no_value(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(ActionFailed, match="break a rule of the database"):
            async with shop.engine.changing(ADA) as transaction:
                await transaction.execute("UPDATE orders SET customer_id = 99999", {})
        with pytest.raises(ActionFailed, match="refused"):
            async with shop.engine.changing(ADA) as transaction:
                await transaction.execute("UPDATE nowhere SET x = 1", {})


async def test_a_statement_of_an_action_is_compiled_and_not_run(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        before = shop.fingerprint()
        check = shop.engine.check_action
        assert await check("SELECT id, name AS n FROM products -- all", [], reads=True) == [
            "id",
            "n",
        ]
        assert await check("DELETE FROM products WHERE id = :id", ["id"], reads=False) == []
        for sql in ("DELETE FROM nowhere", "DELETE FROM products; DELETE FROM orders"):
            with pytest.raises(BadSetup):
                await check(sql, [], reads=False)
        assert shop.fingerprint() == before
