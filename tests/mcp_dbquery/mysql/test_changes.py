"""Transactions of declared actions: done as a whole or not at all, and told in fixed words."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.mariadb import Server
from support.mysql_shop import CANARY, make_engine, make_shop, person, set_up, shop_config

from mcp_dbquery.errors import ActionFailed, DatabaseAway, OutcomeUnknown
from mcp_dbquery.mysql import MysqlEngine
from shared.errors import BadSetup

SET_STATUS = "UPDATE orders SET status = :status WHERE id = :id"


@pytest.fixture(scope="module")
def actions_url(server: Server) -> str:
    make_shop(server, "desk")
    server.ask(
        "CREATE USER clerk IDENTIFIED BY 'x'", "GRANT SELECT, INSERT, UPDATE ON desk.* TO clerk"
    )
    return server.url("clerk", "desk", "x")


@pytest.fixture
async def desk(server: Server, actions_url: str, tmp_path: Path) -> AsyncGenerator[MysqlEngine]:
    config = shop_config(server, "desk", tmp_path, actions_url=actions_url)
    await set_up(config, server)
    engine = make_engine(config)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def status(server: Server, number: int) -> str:
    ((found,),) = server.ask(f"SELECT status FROM desk.orders WHERE id = {number}")
    return str(found)


async def test_a_change_is_committed_at_the_end(desk: MysqlEngine, server: Server) -> None:
    async with desk.changing(person()) as change:
        before = await change.rows(
            "SELECT id, status, amount FROM orders WHERE id = :id", {"id": 1}, 5
        )
        assert before == [{"id": 1, "status": "paid", "amount": 11}]
        assert await change.execute(SET_STATUS, {"status": "sent", "id": 1}) == 1
        assert status(server, 1) == "paid"
    assert status(server, 1) == "sent"


async def test_rows_that_were_so_already_count_as_touched(desk: MysqlEngine) -> None:
    async with desk.changing(person()) as change:
        assert (
            await change.execute("UPDATE orders SET status = status WHERE id < :id", {"id": 4}) == 3
        )


async def test_an_error_in_the_block_rolls_back(desk: MysqlEngine, server: Server) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 - the end of the block counts too
        async with desk.changing(person()) as change:
            await change.execute(SET_STATUS, {"status": "sent", "id": 3})
            raise RuntimeError
    assert status(server, 3) == "open"


async def test_a_cancelled_change_is_rolled_back(desk: MysqlEngine, server: Server) -> None:
    changed = asyncio.Event()

    async def work() -> None:
        async with desk.changing(person()) as change:
            await change.execute(SET_STATUS, {"status": "sent", "id": 3})
            changed.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await changed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert status(server, 3) == "open"
    async with desk.changing(person()) as change:
        assert await change.execute(SET_STATUS, {"status": "open", "id": 3}) == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "INSERT INTO products (id, name) SELECT 99, name FROM products WHERE id = :id",
            "such a record already",
        ),
        ("INSERT INTO order_lines VALUES (:id, 9999, 1, 'CANARY')", "not there"),
        ("UPDATE products SET price = 'CANARY' WHERE id = :id", "not of the type|does not fit"),
        ("UPDATE orders SET status = 'CANARY' WHERE id = :id", "not of the type|does not fit"),
        (
            "UPDATE orders SET tenant = 'CANARY-much-too-long-for-its-column' WHERE id = :id",
            "too long",
        ),
        ("UPDATE orders SET tenant = NULL WHERE id = :id", "must be given"),
        ("DELETE FROM orders WHERE id = :id", "refused"),
    ],
)
async def test_what_the_database_refuses_is_told_without_values(
    desk: MysqlEngine, sql: str, words: str
) -> None:
    with pytest.raises(ActionFailed, match=words) as failure:
        async with desk.changing(person()) as change:
            await change.execute(sql, {"id": 1})
    assert "Nothing was changed" in str(failure.value)
    assert CANARY not in str(failure.value)


async def test_looking_cannot_change(desk: MysqlEngine, server: Server) -> None:
    with pytest.raises(ActionFailed):
        async with desk.looking(person()) as look:
            await look.execute(SET_STATUS, {"status": "sent", "id": 3})
    assert status(server, 3) == "open"
    async with desk.looking(person()) as look:
        assert len(await look.rows("SELECT id FROM orders", {}, 3)) == 3


async def test_a_connection_lost_before_the_commit_changed_nothing(
    desk: MysqlEngine, server: Server
) -> None:
    with pytest.raises(DatabaseAway, match="nothing was changed"):  # noqa: PT012 - the end of the block counts too
        async with desk.changing(person()) as change:
            await change.execute(SET_STATUS, {"status": "sent", "id": 3})
            cut_off(server)
            await change.execute(SET_STATUS, {"status": "sent", "id": 5})
    assert status(server, 3) == "open"


async def test_a_connection_lost_in_the_commit_leaves_the_outcome_unknown(
    desk: MysqlEngine, server: Server
) -> None:
    with pytest.raises(OutcomeUnknown):  # noqa: PT012 - the end of the block counts too
        async with desk.changing(person()) as change:
            await change.execute(SET_STATUS, {"status": "sent", "id": 3})
            cut_off(server)


async def test_statements_are_compiled_and_nothing_runs(desk: MysqlEngine, server: Server) -> None:
    sql = "SELECT id, status AS old, ':x' FROM orders WHERE id = :id"
    assert await desk.check_action(sql, ["id"], reads=True) == ["id", "old", ":x"]
    assert await desk.check_action(SET_STATUS, ["id", "status"], reads=False) == []
    assert status(server, 3) == "open"


@pytest.mark.parametrize(
    ("sql", "reads", "words"),
    [
        (
            "UPDATE ordres SET status = 1",
            False,
            "does not accept it: Table 'desk.ordres' doesn't exist",
        ),
        ("UPDATE orders SET stat = :id", False, "Unknown column 'stat'"),
        ("SELECT id FROM orders WHERE id = :other", True, ":other, which is no parameter"),
        ("UPDATE orders SET status = 1; DROP TABLE orders", False, "one statement"),
        ("UPDATE orders SET status = 'sent' WHERE id = :id", True, "gives no columns"),
    ],
)
async def test_a_statement_that_cannot_work_stops_the_start(
    desk: MysqlEngine, sql: str, reads: bool, words: str
) -> None:
    with pytest.raises(BadSetup, match=words):
        await desk.check_action(sql, ["id"], reads=reads)


async def test_without_a_login_there_are_no_actions(engine: MysqlEngine) -> None:
    with pytest.raises(ActionFailed, match="no login for actions"):
        async with engine.changing(person()):
            pass
    with pytest.raises(BadSetup, match="actions_url"):
        await engine.check_action("SELECT 1", [], reads=True)


def cut_off(server: Server) -> None:
    for (number,) in server.ask(
        "SELECT id FROM information_schema.processlist WHERE user = 'clerk'"
    ):
        server.ask(f"KILL {number}")
