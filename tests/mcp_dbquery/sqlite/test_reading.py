"""What analysts ask runs under rules, and answers are bounded, typed and clear about what is wrong."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.sqlite_shop import ADA, HR, Shop, leaks, make_shop, open_shop
from support.tool_calls import in_one_task

from mcp_dbquery.engine import Statement
from mcp_dbquery.errors import (
    DatabaseAway,
    StatementInvalid,
    StatementRefused,
    TooLarge,
    TooSlow,
    UnknownRelation,
)
from mcp_dbquery.sqlite.pool import default_workers
from shared.mcp_server import Problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEGITIMATE = [
    "SELECT 1",
    "SELECT 1;",
    "SELECT 1; -- done",
    "SELECT (SELECT 1)",
    "VALUES (1, 'a'), (2, 'b')",
    "-- how many\nSELECT count(*) FROM orders",
    "SELECT * FROM orders",
    "SELECT * FROM customers",
    "SELECT * FROM order_people",
    "SELECT * FROM all_orders",
    "SELECT * FROM product_list",
    "SELECT * FROM key_statistics",
    "SELECT * FROM ORDERS WHERE ID < 5",
    'SELECT "id", "amount" FROM "orders"',
    "SELECT o.* FROM orders AS o",
    "SELECT main.products.name FROM main.products",
    "SELECT count(*) FROM main.regions",
    "SELECT rowid, name FROM products",
    "SELECT count(*), sum(amount), avg(amount), min(placed_on), max(placed_on), total(amount) FROM orders",
    "SELECT status, count(*) FROM orders GROUP BY status HAVING count(*) > 1 ORDER BY 2 DESC",
    "SELECT count(DISTINCT ssn) FROM customers",
    "SELECT ssn, count(*) FROM customers GROUP BY ssn",
    "SELECT a.name FROM customers a JOIN customers b ON a.ssn = b.ssn AND a.id < b.id",
    "SELECT email, count(*) FROM customers GROUP BY email",
    "SELECT born, count(*) FROM customers GROUP BY born",
    "SELECT c.name, sum(o.amount) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.id",
    "SELECT p.name, c.name FROM orders o JOIN customers c ON c.id = o.customer_id JOIN products p ON p.id = product_id",
    "SELECT c.name FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.id IS NULL",
    "SELECT r.name, c.name FROM regions r FULL JOIN customers c ON c.region = r.code",
    "SELECT r.name, c.name FROM regions r RIGHT JOIN customers c ON c.region = r.code",
    "SELECT * FROM regions CROSS JOIN products",
    "SELECT * FROM regions NATURAL JOIN products",
    "SELECT * FROM orders JOIN order_people ON order_id = orders.id",
    "WITH late AS (SELECT * FROM orders WHERE placed_on > '2026-06-01') SELECT count(*) FROM late",
    "WITH orders AS (SELECT * FROM products) SELECT count(*) FROM orders",
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT * FROM a UNION ALL SELECT * FROM b",
    "WITH api_keys AS (SELECT 1 AS x) SELECT count(*) FROM api_keys",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT sum(i) FROM n",
    "WITH RECURSIVE d(day) AS (SELECT date('2026-01-01') UNION ALL SELECT date(day, '+1 day') FROM d LIMIT 31)"
    " SELECT day, count(o.id) FROM d LEFT JOIN orders o ON o.placed_on = day GROUP BY day",
    "SELECT name, rank() OVER (ORDER BY price DESC) FROM products",
    "SELECT id, lag(amount) OVER (PARTITION BY customer_id ORDER BY id) FROM orders",
    "SELECT id, lead(amount, 2, 0) OVER w, row_number() OVER w FROM orders WINDOW w AS (ORDER BY id)",
    "SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM orders",
    "SELECT id, ntile(4) OVER (ORDER BY amount), percent_rank() OVER (ORDER BY amount) FROM orders",
    "SELECT first_value(id) OVER w, last_value(id) OVER w, nth_value(id, 2) OVER w FROM orders"
    " WINDOW w AS (ORDER BY id)",
    "SELECT dense_rank() OVER (ORDER BY status), cume_dist() OVER (ORDER BY amount) FROM orders",
    "SELECT count(*) FILTER (WHERE status = 'paid') FROM orders",
    "SELECT median(amount), percentile(amount, 90), percentile_cont(amount, 0.9) FROM orders",
    "SELECT percentile_disc(amount, 0.5) FROM orders",
    "SELECT string_agg(name, ', ' ORDER BY name DESC) FROM products",
    "SELECT group_concat(name, '; ') FROM products",
    "SELECT strftime('%Y-%m', placed_on) AS month, sum(amount) FROM orders GROUP BY month ORDER BY month",
    "SELECT date('now', '-30 days'), datetime('now'), time('now'), unixepoch(), julianday('now')",
    "SELECT current_date, current_time, current_timestamp",
    "SELECT timediff('2026-01-01', '2025-01-01')",
    "SELECT julianday('now') - julianday(max(placed_on)) FROM orders",
    "SELECT json_extract(meta, '$.note'), meta ->> 'note', meta -> 'items' FROM orders",
    "SELECT o.id, j.value FROM orders o, json_each(o.meta, '$.items') j",
    "SELECT key, value, type, path FROM json_tree('{\"a\": [1, 2]}')",
    "SELECT count(*) FROM json_each('[1, 2, 3]')",
    "SELECT json_object('id', id, 'name', name) FROM products",
    "SELECT json_group_array(name), json_group_object(name, price) FROM products",
    "SELECT json_array_length(tags), json_type(tags), json_valid(tags) FROM products",
    "SELECT json_set(tags, '$[0]', 'z'), json_insert(tags, '$[#]', 'z'), json_remove(tags, '$[0]') FROM products",
    "SELECT json_patch('{\"a\": 1}', '{\"b\": 2}'), json_pretty(tags) FROM products",
    "SELECT upper(name), lower(name), length(name), substr(name, 1, 3), substring(name, 2), trim(name) FROM products",
    "SELECT replace(name, 'Product', 'P'), instr(name, ' '), ltrim(name), rtrim(name), quote(name) FROM products",
    "SELECT concat(name, ' ', price), concat_ws('-', id, name), name || '!' FROM products",
    "SELECT printf('%.2f €', price), format('%05d', id), printf('%,d', 1234567) FROM products",
    "SELECT char(65), unicode('A'), hex('abc'), unhex('41'), octet_length('ä'), unistr('\\0041')",
    "SELECT round(price / 7.0, 2), abs(-1), sign(-2), mod(7, 3), ceil(1.2), floor(1.8), trunc(1.7) FROM products",
    "SELECT sqrt(2), power(2, 3), exp(1), ln(2), log(100), log2(8), log10(10), pi(), sin(1), cos(1), atan2(1, 2)",
    "SELECT max(1, 2, 3), min(1, 2, 3), random() IS NOT NULL",
    "SELECT * FROM products ORDER BY random() LIMIT 3",
    "SELECT coalesce(score, 0), ifnull(score, 1), nullif(id, 1), iif(id > 1, 'a', 'b'), if(1, 2, 3) FROM customers",
    "SELECT typeof(amount), CAST(amount AS INTEGER), amount IS NULL FROM orders",
    "SELECT CASE WHEN status = 'paid' THEN 1 ELSE 0 END, CASE status WHEN 'open' THEN 'o' END FROM orders",
    "SELECT * FROM customers WHERE name LIKE '%Person 1%' ESCAPE '!'",
    "SELECT * FROM customers WHERE name GLOB 'Plain*'",
    "SELECT * FROM orders WHERE status IN ('paid', 'open') AND amount BETWEEN 10 AND 20",
    "SELECT * FROM orders WHERE (customer_id, status) IN (SELECT id, 'paid' FROM customers)",
    "SELECT * FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND amount > 100)",
    "SELECT name, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS orders FROM customers c",
    "SELECT * FROM (SELECT status, sum(amount) AS total FROM orders GROUP BY status) WHERE total > 10",
    "SELECT id FROM orders UNION SELECT id FROM products EXCEPT SELECT 3 INTERSECT SELECT id FROM orders",
    "SELECT DISTINCT status FROM orders ORDER BY status COLLATE NOCASE",
    "SELECT * FROM orders ORDER BY amount DESC NULLS LAST LIMIT 5 OFFSET 2",
    "SELECT id, amount * 100 / (SELECT sum(amount) FROM orders) AS share FROM orders",
    "SELECT body FROM tickets WHERE tickets MATCH 'printer'",
    "SELECT page, rank FROM manual WHERE manual MATCH 'ship OR invoice' ORDER BY rank",
    "SELECT highlight(manual, 0, '[', ']'), snippet(manual, 0, '', '', '…', 5), bm25(manual) FROM manual('parcel')",
    "SELECT count(*) FROM tickets",
    "SELECT name AS \"the name\", price AS [the price] FROM products",
    "SELECT x'00ff', 1.5, NULL, TRUE, 9e999",
    "SELECT likely(1), unlikely(0), likelihood(1, 0.5)",
    "SELECT 1 AS a, 2 AS a",
    "SELECT 0x10, 1_000, 5 % 3, 1 << 4, ~1, 3 & 1, 3 | 4",
    "SELECT id IS DISTINCT FROM 3 FROM orders",
    "SELECT sum(sum(amount)) OVER (ORDER BY status) FROM orders GROUP BY status",
    "SELECT status, placed_on, sum(amount) FROM orders GROUP BY status, placed_on",
]  # fmt: skip

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
BOMBS = [
    ENDLESS,
    "SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0",
    "WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, t || t || t FROM n) SELECT max(length(t)) FROM n",
    "WITH RECURSIVE n(i, t) AS (SELECT 1, hex('xxxxxxxxxx') UNION ALL SELECT i + 1, hex(t) FROM n WHERE i < 60)"
    " SELECT max(length(t)) FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT group_concat(i) FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT json_group_array(i) FROM n",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n ORDER BY i DESC",
    "WITH RECURSIVE n(i, t) AS (SELECT 1, printf('%900s', 'x') UNION ALL SELECT i + 1, t || i FROM n)"
    " SELECT DISTINCT t FROM n ORDER BY t",
    "SELECT printf('%.*c', 900000000, 'x')",
    "SELECT format('%900000000d', 1)",
    "SELECT printf('%0999999d', 1)",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(1000000000)",
    "SELECT replace(replace(printf('%900s', 'x'), ' ', printf('%900s', 'y')), ' ', printf('%900s', 'z'))",
    "SELECT length(a.t) FROM (SELECT group_concat(name, printf('%900s', ' ')) AS t FROM customers, orders) a",
    "SELECT count(*) FROM orders WHERE meta LIKE '" + "%a" * 150 + "'",
    "SELECT " + " + ".join(["1"] * 5_000),
    " UNION ALL ".join(["SELECT 1"] * 200),
    "SELECT json_extract('" + "[" * 3_000 + "]" * 3_000 + "', '$[0]')",
    "SELECT " + "x" * 100_001,
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, made once; nothing here changes it."""
    directory = tmp_path_factory.mktemp("read")
    make_shop(directory / "shop.db")
    return directory


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(built: Path) -> AsyncGenerator[Shop]:
    async with in_one_task(open_shop(built)) as shop:
        yield shop


async def test_analytical_queries_run_and_leak_nothing(shop: Shop) -> None:
    assert len(LEGITIMATE) >= 90
    for sql in LEGITIMATE:
        ran, told = await shop.told(sql)
        assert ran, f"{sql}\n{told}"
        assert not leaks(told), f"{sql}\n{told}"


async def test_a_row_has_exactly_what_the_policy_shows(shop: Shop) -> None:
    reading = await shop.read("SELECT * FROM customers WHERE id = 12")
    shown = dict(zip([column.name for column in reading.columns], reading.rows[0], strict=True))
    assert len(str(shown.pop("ssn"))) == 20
    assert shown == {
        "id": 12,
        "name": "Plain Person 12",
        "email": "•••@post.example",
        "phone": "•••0012",
        "born": "1962-01-01",
        "vip": "•••",
        "score": None,
        "region": "south",
        "loud_name": "PLAIN PERSON 12",
    }
    masks = {column.name: column.mask for column in reading.columns if column.mask}
    assert masks == {
        "email": "domain",
        "ssn": "hash",
        "phone": "last4",
        "born": "year",
        "vip": "redacted",
        "score": "null",
    }


async def test_columns_are_typed_by_what_is_declared_and_what_is_there(shop: Shop) -> None:
    sql = (
        "SELECT id, amount, status, placed_on, meta, is_new, x'00', NULL, id + 0.5"
        " FROM orders JOIN (SELECT id AS p, is_new FROM products) ON p = product_id"
    )
    types = [column.type for column in (await shop.read(sql)).columns]
    assert types == [
        "integer",
        "number",
        "text",
        "date",
        "json",
        "boolean",
        "blob",
        "null",
        "number",
    ]


async def test_the_relations_read_are_told(shop: Shop) -> None:
    assert (await shop.read("SELECT count(*) FROM orders")).relations == {"orders"}
    assert (await shop.read("SELECT who FROM order_people")).relations >= {"order_people"}
    assert (await shop.read("SELECT 1")).relations == frozenset()


async def test_reading_stops_at_the_limits_and_says_so(built: Path) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'abcdefgh' FROM n"
    async with open_shop(built, read_rows=700, read_bytes=5_000, cell_characters=5) as shop:
        by_bytes = await shop.read(numbers)
        assert by_bytes.cut_by == "bytes"
        assert 100 < len(by_bytes.rows) < 300
        assert by_bytes.rows[7] == [8, "abcde… [8 characters]"]
        assert by_bytes.cut_cells == len(by_bytes.rows)
        by_rows = await shop.engine.read(Statement(numbers, [], 3), ADA)
        assert (by_rows.cut_by, len(by_rows.rows)) == ("rows", 3)
        exactly = await shop.engine.read(Statement("SELECT id FROM products", [], 10), ADA)
        assert (exactly.cut_by, len(exactly.rows)) == (None, 10)
        most = await shop.engine.read(
            Statement(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 1 FROM n",
                [],
                5_000,
            ),
            ADA,
        )
        assert len(most.rows) == 700
        with pytest.raises(TooLarge, match="One row"):
            await shop.read("SELECT " + ", ".join(["'abcdefgh'"] * 199))


async def test_too_many_columns_are_refused(shop: Shop) -> None:
    with pytest.raises(TooLarge, match="more than 200 columns"):
        await shop.read("SELECT " + ", ".join(str(i) for i in range(201)))


async def test_bombs_are_ended_and_the_next_statement_runs(built: Path) -> None:
    async with open_shop(built, timeout_s=0.2, memory_mb=256) as shop:
        for sql in BOMBS:
            assert not (await shop.told(sql))[0], sql[:200]
            assert await shop.rows("SELECT count(*) FROM orders") == [[120]], sql


async def test_a_statement_out_of_time_is_told_so(built: Path) -> None:
    async with open_shop(built, timeout_s=0.2) as shop:
        with pytest.raises(TooSlow, match=r"Stopped after 0\.2 s"):
            await shop.read(ENDLESS)


async def test_a_cancelled_call_ends_its_statement_and_leaves_room_for_others(shop: Shop) -> None:
    for _ in range(2 * default_workers()):
        endless = asyncio.create_task(shop.read(ENDLESS))
        assert await shop.rows("SELECT 1") == [[1]]  # by now the endless one is in another worker
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
    assert await shop.rows("SELECT count(*) FROM orders") == [[120]]


async def test_many_callers_at_once_all_get_their_own_rows(shop: Shop) -> None:
    callers = [ADA, HR] * 16
    sql = "SELECT ssn LIKE 'CANARY%' FROM customers LIMIT 1"
    told = await asyncio.gather(*(shop.rows(sql, caller=caller) for caller in callers))
    assert told == [[[0]], [[1]]] * 16


@pytest.mark.parametrize(
    ("sql", "parameters", "rows"),
    [
        ("SELECT name FROM products WHERE id = :id", {"id": 3}, [["Product 3"]]),
        ("SELECT :a, @a, $b", {"a": 1, "b": "x"}, [[1, 1, "x"]]),
        ("SELECT ?, ?", [1, "x' OR 1=1 --"], [[1, "x' OR 1=1 --"]]),
        ("SELECT ?2, ?1", ["a", "b"], [["b", "a"]]),
        ("SELECT ?", [None], [[None]]),
        ("SELECT ?", [True], [[1]]),
        ("SELECT name FROM products WHERE name = ?", ["Product 1' OR 1=1 --"], []),
    ],
)
async def test_values_are_bound(shop: Shop, sql: str, parameters: Any, rows: Any) -> None:
    assert await shop.rows(sql, parameters) == rows


@pytest.mark.parametrize(
    ("sql", "parameters", "told"),
    [
        ("SELECT :a", {}, "no value for :a"),
        ("SELECT :a", {"a": 1, "b": 2}, "no parameter :b"),
        ("SELECT :a", [1], "give the values as an object"),
        ("SELECT ?", {"a": 1}, "give the values as a list"),
        ("SELECT ?, ?", [1], "2 parameters, and 1 values"),
        ("SELECT 1", [1], "0 parameters, and 1 values"),
        ("SELECT :a", {"a": 2**70}, "The value for :a does not fit into 64 bits"),
        ("SELECT ?", ["\ud800"], "Value 1 is not valid Unicode"),
    ],
)
async def test_values_that_do_not_fit_are_named(
    shop: Shop, sql: str, parameters: Any, told: str
) -> None:
    with pytest.raises(StatementInvalid, match=told):
        await shop.read(sql, parameters)


@pytest.mark.parametrize(
    ("sql", "kind", "told", "details"),
    [
        ("SELECT * FROM order", StatementInvalid, "syntax error", {"position": 15}),
        (
            "SELECT * FROM ordres",
            UnknownRelation,
            "Did you mean orders",
            {},
        ),
        ("SELECT ä, amuont FROM orders", UnknownRelation, "no column “ä”", {"position": 8}),
        (
            "SELECT 'ä', amuont FROM orders",
            UnknownRelation,
            "Did you mean amount",
            {"position": 13},
        ),
        ('SELECT * FROM orders WHERE status = "zzzz"', UnknownRelation, "single quotes", {}),
        (
            "SELECT now()",
            StatementRefused,
            "datetime\\('now'\\)",
            {"rule": "function", "position": 8},
        ),
        (
            "SELECT randomblob(1)",
            StatementRefused,
            "randomblob is not available",
            {"rule": "function"},
        ),
        ("DELETE FROM orders", StatementRefused, "read only", {"rule": "only_select"}),
        ("EXPLAIN SELECT 1", StatementRefused, "explain tool", {"rule": "only_select"}),
        ("SELECT 1; SELECT 2", StatementRefused, "one statement", {"rule": "one_statement"}),
        (
            "SELECT * FROM main.orders",
            StatementRefused,
            "name alone",
            {"rule": "relation_not_allowed"},
        ),
        ("SELECT rowid FROM orders", StatementInvalid, "no rowid", {}),
        ("SELECT printf('%1000d', 1)", StatementInvalid, "width of 1,000", {}),
    ],
)
async def test_a_refusal_says_rule_place_and_how_to_mend_it(
    shop: Shop, sql: str, kind: type[Problem], told: str, details: dict[str, Any]
) -> None:
    with pytest.raises(kind, match=told) as raised:
        await shop.read(sql)
    structured = raised.value.as_result().structured_content
    assert structured is not None
    assert {**structured.get("details", {}), **details} == structured.get("details", {})


async def test_text_of_another_encoding_and_odd_names_are_readable(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(
            """
            CREATE TABLE "order details" ("a note" TEXT, picture BLOB);
            INSERT INTO "order details" VALUES (CAST(x'4dfc6c6c6572' AS TEXT), x'00ff');
            """
        )
    async with open_shop(tmp_path, {}) as shop:
        read = await shop.rows('SELECT * FROM "order details" ORDER BY 1;')
        assert read == [["M\N{REPLACEMENT CHARACTER}ller", "[2 bytes]"]]


async def test_a_changed_or_lost_file_is_noticed_at_once(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        assert await shop.rows("SELECT count(*) FROM products") == [[10]]
        with closing(sqlite3.connect(shop.path)) as connection:
            connection.executescript(
                "ALTER TABLE products ADD COLUMN extra DEFAULT 7; CREATE TABLE fresh (x)"
            )
        assert await shop.rows("SELECT extra FROM products LIMIT 1") == [[7]]
        assert await shop.rows("SELECT count(*) FROM fresh") == [[0]]
        assert (await shop.engine.catalog(ADA)).find("fresh") is not None
        shop.path.rename(shop.path.with_name("elsewhere.db"))
        with pytest.raises(DatabaseAway):
            await shop.read("SELECT 1 FROM products")
        assert await shop.engine.problem() == "there is no such file"


async def test_the_plan_names_only_what_is_visible(shop: Shop) -> None:
    sql = "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.name = 'x' ORDER BY o.amount"
    plan = (await shop.engine.explain(Statement(sql), ADA)).plan
    assert any("customers_name" in line for line in plan)
    for sql in [
        *LEGITIMATE,
        "SELECT 1 FROM orders WHERE amount > 3",
        "SELECT ssn FROM customers WHERE ssn = 'x'",
    ]:
        text = "\n".join((await shop.engine.explain(Statement(sql), ADA)).plan)
        found = leaks(text, ["tenant", "orders_secret", "ssn_start"])
        assert not [word for word in found if word not in sql], text
    with pytest.raises(UnknownRelation):
        await shop.engine.explain(Statement("SELECT * FROM api_keys"), ADA)
