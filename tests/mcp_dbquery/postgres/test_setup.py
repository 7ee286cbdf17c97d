"""`init` makes a login and views that keep the rules; a start with anything less safe is refused."""

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from support.shop import ANN, BY_TENANT, TABLES, Shop, limits

from mcp_dbquery.config import ColumnRule, RowRule, TableRule
from mcp_dbquery.engine import Statement
from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.postgres.init import apply, init_sql, scram_verifier
from shared.config_file import Secret
from shared.errors import BadSetup

pytestmark = pytest.mark.postgres


async def set_up(shop: Shop, **other: Any) -> PostgresEngine:
    config = shop.config(**other)
    await apply(await init_sql("shop", config, shop.owner_url), shop.owner_url, config)
    return PostgresEngine("shop", config, limits())


async def answer(engine: PostgresEngine, sql: str) -> list[list[Any]]:
    await engine.start()
    try:
        return (await engine.read(Statement(sql), ANN)).rows
    finally:
        await engine.close()


async def refusal(engine: PostgresEngine) -> str:
    with pytest.raises(BadSetup) as refused:
        await engine.start()
    return str(refused.value)


async def test_the_printed_sql_holds_no_secret(shop: Shop) -> None:
    sql = await init_sql("shop", shop.config(), shop.owner_url)
    assert "read-only-please" not in sql
    assert shop.key_file.read_text().strip() not in sql
    assert "SCRAM-SHA-256$4096:" in sql
    assert sql == await init_sql("shop", shop.config(), shop.owner_url)


async def test_the_key_is_made_for_its_owner_alone(shop: Shop, tmp_path: Path) -> None:
    key = tmp_path / "new.key"
    await init_sql("shop", shop.config(context_key=Secret(file=key)), shop.owner_url)
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_text().strip()) == 64


def test_a_password_is_kept_as_postgresql_keeps_it(shop: Shop) -> None:
    with psycopg.connect(shop.owner_url) as connection:
        theirs = connection.pgconn.encrypt_password(b"pencil", b"user", b"scram-sha-256").decode()
    salt = b64decode(theirs.split("$")[1].partition(":")[2])
    assert scram_verifier("pencil", salt) == theirs


async def test_running_it_again_follows_tables_and_rules(clone: Callable[[], Shop]) -> None:
    shop = clone()
    shop.run(
        "ALTER TABLE products ADD COLUMN colour text DEFAULT 'red'; CREATE TABLE notes (body text)"
    )
    behind = PostgresEngine("shop", shop.config(), limits())
    await behind.start()
    assert any("products" in fact for fact in behind.facts())
    await behind.close()
    rules = TABLES | {
        "notes": TableRule(hidden=True),
        "products": TableRule(columns={"colour": ColumnRule(mask="redacted")}),
    }
    engine = await set_up(shop, tables=rules)
    assert await answer(engine, "SELECT colour FROM products LIMIT 1") == [["•••"]]
    again = await set_up(shop, tables=rules)
    assert await answer(again, "SELECT count(*) FROM orders") == [[450]]


async def test_rules_that_fit_no_table_are_refused(shop: Shop) -> None:
    for rules in (
        {"nowhere": TableRule(hidden=True)},
        {"products": TableRule(columns={"nothing": ColumnRule(hidden=True)})},
        {"products": TableRule(rows=[RowRule(filter="true) OR (true")])},
        {"products": TableRule(rows=[RowRule(filter="id = :id")])},
        {"products": TableRule(columns={"name": ColumnRule(mask="year")})},
    ):
        with pytest.raises(BadSetup):
            await init_sql("shop", shop.config(tables=rules), shop.owner_url)


async def test_a_filter_uses_the_index_and_asks_once_who_asks(shop: Shop) -> None:
    with psycopg.connect(shop.owner_url, autocommit=True) as connection:
        plan = connection.execute(
            "SET enable_seqscan = off; EXPLAIN SELECT * FROM mcp_safe.orders", prepare=False
        )
        plan.set_result(-1)
        lines = "\n".join(row[0] for row in plan.fetchall())
    assert "Index Scan" in lines or "Bitmap" in lines
    assert "InitPlan 1" in lines
    assert "InitPlan 2" not in lines


DANGERS = {
    "ALTER ROLE mcp_reader SUPERUSER": "superuser",
    "ALTER ROLE mcp_reader BYPASSRLS": "row security",
    "ALTER ROLE mcp_reader CREATEROLE": "create roles",
    "ALTER ROLE mcp_reader CREATEDB": "create databases",
    "ALTER ROLE mcp_reader REPLICATION": "replicate",
    "GRANT pg_read_server_files TO mcp_reader": "pg_read_server_files",
    "GRANT USAGE ON SCHEMA public TO mcp_reader; GRANT SELECT ON customers TO mcp_reader": "without the views",
    "GRANT SELECT (note) ON customers TO mcp_reader": "customers",
    "GRANT INSERT ON audit_marks TO PUBLIC": "may change",
    "GRANT UPDATE (name) ON customers TO mcp_reader": "may change",
    "GRANT CREATE ON SCHEMA public TO mcp_reader": "create objects",
    "ALTER TABLE products OWNER TO mcp_reader": "it owns",
    "ALTER VIEW mcp_safe.orders SET (security_barrier = false)": "security_barrier",
    "CREATE TABLE mcp_safe.extra (id int)": "security_barrier",
    "GRANT EXECUTE ON FUNCTION tell_keys() TO PUBLIC": "owner's rights",
    "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO mcp_reader": "pg_read_file",
    "COMMENT ON SCHEMA mcp_safe IS NULL": "not made by init",
    "DROP SCHEMA mcp_safe CASCADE": "no schema",
    "UPDATE mcp_safe_private.pads SET inner_pad = outer_pad": "context key",
}
UNDO = (
    "ALTER ROLE mcp_reader NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION;"
    "REVOKE pg_read_server_files FROM mcp_reader"
)


@pytest.mark.parametrize(("danger", "part"), DANGERS.items())
async def test_a_dangerous_set_up_does_not_start(
    clone: Callable[[], Shop], danger: str, part: str
) -> None:
    shop = clone()
    shop.run(danger)
    try:
        assert part in await refusal(PostgresEngine("shop", shop.config(), limits()))
    finally:
        shop.run(UNDO)


async def test_views_of_other_rules_do_not_start(shop: Shop) -> None:
    looser = PostgresEngine(
        "shop", shop.config(tables=TABLES | {"payroll": TableRule(rows=BY_TENANT)}), limits()
    )
    assert "other rules" in await refusal(looser)


async def test_asking_directly_needs_a_login_that_only_reads(clone: Callable[[], Shop]) -> None:
    shop = clone()
    owner = PostgresEngine("shop", _direct(shop, shop.owner_url), limits())
    assert "superuser" in await refusal(owner)
    shop.run(
        "CREATE ROLE plain_reader LOGIN; GRANT USAGE ON SCHEMA public, sales TO plain_reader;"
        "GRANT SELECT ON products, sales.deals TO plain_reader"
    )
    url = (
        make_url(shop.owner_url).set(username="plain_reader").render_as_string(hide_password=False)
    )
    reader = PostgresEngine("shop", _direct(shop, url), limits())
    assert await answer(
        reader, "SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM sales.deals d)"
    ) == [[20, 2]]
    shop.run("DROP OWNED BY plain_reader; DROP ROLE plain_reader")


def _direct(shop: Shop, url: str) -> Any:
    config = shop.config(tables={}, direct=True, context_key=None, schemas=["public", "sales"])
    return config.model_copy(update={"url": url})
