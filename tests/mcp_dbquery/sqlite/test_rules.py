"""The configuration's rules: checked when the server starts, and told to callers as far as they concern them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.sqlite_shop import ADA, HR, leaks, open_shop

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Statement
from mcp_dbquery.sqlite.engine import SqliteEngine
from shared.errors import BadSetup
from shared.mcp_server import Problem
from shared.service_tokens import Principal


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"order": {"hidden": True}}, "tables.order: there is no such table. Did you mean orders"),
        (
            {"orders": {"columns": {"amounts": {"hidden": True}}}},
            "tables.orders.columns.amounts: there is no such column. Did you mean amount",
        ),
        ({"orders": {"rows": [{"filter": "tenat = :tenant"}]}}, "orders: no such column: tenat"),
        ({"orders": {"rows": [{"filter": "tenant = "}]}}, "orders: "),
        ({"orders": {"rows": [{"filter": "tenant = :tenent"}]}}, ":tenent stands for nothing"),
        ({"orders": {"rows": [{"filter": "tenant = ?"}]}}, "one condition without “?”"),
        ({"orders": {"rows": [{"filter": "1); DROP TABLE orders; --"}]}}, "without “;”"),
        ({"orders": {"rows": [{"filter": "id IN (SELECT id FROM orders)"}]}}, "orders: "),
        ({"orders": {"rows": [{"filter": "load_extension('x') = 1"}]}}, "orders: "),
        (
            {"orders": {"rows": [{"filter": "1", "roles": ["a"]}, {"filter": "nope = 1"}]}},
            "orders: no such column: nope",
        ),
        ({"api_keys": {"hidden": True}, "orders_and_keys": {}}, None),
        (
            {
                "orders": {"rows": [{"filter": "0"}]},
                "words": {"columns": {"term": {"mask": "hash"}}},
            },
            None,
        ),
    ],
)
async def test_rules_that_do_not_fit_the_file_stop_the_start(
    tmp_path: Path, tables: dict[str, Any], told: str | None
) -> None:
    if told is None:
        async with open_shop(tmp_path, tables):
            return
    with pytest.raises(BadSetup) as raised:
        async with open_shop(tmp_path, tables):
            raise NotImplementedError
    assert told in str(raised.value)


async def test_a_file_that_no_longer_fits_its_rules_is_not_asked(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        with closing(sqlite3.connect(shop.path)) as connection:
            connection.executescript("ALTER TABLE memberships RENAME COLUMN subject TO who")
        ran, told = await shop.told("SELECT count(*) FROM orders")
    assert not ran
    assert "does not fit the server's rules" in told
    assert not leaks(told, ["who", "subject"])


async def test_what_is_added_to_a_table_with_rules_is_shown_only_where_it_is_exposed(
    tmp_path: Path,
) -> None:
    async with open_shop(tmp_path, {"products": {}, "orders": {}}, expose="listed") as shop:
        with closing(sqlite3.connect(shop.path)) as connection:
            connection.executescript("CREATE TABLE fresh (x); INSERT INTO fresh VALUES ('CANARY')")
        catalog = await shop.engine.catalog(ADA)
        assert list(catalog.relations) == ["orders", "products"]
        for name in ("fresh", "customers", "all_orders", "tickets"):
            assert not (await shop.told(f"SELECT * FROM {name}"))[0]


async def test_the_first_rule_whose_roles_fit_counts_and_without_one_no_row_is_seen(
    tmp_path: Path,
) -> None:
    rows = [
        {"filter": "1", "roles": ["auditor"]},
        {"filter": "region = :claim_region AND tenant = :tenant", "roles": ["sales"]},
    ]
    async with open_shop(tmp_path, {"customers": {"rows": rows}}) as shop:

        async def count(*roles: str, **claims: str) -> Any:
            caller = Principal("x", "acme", frozenset(roles), claims=claims)
            return (await shop.rows("SELECT count(*) FROM customers", caller=caller))[0][0]

        assert await count("auditor", "sales", region="north") == 80
        assert await count("sales", region="north") == 20
        assert await count("sales", region="no'rth' OR 1=1 --") == 0
        assert await count("sales", region="north\0") == 0
        assert await count("sales") == 0
        assert await count("boss") == 0


@pytest.mark.parametrize(
    "text", ["acme' OR 1=1 --", "acme'' OR ''=''", ":tenant", "\\'", "'; DROP TABLE orders; --"]
)
async def test_a_callers_values_are_values(tmp_path: Path, text: str) -> None:
    async with open_shop(tmp_path) as shop:
        caller = Principal(subject=text, tenant=text)
        assert await shop.rows("SELECT count(*) FROM orders", caller=caller) == [[0]]
        assert await shop.rows("SELECT count(*) FROM customers", caller=caller) == [[0]]


async def test_what_is_computed_from_a_secret_is_hidden_until_the_configuration_names_it(
    tmp_path: Path,
) -> None:
    columns: dict[str, Any] = {"ssn": {"mask": "null", "unmasked_for": ["hr"]}}
    async with open_shop(tmp_path, {"customers": {"columns": columns}}) as shop:
        shown = (await shop.engine.catalog(ADA)).relations["customers"]
        assert not {"ssn_start", "loud_name"} & {column.name for column in shown.columns}
        assert shown.hidden_columns == 2
        assert await shop.rows("SELECT ssn_start FROM customers LIMIT 1", caller=HR) != []


async def test_a_hash_is_the_same_for_everybody_as_long_as_its_key_is(tmp_path: Path) -> None:
    sql = "SELECT ssn FROM customers ORDER BY id LIMIT 1"
    key = tmp_path / "key"
    key.write_text("a key of the deployment", encoding="utf-8")
    tables = {"customers": {"columns": {"ssn": {"mask": "hash"}}}}

    async def hashes(**more: Any) -> set[str]:
        async with open_shop(tmp_path, tables):
            pass
        url = f"sqlite:///{tmp_path / 'shop.db'}"
        config = DatabaseConfig.model_validate({"url": url, "tables": tables, **more})
        engine = SqliteEngine("shop", config, Limits())
        try:
            return {str((await engine.read(Statement(sql), who)).rows[0][0]) for who in (ADA, HR)}
        finally:
            await engine.close()

    kept = {"context_key": {"file": str(key)}}
    assert await hashes(**kept) == await hashes(**kept)
    first, second = await hashes(), await hashes()
    assert len(first) == len(second) == 1
    assert first != second


async def test_the_catalogue_tells_each_caller_what_is_theirs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for_ada = (await shop.engine.catalog(ADA)).relations
        for_hr = (await shop.engine.catalog(HR)).relations
        assert set(for_hr) - set(for_ada) == {"salaries"}
        assert not leaks(repr(for_ada), ["ssn_start", "remark", "customers_ssn"])
        customers = for_ada["customers"]
        assert (customers.hidden_columns, customers.rows_filtered, customers.rows_estimate) == (
            3,
            True,
            None,
        )
        assert customers.comment == "Who buys"
        masks = {column.name: column.mask for column in customers.columns}
        assert (masks["ssn"], masks["name"]) == ("hash", None)
        assert {c.name: c.mask for c in for_hr["customers"].columns}["ssn"] is None
        assert [index.name for index in customers.indexes] == ["customers_name"]
        assert for_ada["products"].rows_estimate == 10
        people = for_ada["order_people"]
        assert (people.kind, people.rows_filtered) == ("view", True)
        assert {column.name: column.mask for column in people.columns}["number"] == "hash"
        references = {column.name: column.references for column in for_ada["orders"].columns}
        assert references["customer_id"] == "customers.id"


async def test_those_who_ask_for_the_catalogue_at_once_wait_for_one_look(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        first, *others = await asyncio.gather(*(shop.engine.catalog(ADA) for _ in range(8)))
        assert all(other is first for other in others)
        another = Principal(subject="bob", tenant="other")
        assert await shop.engine.catalog(another) is first


async def test_the_owner_is_told_the_policy_in_sentences(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        facts = "\n".join(shop.engine.facts())
    assert "Hidden from everybody: api_keys" in facts
    assert "orders: everybody sees rows where tenant = :tenant." in facts
    assert "customers.ssn: masked (hash), but not for hr." in facts
    assert "salaries: only for hr." in facts


async def test_an_empty_or_strange_file_can_be_asked(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(
            'CREATE VIEW [broken "view] AS SELECT gone FROM nowhere; CREATE TABLE "it\'s" ("a""b");'
            "CREATE VIEW `tick``s` (x, y) AS SELECT 1, 2; CREATE TABLE json_each (value);"
            "INSERT INTO json_each VALUES ('CANARY');"
        )
    async with open_shop(
        tmp_path, {"it's": {"rows": [{"filter": "1"}]}, "json_each": {"hidden": True}}
    ) as shop:
        assert await shop.rows('SELECT "a""b" FROM "it\'s"') == []
        assert await shop.rows("SELECT x + y FROM [tick`s]") == [[3]]
        for sql in ("SELECT * FROM json_each", "SELECT value FROM main.json_each"):
            assert not leaks((await shop.told(sql))[1].replace(sql, ""))
        assert not (await shop.told('SELECT * FROM [broken "view]'))[0]


async def test_nothing_but_a_named_problem_leaves_the_engine(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        await asyncio.gather(*(shop.told("SELECT 1") for _ in range(3)))
        shop.path.write_bytes(b"no database at all" * 1_000)
        with pytest.raises(Problem):
            await shop.read("SELECT * FROM orders")
        with pytest.raises(Problem):
            await shop.engine.catalog(Principal(subject="x", tenant="y", roles=frozenset({"hr"})))
