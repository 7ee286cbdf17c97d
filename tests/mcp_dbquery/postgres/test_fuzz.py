"""Statements put together at random: whatever the guard lets through changes nothing and tells no canary."""

import json
import random

import pytest
import sqlglot
from sqlglot import exp
from support.postgres_attacks import ATTACKS
from support.shop import ANN, CANARY, Shop, fingerprint, limits

from mcp_dbquery.engine import Statement
from mcp_dbquery.postgres.engine import PostgresEngine
from shared.mcp_server import Problem

pytestmark = pytest.mark.postgres

SEED = 20261121
ROUNDS = 600

FRAMES = [
    "SELECT id, name FROM products WHERE price > 3 ORDER BY id LIMIT 5",
    "SELECT c.region, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.region",
    "WITH x AS (SELECT id, total FROM orders) SELECT x.id FROM x WHERE x.total > (SELECT avg(total) FROM orders)",
    "SELECT s.login FROM staff s, LATERAL (SELECT 1 AS n) l WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = s.id)",
    "SELECT coalesce(email, 'x') || ssn FROM customers UNION ALL SELECT name FROM products",
    "SELECT sum(total) OVER (PARTITION BY status ORDER BY id) FROM orders",
]
PIECES = [
    "leave_mark()",
    "public.innocent()",
    "set_config('mcp.context', '', true)",
    "pg_advisory_lock(7)",
    "lo_creat(-1)",
    "current_setting('mcp.context')",
    "c.row_to_json",
    "customers.to_json",
    "products",
    "note",
    "salary",
    "ssn::int",
    "tenant_note",
    "(SELECT value FROM public.api_keys LIMIT 1)",
    "query_to_xml('SELECT 1', true, true, '')",
    "!!! 'x'",
    "(SELECT string_agg(c::text, ',') FROM customers c)",
    "row_to_json(o)",
    "nextval('audit_marks_id_seq')",
    "'api_keys'::regclass",
    "pg_notify('a', 'b')",
    "ctid",
    "upper(ssn)",
    "lpad('x', 9)",
    "CASE WHEN true THEN leave_mark() END",
    "ARRAY(SELECT public.leave_mark())",
    "count(*) FILTER (WHERE public.innocent() = 'x')",
    "1",
    "'a'",
    "NULL",
    "id",
]
TABLES = [
    "public.api_keys",
    "api_keys",
    "customers",
    "mcp_safe.staff",
    "pg_authid",
    "public.tell_keys()",
    "all_orders",
    "mcp_session",
    "mcp_safe_private.pads",
    "payroll",
    "sales.deals",
]


def statements(chance: random.Random) -> list[str]:
    """Frames with pieces of attacks in place of expressions and tables, and attacks cut and joined as text."""
    texts = [sql for attacks in ATTACKS.values() for sql in attacks if len(sql) < 300]
    made = [_grafted(chance) for _ in range(ROUNDS)]
    for _ in range(ROUNDS // 4):
        first, second = chance.choice(texts), chance.choice(texts)
        made.append(
            first[: chance.randrange(len(first) + 1)] + second[chance.randrange(len(second) + 1) :]
        )
    return made


def _choices(node: object, *, is_harmless: bool) -> list[str]:
    if isinstance(node, exp.Table):
        return ["products", "customers", "mcp_safe.orders", "staff"] if is_harmless else TABLES
    return (
        ["1", "'a'", "NULL", "id", "name", "count(*)", "upper(name)", "tenant"]
        if is_harmless
        else PIECES
    )


def _grafted(chance: random.Random) -> str:
    tree = sqlglot.parse_one(chance.choice(FRAMES), read="postgres")
    for _ in range(chance.randrange(1, 4)):
        nodes = [
            node
            for node in tree.find_all(exp.Column, exp.Literal, exp.Table)
            if node.parent is not None
        ]
        node = chance.choice(nodes)
        is_harmless = chance.random() < 0.6
        replacement = chance.choice(_choices(node, is_harmless=is_harmless))
        node.replace(exp.Var(this=replacement))
    return tree.sql(dialect="postgres")


async def test_whatever_is_let_through_changes_and_tells_nothing(shop: Shop) -> None:
    engine = PostgresEngine("shop", shop.config(), limits(timeout_s=1))
    await engine.start()
    before = fingerprint(shop.owner_url)
    chance = random.Random(SEED)
    ran = 0
    for sql in statements(chance):
        try:
            reading = await engine.read(Statement(sql, max_rows=200), ANN)
        except Problem as problem:
            told = json.dumps(problem.as_result().model_dump(mode="json"))
        else:
            told, ran = json.dumps(reading.rows), ran + 1
        assert CANARY not in told or CANARY in sql, sql
    await engine.close()
    assert fingerprint(shop.owner_url) == before
    assert ran > ROUNDS / 20
