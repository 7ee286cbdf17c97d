"""Statements that try to do more than read, or to read more than they may, against a real file.

Their effect is looked for in the file, beside it, and in everything that the caller is told.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from support.sqlite_shop import CANARY, HR, Shop, leaks, make_shop, open_shop
from support.tool_calls import in_one_task

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIDDEN = ("api_keys", "salaries", "memberships", "audit_log", "keys_view", "keys_main")
SHADOWS = (
    "tickets_content",
    "tickets_data",
    "tickets_idx",
    "manual_docsize",
    "places_rowid",
    "customers_search_data",
)
SECRET_COLUMNS = ("remark", "tenant", "ssn_start")

STACKED = [
    "SELECT 1; DROP TABLE orders",
    "SELECT 1; SELECT 2",
    "SELECT 1;; SELECT 2",
    "SELECT 1; -- x\n DELETE FROM orders",
    "SELECT 1; /* x */ DELETE FROM orders",
    ";SELECT 1; DELETE FROM orders",
    "SELECT ';'; DELETE FROM orders",
    "SELECT 1 /* ; */; UPDATE orders SET amount = 0",
    "VALUES (1); INSERT INTO products VALUES (99, 'x', 1, '', 0)",
    "SELECT 1; ATTACH ':memory:' AS m",
    "SELECT 1; PRAGMA query_only = OFF",
    "SELECT 1; COMMIT; BEGIN; DELETE FROM orders; COMMIT",
    "SELECT 1\n;\nDROP VIEW all_orders",
    "WITH x AS (SELECT 1) SELECT * FROM x; DROP TABLE x",
    "EXPLAIN SELECT 1; DELETE FROM orders",
    "SELECT 1; ROLLBACK",
    "SELECT 1; VACUUM",
]
WRITES = [
    "DELETE FROM orders",
    "DELETE FROM products WHERE id = 1 RETURNING *",
    "UPDATE orders SET status = 'done'",
    "UPDATE products SET price = 0 RETURNING id",
    "UPDATE OR IGNORE products SET id = 1",
    "UPDATE products SET price = o.amount FROM orders o WHERE o.product_id = products.id",
    "INSERT INTO orders SELECT * FROM orders",
    "INSERT INTO products VALUES (99, 'x', 1, '', 0) ON CONFLICT DO NOTHING",
    "INSERT OR REPLACE INTO regions VALUES ('north', 'x')",
    "REPLACE INTO regions VALUES ('north', 'x')",
    "INSERT INTO tickets (tickets) VALUES ('delete-all')",
    "INSERT INTO manual (manual, rank) VALUES ('rank', 'bm25(10.0)')",
    "INSERT INTO manual (manual) VALUES ('optimize')",
    "INSERT INTO all_orders VALUES (1, 1, 1, 'x')",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) INSERT INTO regions SELECT 'x', 'y'",
    "WITH x AS (SELECT 1) UPDATE orders SET amount = 0",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
    "SELECT * INTO stolen FROM orders",
    "DROP TABLE orders",
    "DROP TABLE IF EXISTS orders",
    "DROP VIEW all_orders",
    "DROP INDEX customers_name",
    "DROP TRIGGER no_delete",
    "CREATE TABLE x (y)",
    "CREATE TABLE x AS SELECT * FROM orders",
    "CREATE TEMP TABLE x AS SELECT * FROM orders",
    "CREATE TEMP VIEW x AS SELECT * FROM main.orders",
    "CREATE TEMP VIEW orders AS SELECT * FROM main.orders",
    "CREATE VIEW x AS SELECT 1",
    "CREATE INDEX x ON orders (amount)",
    "CREATE VIRTUAL TABLE x USING fts5 (a)",
    "CREATE VIRTUAL TABLE temp.x USING dbstat",
    "CREATE TRIGGER x AFTER INSERT ON orders BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER x AFTER INSERT ON orders BEGIN SELECT 1; END",
    "ALTER TABLE orders RENAME TO t2",
    "ALTER TABLE orders ADD COLUMN x",
    "ALTER TABLE orders DROP COLUMN status",
    "REINDEX",
    "REINDEX customers_name",
    "ANALYZE",
    "ANALYZE orders",
    "/* harmless */ DELETE FROM orders",
    "-- harmless\nDELETE FROM orders",
    "EXPLAIN DELETE FROM orders",
    "EXPLAIN QUERY PLAN DELETE FROM orders",
]
CONTROL = [
    "ATTACH DATABASE 'evil.db' AS evil",
    "ATTACH ':memory:' AS m",
    "ATTACH '' AS m",
    "ATTACH 'file:evil.db?mode=rwc' AS evil",
    "DETACH main",
    "DETACH temp",
    "VACUUM",
    "VACUUM INTO 'stolen.db'",
    "VACUUM main INTO 'stolen.db'",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT a",
    "RELEASE a",
    "PRAGMA writable_schema = 1",
    "PRAGMA query_only = OFF",
    "PRAGMA trusted_schema = ON",
    "PRAGMA table_info(orders)",
    "PRAGMA table_list",
    "PRAGMA database_list",
    "PRAGMA data_version",
    "PRAGMA main.data_version",
    "PRAGMA schema_version",
    "PRAGMA user_version = 7",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_mode",
    "PRAGMA wal_checkpoint",
    "PRAGMA temp_store_directory = '/tmp'",
    "PRAGMA hard_heap_limit = 0",
    "PRAGMA function_list",
    "PRAGMA module_list",
    "PRAGMA incremental_vacuum",
    "PRAGMA optimize",
    "PRAGMA integrity_check",
    "EXPLAIN SELECT * FROM orders",
    "EXPLAIN QUERY PLAN SELECT * FROM orders",
    "EXPLAIN VACUUM",
    "EXPLAIN PRAGMA query_only = OFF",
    "",
    "   ",
    ";",
    "-- nothing",
    "/* nothing",
    "not sql at all",
    "SELECT 1 \x00; DROP TABLE orders",
    "SELECT '\x1b[2J'",
    "SELECT '\ud800'",
]
FUNCTIONS = [
    f"SELECT {call}"
    for call in (
        "load_extension('evil.so')",
        "load_extension('evil.so', 'entry')",
        "readfile('/etc/passwd')",
        "writefile('evil', 'y')",
        "edit('x')",
        "fts3_tokenizer('x')",
        "fts3_tokenizer('simple', x'0000000000000000')",
        "fts5(NULL)",
        "fts5_source_id()",
        "sqlite_source_id()",
        "sqlite_version()",
        "sqlite_compileoption_get(1)",
        "sqlite_compileoption_used('X')",
        "sqlite_log(1, 'x')",
        "last_insert_rowid()",
        "changes()",
        "total_changes()",
        "randomblob(1000)",
        "zeroblob(1000)",
        "rtreecheck('places')",
        "rtreenode(2, x'00')",
        "geopoly_debug(1)",
        "optimize(manual) FROM manual",
        "subtype('x')",
        "eval('SELECT 1')",
        "shell('id')",
        "system('id')",
        "getenv('HOME')",
        "pg_sleep(10)",
        "sleep(10)",
        "load_file('/etc/passwd')",
        "xp_cmdshell('id')",
        "icu_load_collation('x', 'y')",
        "crypto_hash(1)",
        "nextval('x')",
        "sqlite3_carray(1)",
        "jsonb('[]')",
    )
]
VIRTUAL = [
    f"SELECT * FROM {name}"
    for name in (
        "dbstat",
        "sqlite_dbpage",
        "sqlite_stmt",
        "bytecode('SELECT 1')",
        "tables_used('SELECT 1')",
        "generate_series(1, 10)",
        "completion('sel')",
        "csv('/etc/passwd')",
        "zipfile('x.zip')",
        "fsdir('/')",
        "carray(1, 2, 'int32')",
        "fts3tokenize",
        "fts5vocab",
        "fts4aux",
        "words",
        "places",
        "customers_search",
        "customers_search WHERE customers_search MATCH 'CANARY'",
        "pragma_table_info('orders')",
        "pragma_table_xinfo('orders')",
        "pragma_table_list",
        "pragma_database_list",
        "pragma_function_list",
        "pragma_module_list",
        "pragma_index_list('orders')",
        "pragma_foreign_key_list('orders')",
        "pragma_data_version",
        "temp.pragma_table_list",
        "main.pragma_table_list",
    )
] + [
    f"SELECT count(*) FROM {name}"
    for name in ("dbstat", "words", "pragma_table_list", "fts3tokenize", "places")
]
SCHEMA_TABLES = [
    f"SELECT {what} FROM {schema}{name}"
    for what in ("sql", "count(*)")
    for schema in ("", "main.", "temp.")
    for name in ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema")
] + [
    "SELECT (SELECT group_concat(sql) FROM sqlite_master)",
    "SELECT * FROM (SELECT * FROM sqlite_schema)",
    "WITH x AS (SELECT * FROM sqlite_temp_schema) SELECT * FROM x",
    "SELECT * FROM SQLITE_MASTER",
    'SELECT * FROM "sqlite_master"',
    "SELECT * FROM [sqlite_master]",
    "SELECT * FROM sqlite_sequence",
    "SELECT * FROM sqlite_stat1",
    "SELECT * FROM sqlite_stat4",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'api_keys')",
    "SELECT * FROM orders ORDER BY (SELECT max(name) FROM sqlite_master)",
    "SELECT * FROM regions JOIN sqlite_master ON 1",
]
HIDDEN_TABLES = [
    template.format(name=name)
    for name in HIDDEN
    for template in (
        "SELECT * FROM {name}",
        "SELECT count(*) FROM {name}",
        "SELECT 1 FROM {name}",
        "SELECT * FROM main.{name}",
        "SELECT count(*) FROM main.{name}",
        "SELECT rowid FROM {name}",
        'SELECT * FROM "{name}"',
        "SELECT (SELECT count(*) FROM {name})",
        "SELECT * FROM regions WHERE EXISTS (SELECT 1 FROM main.{name})",
        "WITH x AS (SELECT * FROM {name}) SELECT count(*) FROM x",
        "WITH {name} AS (SELECT * FROM main.{name}) SELECT * FROM {name}",
        "SELECT * FROM regions JOIN {name} USING (id)",
        "SELECT * FROM regions NATURAL JOIN {name}",
        "SELECT * FROM products UNION ALL SELECT * FROM main.{name}",
    )
] + [
    f"SELECT {what} FROM {schema}{name}"
    for name in SHADOWS
    for what in ("*", "count(*)")
    for schema in ("", "main.")
]
SPOOFS = [
    "WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders",
    "WITH orders AS (SELECT amount FROM main.orders) SELECT max(amount) FROM orders",
    "WITH orders AS MATERIALIZED (SELECT * FROM main.orders) SELECT count(*) FROM orders",
    "WITH orders AS NOT MATERIALIZED (SELECT * FROM main.orders) SELECT count(*) FROM orders",
    "WITH RECURSIVE orders AS (SELECT * FROM main.orders UNION SELECT * FROM orders) SELECT * FROM orders",
    "WITH customers AS (SELECT * FROM main.customers) SELECT ssn FROM customers",
    "WITH all_orders AS (SELECT * FROM main.orders) SELECT * FROM all_orders",
    "WITH all_orders AS (SELECT * FROM main.all_orders) SELECT * FROM all_orders",
    "WITH order_people AS (SELECT * FROM main.order_people) SELECT * FROM order_people",
    "WITH key_statistics AS (SELECT * FROM main.api_keys) SELECT * FROM key_statistics",
    "WITH a AS (WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders) SELECT * FROM a",
    "SELECT * FROM (SELECT * FROM main.orders) AS orders",
    "SELECT * FROM (WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders)",
    "SELECT orders.amount FROM main.orders AS orders",
    "SELECT o.amount FROM main.orders AS o",
    "SELECT * FROM main.orders",
    'SELECT * FROM "main"."orders"',
    "SELECT * FROM [main].[orders]",
    "SELECT * FROM MAIN.ORDERS",
    "SELECT main.orders.amount FROM main.orders",
    "SELECT count(*) FROM main.orders",
    "SELECT (SELECT max(amount) FROM main.orders)",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM main.orders WHERE amount > 9999990)",
    "SELECT * FROM regions WHERE 9999991.0 IN (SELECT amount FROM main.orders)",
    "SELECT * FROM orders UNION SELECT * FROM main.orders",
    "SELECT * FROM orders EXCEPT SELECT * FROM main.orders",
    "SELECT * FROM main.orders INTERSECT SELECT * FROM main.orders",
    "SELECT a.* FROM orders a JOIN main.orders b ON a.id = b.id + 120",
    "SELECT * FROM orders LEFT JOIN main.customers c ON c.id = customer_id",
    "SELECT * FROM main.orders NOT INDEXED",
    "SELECT * FROM main.orders INDEXED BY orders_customer",
    "SELECT * FROM orders INDEXED BY orders_secret_cost",
    "SELECT * FROM main.all_orders",
    "SELECT * FROM main.order_people",
    "SELECT * FROM main.customers_search",
    "SELECT * FROM temp.orders_inner",
    "SELECT * FROM k0",
    "SELECT * FROM temp.k00000000000000000000000000000000",
    "SELECT h00000000000000000000000000000000('x')",
    "SELECT * FROM main.tickets",
    "SELECT body FROM main.tickets WHERE tickets MATCH 'CANARY'",
    "SELECT * FROM other.orders",
    "SELECT * FROM temp.api_keys",
]
SECRET_READS = [
    template.format(column=column)
    for column in SECRET_COLUMNS
    for template in (
        "SELECT {column} FROM customers",
        "SELECT customers.{column} FROM customers",
        'SELECT "{column}" FROM customers',
        "SELECT [{column}] FROM customers",
        "SELECT name FROM customers WHERE {column} LIKE 'C%'",
        "SELECT name FROM customers ORDER BY {column}",
        "SELECT count(*) FROM customers GROUP BY {column}",
        "SELECT max({column}) OVER () FROM customers",
        "SELECT json_object('x', {column}) FROM customers",
        "SELECT c.name FROM customers c JOIN regions r ON r.name = c.{column}",
        "SELECT (SELECT {column} FROM customers LIMIT 1)",
        "SELECT r.code FROM regions r WHERE EXISTS (SELECT 1 FROM customers c WHERE c.{column} = r.code)",
    )
] + [
    "SELECT secret_cost FROM orders",
    "SELECT name FROM customers WHERE rowid = 1",
    "SELECT rowid, * FROM orders",
    "SELECT _rowid_ FROM customers",
    "SELECT oid FROM customers",
    "SELECT * FROM remarks",
    "SELECT * FROM orders_and_keys",
    "SELECT * FROM orders JOIN customers USING (tenant)",
]
REFUSED = {
    "stacked": STACKED,
    "writes": WRITES,
    "control": CONTROL,
    "functions": FUNCTIONS,
    "virtual": VIRTUAL,
    "schema": SCHEMA_TABLES,
    "hidden": HIDDEN_TABLES,
    "spoofs": SPOOFS,
    "columns": SECRET_READS,
}
"""None of these may give a row."""

EMPTY = {
    "masks": [
        f"SELECT name FROM customers WHERE {test}"
        for test in (
            "ssn LIKE 'CANARY%'",
            "ssn = 'CANARY-SSN-0001'",
            "ssn GLOB 'CANARY*'",
            "instr(ssn, 'SSN') > 0",
            "substr(ssn, 1, 1) = 'C'",
            "unicode(ssn) = 67",
            "ssn BETWEEN 'CANARY' AND 'CANARZ'",
            "lower(ssn) LIKE 'canary%'",
            "length(ssn) = 15",
            "hex(ssn) LIKE '43414E%'",
            "email LIKE 'CANARY%'",
            "substr(email, 1, 1) = 'C'",
            "phone LIKE 'CANARY%'",
            "vip LIKE 'CANARY%'",
            "vip <> '•••'",
            "score = 7777777.5",
            "score > 0",
            "score IS NOT NULL",
            "born LIKE '%-05-17'",
            "strftime('%m', born) = '05'",
            "CAST(ssn AS BLOB) = CAST('CANARY-SSN-0001' AS BLOB)",
            "ssn || '' = 'CANARY-SSN-0001'",
            "coalesce(ssn, '') LIKE 'CANARY%'",
            "nullif(ssn, 'CANARY-SSN-0001') IS NULL",
            "ssn IN ('CANARY-SSN-0001', 'CANARY-SSN-0002')",
            "(ssn, 1) = ('CANARY-SSN-0001', 1)",
            "ssn COLLATE NOCASE = 'canary-ssn-0001'",
            "json_extract(json_array(ssn), '$[0]') LIKE 'CANARY%'",
            "EXISTS (SELECT 1 FROM (SELECT customers.ssn AS s) WHERE s LIKE 'CANARY%')",
            "likelihood(ssn LIKE 'CANARY%', 0.5)",
        )
    ],
    "tenants": [
        f"SELECT 1 FROM {source}"
        for source in (
            "orders WHERE amount > 9999990",
            "orders WHERE id > 120",
            "orders WHERE 1 = 1 OR tenant_x IS NULL HAVING amount > 9999990",
            "orders o WHERE o.amount = 9999991.0 OR o.id = 121",
            "all_orders WHERE amount > 9999990",
            "order_people WHERE order_id > 120",
            "customers WHERE id > 40",
            "customers WHERE name LIKE 'CANARY%'",
            "customers WHERE loud_name LIKE 'CANARY%'",
            "orders WHERE json_extract(meta, '$.note') = 'CANARY'",
            "orders, json_each(orders.meta) j WHERE j.value = 'CANARY'",
            "orders, json_tree(orders.meta) j WHERE j.atom = 'CANARY'",
            "tickets WHERE tickets MATCH 'CANARY'",
            "tickets WHERE body LIKE 'CANARY%'",
            "tickets WHERE tenant = 'other'",
            "(SELECT max(amount) AS m FROM orders) WHERE m > 9999990",
            "(SELECT max(amount) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS m"
            " FROM orders) WHERE m > 9999990",
            "orders RIGHT JOIN customers c ON c.id = customer_id WHERE c.id > 40",
            "regions FULL JOIN orders ON 0 WHERE amount > 9999990",
            "regions CROSS JOIN orders WHERE amount > 9999990",
            "orders a LEFT JOIN orders b ON b.id = a.id + 120 WHERE b.id IS NOT NULL",
            "orders WHERE (SELECT max(o.amount) FROM orders o) > 9999990",
            "(SELECT * FROM orders UNION ALL SELECT * FROM orders) WHERE amount > 9999990",
            "(SELECT * FROM orders ORDER BY amount DESC LIMIT 1) WHERE amount > 9999990",
            "(WITH o AS (SELECT * FROM orders) SELECT * FROM o) WHERE amount > 9999990",
            "orders GROUP BY product_id HAVING max(amount) > 9999990",
            "(SELECT group_concat(meta) AS m FROM orders) WHERE m LIKE '%CANARY%'",
            "(SELECT json_group_array(json(meta)) AS m FROM orders) WHERE m LIKE '%CANARY%'",
        )
    ],
}
"""These may run, and give no row, or be refused."""

ERRORS = [
    "SELECT json_extract(name, '$') FROM customers",
    "SELECT json(phone) FROM customers",
    "SELECT json_extract(meta, name) FROM orders, customers",
    "SELECT json_extract('{}', phone) FROM customers",
    "SELECT * FROM manual WHERE manual MATCH (SELECT name || '\"' FROM customers)",
    "SELECT * FROM tickets WHERE tickets MATCH 'a AND'",
    "SELECT printf('%' || phone || '900000d', 1) FROM customers",
    "SELECT abs(-9223372036854775808)",
    "SELECT sum(9223372036854775807) FROM orders",
    "SELECT name LIKE phone || char(0) FROM customers",
    "SELECT 1 LIKE '1' ESCAPE name FROM customers",
    "SELECT ntile(phone) OVER () FROM customers",
    "SELECT strftime(email) FROM customers",
    "SELECT unistr('\\' || email) FROM customers",
    "SELECT unhex(email) FROM customers",
    "SELECT percentile(amount, name) FROM orders, customers",
    "SELECT json_object(name) FROM customers",
    "SELECT json_object(NULL, 1) FROM customers",
    "SELECT json_set(meta, email, 1) FROM orders, customers",
    "SELECT customers.nope FROM customers",
    "SELECT tenants FROM customers",
    "SELECT secret_costs FROM orders",
    "SELECT * FROM api_key",
    "SELECT * FROM membership",
    "SELECT nope(ssn) FROM customers",
    "SELECT * FROM customers ORDER BY 99",
    "SELECT amount FROM orders o, orders p",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, made once; nothing may change it."""
    directory = tmp_path_factory.mktemp("attacked")
    make_shop(directory / "shop.db")
    return directory


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(built: Path) -> AsyncGenerator[Shop]:
    async with in_one_task(open_shop(built, timeout_s=5.0)) as shop:
        yield shop


async def test_the_corpus_is_broad() -> None:
    statements = [sql for corpus in (REFUSED, EMPTY) for sqls in corpus.values() for sql in sqls]
    assert len(set(statements)) > 400


@pytest.mark.parametrize("kind", REFUSED)
async def test_it_is_refused_and_nothing_changes_or_is_told(shop: Shop, kind: str) -> None:
    before = shop.fingerprint()
    for sql in REFUSED[kind]:
        ran, told = await shop.told(sql)
        assert not ran, f"{sql}\n{told}"
        # What a statement names itself may be repeated.
        found = [word for word in leaks(told) if word.lower() not in sql.lower()]
        assert not found, f"{sql}\n{told}"
    assert shop.fingerprint() == before
    assert await shop.rows("SELECT count(*) FROM orders") == [[120]]


@pytest.mark.parametrize("kind", EMPTY)
async def test_masked_and_foreign_values_are_not_there_for_any_test(shop: Shop, kind: str) -> None:
    for sql in EMPTY[kind]:
        ran, told = await shop.told(sql)
        assert not [word for word in leaks(told) if word not in sql], f"{sql}\n{told}"
        assert not ran or await shop.rows(sql) == [], sql


async def test_the_same_tests_find_what_they_look_for_where_there_are_no_rules(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, {}) as shop:
        for kind, sqls in EMPTY.items():
            found = [sql for sql in sqls if (await shop.told(sql))[0] and await shop.rows(sql)]
            assert len(found) > len(sqls) * 0.8, kind
        assert (
            CANARY
            in (await shop.told("WITH orders AS (SELECT * FROM main.orders) SELECT * FROM orders"))[
                1
            ]
        )


async def test_errors_carry_no_stored_value(shop: Shop) -> None:
    for sql in ERRORS:
        ran, told = await shop.told(sql)
        found = leaks(told, [] if ran else ["Plain Person", "•••", "mail.example"])
        assert not [word for word in found if word not in sql], f"{sql}\n{told}"


@pytest.mark.parametrize("name", HIDDEN)
async def test_a_hidden_table_reads_like_one_that_is_not_there(shop: Shop, name: str) -> None:
    for template in (
        "SELECT * FROM {}",
        "SELECT count(*) FROM main.{}",
        "SELECT * FROM regions JOIN {} USING (key_text)",
        "SELECT nope FROM {}",
        "SELECT * FROM {} INDEXED BY x",
        "WITH {0} AS (SELECT 1 AS x) SELECT count(*) FROM {0}",
    ):
        hidden = await shop.told(template.format(name))
        absent = await shop.told(template.format("qqqqqqqq"))
        assert (hidden[0], hidden[1].replace(name, "N")) == (
            absent[0],
            absent[1].replace("qqqqqqqq", "N"),
        )


async def test_the_same_statement_gives_each_caller_what_is_theirs(shop: Shop) -> None:
    assert (await shop.read("SELECT ssn FROM customers")).columns[0].mask == "hash"
    seen_by_hr = await shop.rows("SELECT ssn FROM customers WHERE ssn LIKE 'CANARY%'", caller=HR)
    assert len(seen_by_hr) == 40
    assert await shop.rows("SELECT pay FROM salaries", caller=HR) == [["CANARY-PAY"]]
    assert not (await shop.told("SELECT pay FROM salaries"))[0]
