"""What comes back, how much of it, and what happens to the statement in the server when it has to end."""

import asyncio
from typing import Any

import pytest
from support.mariadb import Server
from support.mysql_shop import CANARY, Unguarded, make_engine, person, running

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.engine import Parameters, Statement
from mcp_dbquery.errors import (
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooExpensive,
    TooLarge,
    TooSlow,
    UnknownRelation,
)
from mcp_dbquery.mysql import MysqlEngine
from shared.mcp_server import Problem

ENDLESS = (
    "SELECT COUNT(*) FROM products a, products b, products c, products d, products e "
    "WHERE MD5(CONCAT(a.id, b.id, c.id, d.id, e.id)) = 'marked'"
)
CLAIMS = {"tenant_no": "1"}


async def read(
    engine: MysqlEngine, sql: str, parameters: Parameters | None = None, most: int = 5_000
) -> Any:
    return await engine.read(Statement(sql, parameters or [], most), person(**CLAIMS))


async def test_values_are_json(engine: MysqlEngine) -> None:
    reading = await read(
        engine,
        "SELECT price, picture, flags, made, open_for, large, weight, NULL, TRUE, 1.10, 0.1000000000000000000001, "
        "DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05', -id, '✓', CAST(-1 AS SIGNED) FROM products WHERE id = 3",
    )
    assert reading.rows == [
        [3.75, "[5 bytes]", 5, 2020, "26:10:05", 18446744073709551615, 1, None, 1, 1.1, "0.1000000000000000000001",
         "2026-01-02", "2026-01-02T03:04:05", -3, "✓", -1]
    ]  # fmt: skip
    types = [column.type for column in reading.columns]
    assert types[:7] == ["number", "blob", "integer", "integer", "text", "integer", "number"]
    assert types[7] == "null"
    assert types[11:13] == ["date", "timestamp"]
    assert reading.relations == {"products"}


@pytest.mark.parametrize("limit", ["", " LIMIT 100000"])
async def test_reading_stops_at_the_row_limit_and_says_so(engine: MysqlEngine, limit: str) -> None:
    reading = await read(engine, f"SELECT id FROM orders ORDER BY id{limit}", most=7)
    assert (len(reading.rows), reading.cut_by) == (7, "rows")
    assert (await read(engine, "SELECT id FROM products", most=20)).cut_by is None
    assert (await read(engine, "SELECT id FROM products", most=19)).cut_by == "rows"


async def test_reading_stops_at_the_byte_limit_while_the_server_still_sends(
    shop: DatabaseConfig,
) -> None:
    async with running(shop, read_bytes=40_000) as engine:
        sql = "SELECT a.id, REPEAT('x', 3000) FROM orders a JOIN orders b ON a.status = b.status"
        for _ in range(3):
            reading = await read(engine, sql)
            assert reading.cut_by == "bytes"
            assert 5 < len(reading.rows) < 15
        with pytest.raises(TooLarge, match="larger than what may be read"):
            await read(engine, "SELECT REPEAT('x', 900000)")
        assert (await read(engine, "SELECT 1")).rows == [[1]]


async def test_long_cells_are_cut_with_their_length(shop: DatabaseConfig) -> None:
    async with running(shop, cell_characters=5, columns=3) as engine:
        reading = await read(engine, "SELECT REPEAT('é', 9), 'short'")
        assert reading.rows == [["ééééé… [9 characters]", "short"]]
        assert reading.cut_cells == 1
        with pytest.raises(TooLarge, match="more than 3 columns"):
            await read(engine, "SELECT 1, 2, 3, 4")


@pytest.mark.parametrize(
    ("sql", "parameters", "rows"),
    [
        ("SELECT id FROM products WHERE id = ?", [3], [[3]]),
        ("SELECT :a, ':a', `id` /* :b */ FROM products WHERE name = :name -- :c", {"a": "x", "name": "Thing 2"},
         [["x", ":a", 2]]),
        ("SELECT ?, '?', ?", ["it's \\ \"quoted\" \x00?", None], [["it's \\ \"quoted\" \x00?", "?", None]]),
        ("SELECT :v = :v", {"v": "'; DROP TABLE orders; -- "}, [[1]]),
        ("SELECT ? + ?, ?", [1, 2.5, True], [[3.5, 1]]),
        ("SELECT ?", ["✓ é 😀"], [["✓ é 😀"]]),
        ("SELECT ?", ["\\' OR 1=1 -- "], [["\\' OR 1=1 -- "]]),
    ],
)  # fmt: skip
async def test_values_are_bound(
    engine: MysqlEngine, sql: str, parameters: Parameters, rows: list[Any]
) -> None:
    assert (await read(engine, sql, parameters)).rows == rows


@pytest.mark.parametrize(
    ("sql", "parameters", "words"),
    [
        ("SELECT ?", [], r"1 places for values \(\?\), and 0"),
        ("SELECT 1", [1], "0 places"),
        ("SELECT :a", {"b": 1}, "no value for :a"),
        ("SELECT :a", [1], "params must be an object"),
        ("SELECT ?", {"a": 1}, "params must be a list"),
        ("SELECT ?, :a", {"a": 1}, "mixes"),
        ("SELECT ?", [float("nan")], "cannot be bound"),
        ("SELECT ?", ["\ud800"], "cannot be bound"),
    ],
)
async def test_values_that_do_not_fit_are_explained(
    engine: MysqlEngine, sql: str, parameters: Parameters, words: str
) -> None:
    with pytest.raises(StatementInvalid, match=words):
        await read(engine, sql, parameters)


@pytest.mark.parametrize(
    ("sql", "kind", "words"),
    [
        ("SELECT * FROM ordres", UnknownRelation, "Did you mean orders"),
        ("SELECT naame FROM customers", UnknownRelation, "Did you mean name"),
        ("SELECT c.emial FROM customers c", UnknownRelation, "Did you mean email"),
        ("SELECT id FROM products HAVING name = 'x'", UnknownRelation, "HAVING knows only"),
        ("SELECT * FROM Orders", UnknownRelation, "Did you mean orders"),
        (
            "SELECT id FROM orders o JOIN customers c ON TRUE",
            StatementInvalid,
            "stands for more than one",
        ),
        ("SELECT SUM(SUM(amount)) FROM orders", StatementInvalid, "aggregate"),
        ("SELECT (SELECT id, name FROM products)", StatementInvalid, "more than one column"),
        ("SELECT (SELECT id FROM products)", StatementInvalid, "more than one row"),
        ("SELECT LEFT('a')", StatementInvalid, "read"),
        ("SELECT SUBSTRING_INDEX('a')", StatementInvalid, "cannot be read"),
        ("SELECT ~0 + 1", StatementInvalid, "range"),
        ("SELECT FORM orders", StatementInvalid, "read|column"),
        (
            "SELECT id FROM products UNION SELECT 1, 2",
            StatementInvalid,
            "different numbers of columns",
        ),
        (
            "WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r) SELECT MAX(n) FROM r",
            TooLarge,
            "recursive",
        ),
        (
            "SELECT LENGTH(REPEAT(CONCAT(name, name, name), 1000000)) FROM products",
            TooLarge,
            "too long",
        ),
    ],
)
async def test_errors_say_how_to_mend_the_statement(
    engine: MysqlEngine, sql: str, kind: type[Problem], words: str
) -> None:
    with pytest.raises((kind, UnknownRelation) if "FORM" in sql else kind, match=words):
        await read(engine, sql)


async def test_an_error_never_carries_a_value(engine: MysqlEngine) -> None:
    for expression in ("CAST(ssn AS SIGNED)", "ssn + 0", "CAST(note AS DATE)", "DATE_ADD(name, INTERVAL 1 DAY)",
                       "REGEXP_REPLACE('x', ssn, '')", "JSON_EXTRACT(ssn, ssn)", "~0 + LENGTH(ssn)"):  # fmt: skip
        source = "orders" if "note" in expression else "customers"
        try:
            shown = str(
                await engine.read(
                    Statement(f"SELECT {expression} FROM {source}"),
                    person("head_office", "auditor"),
                )
            )
        except Problem as problem:
            shown = f"{problem} {problem.as_result().structured_content}"
        assert CANARY not in shown, expression


async def test_the_server_refuses_what_it_expects_to_be_too_much_work(shop: DatabaseConfig) -> None:
    async with running(shop, cost_rows=10_000) as engine:
        with pytest.raises(TooExpensive, match="Join on indexed columns"):
            await read(
                engine, "SELECT COUNT(*) FROM products a, products b, products c, products d"
            )
        assert (await read(engine, "SELECT COUNT(*) FROM products a, products b")).rows == [[400]]


def at_work(server: Server) -> list[str]:
    """What the login's connections do at this moment, in the server."""
    return [str(row[0]) for row in server.ask(
        "SELECT info FROM information_schema.processlist WHERE user = 'shop_reader' AND info LIKE '%marked%'"
    )]  # fmt: skip


async def started(server: Server) -> None:
    async with asyncio.timeout(10):
        while not at_work(server):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0)


async def ended(server: Server) -> None:
    """A statement that was ended is listed until its thread has noticed."""
    async with asyncio.timeout(10):
        while at_work(server):  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0)


async def test_a_slow_statement_is_stopped_by_the_server(
    shop: DatabaseConfig, server: Server
) -> None:
    async with running(shop, timeout_s=0.3) as engine:
        with pytest.raises(TooSlow, match=r"after 0\.3 s"):
            await read(engine, ENDLESS)
        await ended(server)
        assert (await read(engine, "SELECT 1")).rows == [[1]]


async def test_what_escapes_the_servers_limit_is_ended_from_outside(
    shop: DatabaseConfig, server: Server
) -> None:
    async with running(shop, Unguarded, timeout_s=0.2) as engine:
        with pytest.raises(TooSlow):
            await read(engine, f"SET STATEMENT max_statement_time = 0 FOR {ENDLESS}")
        await ended(server)


async def test_cancelling_a_call_ends_its_statement_in_the_server(
    engine: MysqlEngine, server: Server
) -> None:
    call = asyncio.create_task(read(engine, ENDLESS))
    await started(server)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await ended(server)
    assert (await read(engine, "SELECT 1")).rows == [[1]]


async def test_closing_ends_what_still_runs(shop: DatabaseConfig, server: Server) -> None:
    engine = make_engine(shop)
    await engine.start()
    call = asyncio.create_task(read(engine, ENDLESS))
    await started(server)
    await engine.close()
    with pytest.raises(Problem):
        await call
    await ended(server)


async def test_many_callers_share_few_connections(engine: MysqlEngine, server: Server) -> None:
    sql = "SELECT tenant, COUNT(*) FROM orders GROUP BY tenant"
    readings = await asyncio.gather(
        *(
            engine.read(Statement(sql), person(tenant=("north", "south")[number % 2]))
            for number in range(32)
        )
    )
    assert [reading.rows[0][0] for reading in readings] == ["north", "south"] * 16
    ((connections,),) = server.ask(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'shop_reader'"
    )
    assert connections <= 8


async def test_a_connection_that_the_server_closed_is_not_used_again(
    engine: MysqlEngine, server: Server
) -> None:
    await read(engine, "SELECT 1")
    for (number,) in server.ask(
        "SELECT id FROM information_schema.processlist WHERE user = 'shop_reader'"
    ):
        server.ask(f"KILL {number}")
    assert (await read(engine, "SELECT 1")).rows == [[1]]
    assert await engine.problem() is None


async def test_a_server_that_is_gone_is_said_to_be_away(
    shop: DatabaseConfig, engine: MysqlEngine
) -> None:
    away = make_engine(shop.model_copy(update={"url": "mysql://shop_reader:x@127.0.0.1:9/shop"}))
    assert await away.problem() == "the server does not answer"
    with pytest.raises(DatabaseAway):
        await away.catalog(person())
    with pytest.raises(DatabaseAway):
        await away.read(Statement("SELECT 1"), person())
    assert await engine.problem() is None


async def test_a_statement_is_estimated_without_running(engine: MysqlEngine) -> None:
    estimate = await engine.explain(
        Statement("SELECT * FROM products p JOIN orders o ON o.id = p.id"), person()
    )
    assert estimate.plan[1:] == [
        "orders: size not told; indexes over: customer_id; id; tenant, status",
        "products: about 20 rows; indexes over: name; id",
    ]
    with pytest.raises(UnknownRelation):
        await engine.explain(Statement("SELECT nothing FROM products"), person())
    with pytest.raises(StatementRefused):
        await engine.explain(Statement("DELETE FROM products"), person())
