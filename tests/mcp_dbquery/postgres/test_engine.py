"""What one call gets: limits, an end when its caller goes away, a catalogue of its own, no value in an error."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import psycopg
import pytest
from support.shop import ANN, CANARY, GINA, HOLLY, MORGAN, Shop, limits

from mcp_dbquery.engine import Statement
from mcp_dbquery.errors import (
    StatementInvalid,
    StatementRefused,
    TooExpensive,
    TooLarge,
    TooSlow,
    UnknownRelation,
)
from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.postgres.watchdog import Watchdog
from shared.mcp_server import Problem

pytestmark = pytest.mark.postgres

SLOW = (
    "SELECT sum(a.id * b.id * c.id) FROM orders a, orders b, orders c WHERE a.id + b.id + c.id < 0"
)


@asynccontextmanager
async def opened(shop: Shop, **other: Any) -> AsyncGenerator[PostgresEngine]:
    engine = PostgresEngine(
        "shop", shop.config(), limits(**{"cost": 1e12, "cost_rows": 1e12} | other)
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def running(shop: Shop) -> int:
    """How many statements of the reading login run in this database."""
    async with await psycopg.AsyncConnection.connect(shop.owner_url, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE usename = 'mcp_reader' AND state = 'active' AND datname = current_database()"
        )
        row = await cursor.fetchone()
        assert row is not None
        return row[0]


async def until_running(shop: Shop, number: int) -> None:
    async with asyncio.timeout(5):
        while await running(shop) != number:  # noqa: ASYNC110 - the event is in the database
            await asyncio.sleep(0)


async def test_a_statement_ends_in_the_database_when_its_caller_goes_away(shop: Shop) -> None:
    async with opened(shop, timeout_s=30) as engine:
        call = asyncio.create_task(engine.read(Statement(SLOW), ANN))
        await until_running(shop, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until_running(shop, 0)
        assert (await engine.read(Statement("SELECT 1"), ANN)).rows == [[1]]


async def test_a_slow_statement_is_stopped_and_the_next_one_runs(shop: Shop) -> None:
    async with opened(shop, timeout_s=0.3) as engine:
        with pytest.raises(TooSlow):
            await engine.read(Statement(SLOW), ANN)
        await until_running(shop, 0)
        assert (await engine.read(Statement("SELECT 1"), ANN)).rows == [[1]]


async def test_the_watchdog_ends_what_the_server_did_not(shop: Shop) -> None:
    watchdog = Watchdog(shop.owner_url, terminate_after_s=0.1)
    async with await psycopg.AsyncConnection.connect(shop.owner_url, autocommit=True) as connection:
        with (
            pytest.raises(psycopg.errors.QueryCanceled),
            watchdog.watching(connection.info.backend_pid, 0.05),
        ):
            await connection.execute("SELECT pg_sleep(60)")
        # A backend that takes no cancellation, here because it is idle, is ended as a whole.
        with (  # noqa: PT012 - any of them may be the first
            watchdog.watching(connection.info.backend_pid, 0.0),
            pytest.raises(psycopg.OperationalError),
        ):
            async with asyncio.timeout(5):
                while True:
                    await connection.execute("SELECT 1")
    await watchdog.close()


async def test_a_too_expensive_statement_is_not_run(engine: PostgresEngine) -> None:
    with pytest.raises(TooExpensive, match="Nested Loop"):
        await engine.read(
            Statement(
                "SELECT count(*) FROM products a, products b, products c, products d, products e, products f, "
                "products g, products h"
            ),
            ANN,
        )


async def test_reading_stops_at_the_limit_of_rows(engine: PostgresEngine) -> None:
    reading = await engine.read(
        Statement("SELECT n FROM generate_series(1, 100000) n", max_rows=3_000), ANN
    )
    assert (len(reading.rows), reading.cut_by) == (3_000, "rows")
    whole = await engine.read(
        Statement("SELECT n FROM generate_series(1, 3000) n", max_rows=3_000), ANN
    )
    assert (len(whole.rows), whole.cut_by) == (3_000, None)


async def test_reading_stops_at_the_limit_of_bytes(shop: Shop) -> None:
    async with opened(shop, read_bytes=10_000) as engine:
        reading = await engine.read(
            Statement("SELECT repeat('x', 900) FROM generate_series(1, 100)"), ANN
        )
        assert (len(reading.rows), reading.cut_by) == (11, "bytes")
    async with opened(shop, read_bytes=500) as engine:
        with pytest.raises(TooLarge):
            await engine.read(Statement("SELECT repeat('x', 900)"), ANN)


async def test_long_cells_are_cut_and_wide_results_refused(shop: Shop) -> None:
    async with opened(shop, cell_characters=10, columns=3) as engine:
        reading = await engine.read(
            Statement("SELECT repeat('x', 20), '{\"a\": \"bbbbbbbbbbbb\"}'::jsonb"), ANN
        )
        assert reading.rows == [["xxxxxxxxxx… [20 characters]", '{"a": "bbb… [21 characters]']]
        assert reading.cut_cells == 2
        with pytest.raises(TooLarge):
            await engine.read(Statement("SELECT 1, 2, 3, 4"), ANN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"n": 123456789012345678901234567890}', {"n": "123456789012345678901234567890"}),
        ('["\\ud800"]', '["\\ud800"]'),
    ],
)
async def test_json_that_no_answer_can_carry_is_told_as_text(
    engine: PostgresEngine, text: str, told: object
) -> None:
    reading = await engine.read(Statement(f"SELECT '{text}'::json"), ANN)
    assert reading.rows == [[told]]


async def test_values_are_those_of_json(engine: PostgresEngine) -> None:
    reading = await engine.read(
        Statement(
            "SELECT 1, 2::int8, 1.5::numeric, 3::numeric, 0.1234567890123456789::numeric, 'NaN'::float8, "
            "1e300::float8, true, NULL, "
            "date '2026-01-31', timestamptz '2026-01-31 10:00+02', timestamp '2026-01-31 10:00', time "
            "'10:00', interval '1 day 2 hours', "
            "'{\"a\": [1]}'::jsonb, ARRAY[1, 2], ARRAY['a', NULL], 'abc'::bytea, 'infinity'::date, int4range(1, 3), "
            "'12345678-1234-1234-1234-123456789abc'::uuid, '10.0.0.1'::inet, ROW(1, 'a'), "
            "ARRAY[1.5::numeric], '1e999'::jsonb"
        ),
        ANN,
    )
    assert reading.rows == [
        [
            1,
            2,
            1.5,
            3,
            "0.1234567890123456789",
            "nan",
            1e300,
            True,
            None,
            "2026-01-31",
            "2026-01-31T08:00:00+00",
            "2026-01-31T10:00:00",
            "10:00:00",
            "1 day 02:00:00",
            {"a": [1]},
            [1, 2],
            ["a", None],
            "[3 bytes]",
            "infinity",
            "[1,3)",
            "12345678-1234-1234-1234-123456789abc",
            "10.0.0.1",
            "(1,a)",
            ["1.5"],
            reading.rows[0][-1],
        ]
    ]
    assert [column.type for column in reading.columns[:16]] == [
        "integer",
        "integer",
        "number",
        "number",
        "number",
        "number",
        "number",
        "boolean",
        "text",
        "date",
        "timestamp",
        "timestamp",
        "text",
        "text",
        "json",
        "json",
    ]


async def test_each_sees_the_rows_and_columns_of_their_roles(engine: PostgresEngine) -> None:
    count = Statement("SELECT count(*) FROM staff")
    seen = [(await engine.read(count, who)).rows[0][0] for who in (ANN, HOLLY, MORGAN, GINA)]
    assert seen == [1, 1, 3, 0]
    ssn = Statement("SELECT ssn FROM customers ORDER BY id LIMIT 1")
    masked, plain = await engine.read(ssn, ANN), await engine.read(ssn, HOLLY)
    assert (masked.rows, masked.columns[0].mask) == ([["•••0002"]], "last4")
    assert (plain.rows, plain.columns[0].mask) == ([["CANARY-MASKED-SSN-0002"]], None)


async def test_callers_at_the_same_time_do_not_see_each_others_rows(engine: PostgresEngine) -> None:
    statement = Statement("SELECT DISTINCT tenant FROM orders")
    callers = [ANN, GINA] * 20
    readings = await asyncio.gather(*(engine.read(statement, caller) for caller in callers))
    assert [reading.rows for reading in readings] == [[[caller.tenant]] for caller in callers]


async def test_the_catalogue_tells_each_what_they_may_ask(engine: PostgresEngine) -> None:
    catalog = await engine.catalog(ANN)
    assert list(catalog.relations) == ["customers", "orders", "products", "sales_deals", "staff"]
    customers, orders, products = (
        catalog.relations[name] for name in ("customers", "orders", "products")
    )
    assert [column.name for column in customers.columns if column.mask] == [
        "email",
        "ssn",
        "phone",
        "card",
        "born",
    ]
    assert (customers.hidden_columns, customers.rows_filtered, customers.rows_estimate) == (
        2,
        True,
        None,
    )
    assert (customers.comment, products.comment, products.rows_estimate) == (
        "Who buys",
        "What the shop sells",
        20,
    )
    assert {column.name: column.references for column in orders.columns if column.references} == {
        "customer_id": "customers.id",
        "product_id": "products.id",
    }
    assert [index.columns for index in customers.indexes] == [("id",), ("tenant", "region")]
    assert (
        "payroll"
        in (
            await engine.catalog(GINA.__class__("p", "acme", roles=frozenset({"payroll"})))
        ).relations
    )


async def test_a_plan_names_visible_relations_and_no_estimates_of_filtered_rows(
    engine: PostgresEngine,
) -> None:
    plain = await engine.explain(Statement("SELECT * FROM products WHERE price > 3"), ANN)
    assert any("Seq Scan on products  (cost" in line for line in plain.plan)
    filtered = await engine.explain(
        Statement(
            "SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = 'a'"
        ),
        ANN,
    )
    assert not any(character.isdigit() for line in filtered.plan for character in line)
    assert filtered.cost is not None
    assert filtered.cost in {10.0**power for power in range(9)}


@pytest.mark.parametrize(
    ("sql", "expected", "part"),
    [
        ("SELECT * FROM custmers", UnknownRelation, "Did you mean customers?"),
        ("SELECT salry FROM customers", UnknownRelation, "There is no column “salry”"),
        ("SELECT nme FROM products", UnknownRelation, "Did you mean name"),
        ("SELECT o.totl FROM orders o", UnknownRelation, "Did you mean o.total?"),
        ("SELECT 1 / 0 FROM products", StatementInvalid, "nullif"),
        ("SELECT name::int FROM customers", StatementInvalid, "cannot be read as the type"),
        ("SELECT name, count(*) FROM products", StatementInvalid, "GROUP BY"),
        ("SELECT upper(1) FROM products", StatementInvalid, "no such function"),
        ("SELECT strftime('%Y', placed_at) FROM orders", StatementRefused, "to_char"),
        ("SELECT * FROM orders FOR UPDATE", StatementRefused, "FOR UPDATE"),
        ("SELECT FROM WHERE", StatementInvalid, 'near "WHERE"'),
        ("SELECT :a", StatementInvalid, "none are given"),
    ],
)  # fmt: skip
async def test_a_refusal_says_how_to_mend_it(
    engine: PostgresEngine, sql: str, expected: type[Problem], part: str
) -> None:
    with pytest.raises(expected, match=r".*") as stopped:
        await engine.read(Statement(sql), ANN)
    assert part in str(stopped.value)
    assert CANARY not in str(stopped.value)


async def test_a_position_counts_in_the_text_as_the_caller_wrote_it(engine: PostgresEngine) -> None:
    sql = "SELECT 'é', :long_name::int, nme FROM products"
    with pytest.raises(UnknownRelation) as stopped:
        await engine.read(Statement(sql, {"long_name": 1}), ANN)
    answer = stopped.value.as_result().structured_content
    assert answer is not None
    assert answer["details"]["position"] == sql.index("nme") + 1


async def test_a_pool_survives_the_loss_of_its_connections(shop: Shop) -> None:
    async with opened(shop) as engine:
        assert (await engine.read(Statement("SELECT 1"), ANN)).rows == [[1]]
        shop.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'mcp_reader' AND datname = current_database()"
        )
        assert (await engine.read(Statement("SELECT 2"), ANN)).rows == [[2]]
        assert await engine.problem() is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('{"n": 123456789012345678901234567890}', {"n": "123456789012345678901234567890"}),
        ('{"n": -9223372036854775808}', {"n": -(2**63)}),
        ('{"n": 1e999}', {"n": "1e999"}),
        (r'{"half": "\ud800"}', r'{"half": "\ud800"}'),
        (r'{"whole": "\ud83d\ude00"}', {"whole": "😀"}),
    ],
)
async def test_json_that_no_answer_could_hold_is_told_as_text(
    engine: PostgresEngine, written: str, shown: object
) -> None:
    [[cell]] = (await engine.read(Statement(f"SELECT '{written}'::json AS j"), ANN)).rows
    assert cell == shown
    assert orjson.loads(orjson.dumps(cell)) == shown


async def test_a_number_is_a_number_only_where_a_double_holds_it(engine: PostgresEngine) -> None:
    sql = (
        "SELECT 9999999999999999::numeric, 999999999999999::numeric, -0.5::numeric, 'NaN'::numeric"
    )
    assert (await engine.read(Statement(sql), ANN)).rows == [
        ["9999999999999999", 999999999999999, -0.5, "NaN"]
    ]
