"""Declared actions: with a login of their own, whole or not at all, and no value in an error."""

from collections.abc import AsyncGenerator, Callable

import pytest
from support.shop import ANN, CANARY, Shop, limits

from mcp_dbquery.errors import ActionFailed
from mcp_dbquery.postgres.engine import PostgresEngine
from shared.errors import BadSetup

pytestmark = pytest.mark.postgres


@pytest.fixture
async def acting(clone: Callable[[], Shop]) -> AsyncGenerator[PostgresEngine]:
    shop = clone()
    engine = PostgresEngine("shop", shop.config(actions_url=shop.owner_url), limits())
    await engine.start()
    yield engine
    await engine.close()


async def names(engine: PostgresEngine) -> list[object]:
    async with engine.looking(ANN) as transaction:
        rows = await transaction.rows(
            "SELECT name FROM products WHERE id < :n ORDER BY id", {"n": 3}, 10
        )
        return [row["name"] for row in rows]


async def test_a_change_is_kept_when_its_block_ends(acting: PostgresEngine) -> None:
    async with acting.changing(ANN) as transaction:
        touched = await transaction.execute(
            "UPDATE products SET name = :name WHERE id = :id", {"name": "New", "id": 1}
        )
    assert (touched, await names(acting)) == (1, ["New", "Product 2"])


async def test_nothing_is_kept_when_its_block_raises(acting: PostgresEngine) -> None:
    with pytest.raises(LookupError):  # noqa: PT012 - the block is what raises
        async with acting.changing(ANN) as transaction:
            await transaction.execute("UPDATE products SET name = 'x'", {})
            raise LookupError
    assert await names(acting) == ["Product 1", "Product 2"]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO products VALUES (1, 'CANARY-X', 1, '{}', '{}')",
        "UPDATE orders SET customer_id = 99999",
        "UPDATE products SET name = NULL",
        "UPDATE products SET id = name::int",
        "UPDATE products SET price = 1e30",
    ],
)
async def test_a_broken_rule_changes_nothing_and_tells_no_value(
    acting: PostgresEngine, sql: str
) -> None:
    with pytest.raises(ActionFailed) as failed:
        async with acting.changing(ANN) as transaction:
            await transaction.execute(sql, {})
    assert CANARY not in str(failed.value)
    assert "Product" not in str(failed.value)
    assert await names(acting) == ["Product 1", "Product 2"]


async def test_a_deferred_rule_is_looked_at_before_the_answer(acting: PostgresEngine) -> None:
    async with acting.changing(ANN) as transaction:
        await transaction.execute(
            "CREATE TABLE d (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)", {}
        )
    with pytest.raises(ActionFailed):
        async with acting.changing(ANN) as transaction:
            await transaction.execute("INSERT INTO d VALUES (1), (1)", {})


async def test_a_look_changes_nothing(acting: PostgresEngine) -> None:
    with pytest.raises(ActionFailed):
        async with acting.looking(ANN) as transaction:
            await transaction.execute("UPDATE products SET name = 'x'", {})
    assert await names(acting) == ["Product 1", "Product 2"]


async def test_statements_of_actions_are_compiled_without_running(acting: PostgresEngine) -> None:
    columns = await acting.check_action(
        "SELECT id, name AS title FROM products WHERE id = :id", ["id"], reads=True
    )
    assert columns == ["id", "title"]
    assert (
        await acting.check_action("UPDATE products SET name = :name", ["name"], reads=False) == []
    )
    for sql, reads in [
        ("SELECT nothing FROM products", True),
        ("SELECT :other", True),
        ("SELECT 1; SELECT 2", True),
        ("DELETE FROM orders", True),
        ("SELEC", False),
    ]:
        with pytest.raises(BadSetup):
            await acting.check_action(sql, ["id"], reads=reads)
    assert await names(acting) == ["Product 1", "Product 2"]


async def test_without_a_login_for_actions_there_are_none(engine: PostgresEngine) -> None:
    with pytest.raises(BadSetup, match="actions_url"):
        engine.changing(ANN)
