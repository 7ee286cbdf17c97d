"""Statements nobody thought of: made by changing good ones at random, always in the same way."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import sqlglot
from sqlglot import exp
from support.sqlite_shop import leaks, open_shop

SEEDS = [
    "SELECT c.name, sum(o.amount) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY c.id",
    "WITH late AS (SELECT * FROM orders WHERE placed_on > '2026-06-01') SELECT count(*) FROM late",
    "SELECT name, (SELECT max(amount) FROM orders o WHERE o.customer_id = c.id) FROM customers c",
    "SELECT * FROM customers WHERE ssn IN (SELECT number FROM order_people) ORDER BY email LIMIT 9",
    "SELECT id, lag(amount) OVER (PARTITION BY customer_id ORDER BY id) FROM orders",
    "SELECT name FROM products UNION SELECT name FROM regions EXCEPT SELECT name FROM customers",
    "SELECT a.name FROM customers a LEFT JOIN customers b ON a.ssn = b.ssn WHERE b.id IS NULL",
    "SELECT json_extract(meta, '$.note'), upper(status) FROM orders WHERE amount > 3",
    "SELECT body FROM tickets WHERE tickets MATCH 'printer'",
    "SELECT count(*) FROM key_statistics, all_orders",
]
TABLES = [
    "orders",
    "customers",
    "products",
    "api_keys",
    "main.orders",
    "main.customers",
    "main.api_keys",
    "salaries",
    "memberships",
    "all_orders",
    "order_people",
    "keys_view",
    "sqlite_master",
    "sqlite_schema",
    "tickets",
    "tickets_content",
    "main.tickets",
    "dbstat",
    "remarks",
    "customers_search",
    "temp.orders",
    "key_statistics",
    "pragma_table_list",
    "json_each",
    "main.all_orders",
]
COLUMNS = [
    "id",
    "name",
    "ssn",
    "email",
    "phone",
    "born",
    "vip",
    "score",
    "remark",
    "tenant",
    "region",
    "amount",
    "secret_cost",
    "key_text",
    "rowid",
    "sql",
    "rank",
]
FUNCTIONS = [
    "upper",
    "hex",
    "quote",
    "json_array",
    "max",
    "min",
    "count",
    "group_concat",
    "typeof",
    "load_extension",
    "randomblob",
    "printf",
    "trim",
]
NOISE = ["'", '"', ";", "--", "/*", ")", "(", "\\", "main.", " UNION ALL SELECT ", "`"]
STATEMENTS = 700


def mutants(random: Random) -> Iterator[str]:
    trees = [sqlglot.parse_one(seed, read="sqlite") for seed in SEEDS]
    for _ in range(STATEMENTS):
        tree = random.choice(trees).copy()
        for _ in range(random.randint(1, 4)):
            tree = _changed(tree, random, trees)
        text = tree.sql(dialect="sqlite")
        yield _garbled(text, random) if random.random() < 0.15 else text


def _changed(tree: exp.Expr, random: Random, trees: list[exp.Expr]) -> exp.Expr:
    table = random.choice(TABLES)
    match random.randrange(6):
        case 0:
            _replace(tree, exp.Table, exp.to_table(table, dialect="sqlite"), random)
        case 1:
            _replace(tree, exp.Column, exp.column(random.choice(COLUMNS)), random)
        case 2:
            function = exp.Anonymous(
                this=random.choice(FUNCTIONS), expressions=[exp.column(random.choice(COLUMNS))]
            )
            _replace(tree, exp.Column, function, random)
        case 3:
            shown = exp.select("*").from_(exp.to_table(table, dialect="sqlite"))
            name = random.choice(TABLES).rpartition(".")[2]
            return exp.select("*").from_(name).with_(name, as_=shown)
        case 4:
            inner = exp.select(random.choice(COLUMNS)).from_(exp.to_table(table, dialect="sqlite"))
            _replace(tree, exp.Literal, inner.subquery(), random)
        case _:
            return exp.select("*").from_(
                exp.Subquery(this=random.choice(trees).copy(), alias="orders")
            )
    return tree


def _replace(tree: exp.Expr, kind: type[exp.Expr], by: exp.Expr, random: Random) -> None:
    found = [node for node in tree.find_all(kind) if node.parent is not None]
    if found:
        random.choice(found).replace(by)


def _garbled(text: str, random: Random) -> str:
    at = random.randrange(len(text))
    return text[:at] + random.choice(NOISE) + text[at:]


async def test_no_mutant_changes_the_file_or_tells_a_secret(tmp_path: Path) -> None:
    async with open_shop(tmp_path, timeout_s=2.0) as shop:
        before = shop.fingerprint()
        ran = 0
        for sql in mutants(Random(20_261_121)):
            runs, told = await shop.told(sql)
            ran += runs
            found = leaks(told, ["CREATE TABLE"])
            assert not [word for word in found if word not in sql], f"{sql}\n{told}"
        assert shop.fingerprint() == before
    # A fuzzer whose statements are all refused would try nothing.
    assert ran > STATEMENTS / 10
