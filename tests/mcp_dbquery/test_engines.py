"""What must be the same whichever database is asked: one market, one policy, one set of expectations."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from support.mariadb import Server
from support.market import (
    ADA,
    CANARY,
    GINA,
    HOLLY,
    MAX,
    NORA,
    ROWS,
    RULES,
    TABLES,
    Counter,
    Market,
    open_market,
)
from support.tool_calls import answer, in_one_task, problem

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.mysql import setup as mysql_setup
from mcp_dbquery.postgres import init as postgres_init
from shared.service_tokens import Principal

ENGINES = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mysql", marks=pytest.mark.mariadb),
]
NOBODY = Principal(subject="zed", tenant="", roles=frozenset({"member"}))


@pytest.fixture(scope="module", params=ENGINES)
def market(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Market:
    folder = tmp_path_factory.mktemp("market")
    made = {"sqlite": _in_sqlite, "postgres": _in_postgres, "mysql": _in_mysql}[request.param]
    return Market(made(request, folder), folder)


@pytest.fixture
async def desk(market: Market) -> AsyncGenerator[Counter]:
    async with in_one_task(open_market(market)) as opened:
        yield opened


def _in_sqlite(_: pytest.FixtureRequest, folder: Path) -> DatabaseConfig:
    with closing(sqlite3.connect(folder / "market.db", isolation_level=None)) as connection:
        for statement in (*TABLES, *ROWS):
            connection.execute(statement)
    return DatabaseConfig.model_validate(
        {"url": f"sqlite:///{folder / 'market.db'}", "tables": RULES}
    )


def _in_postgres(request: pytest.FixtureRequest, folder: Path) -> DatabaseConfig:
    server: str = request.getfixturevalue("postgres_server")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE market")
    owner = make_url(server).set(database="market")
    owner_url = owner.render_as_string(hide_password=False)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for statement in (*TABLES, *ROWS, "ANALYZE"):
            connection.execute(statement.encode())
    reader = owner.set(username="market_reader", password="read-only-please")
    config = DatabaseConfig.model_validate(
        {
            "url": reader.render_as_string(hide_password=False),
            "tables": RULES,
            "context_key": {"file": folder / "context.key"},
        }
    )
    asyncio.run(_set_up(postgres_init, config, owner_url))
    return config


def _in_mysql(request: pytest.FixtureRequest, folder: Path) -> DatabaseConfig:
    server: Server = request.getfixturevalue("mariadb_server")
    server.ask("CREATE DATABASE market CHARACTER SET utf8mb4")
    server.ask(*TABLES, *ROWS, "ANALYZE TABLE orders, products", database="market")
    config = DatabaseConfig.model_validate(
        {
            "url": server.url("market_reader", "market", "read-only-please"),
            "safe_schema": "market_safe",
            "tables": RULES,
            "context_key": {"file": folder / "context.key"},
        }
    )
    asyncio.run(_set_up(mysql_setup, config, server.owner_url))
    return config


async def _set_up(how: Any, config: DatabaseConfig, owner_url: str) -> None:
    await how.apply(await how.init_sql("market", config, owner_url), owner_url, config)


async def _refused(desk: Counter, sql: str, **arguments: Any) -> dict[str, Any]:
    return problem(await desk.call("query", {"sql": sql, **arguments}))


async def test_masks_show_the_same_and_nothing_of_nothing(desk: Counter) -> None:
    told = await desk.query("SELECT id, email, ssn, phone, badge, born FROM customers ORDER BY id")
    assert told["rows"] == [
        [1, "•••@example.org", "•••1234", "•••", None, "1980-01-01"],
        [2, None, None, None, None, None],
        [3, "•••", "•••", "•••", None, "1999-01-01"],
    ]
    masks = {column["name"]: column.get("masked") for column in told["columns"]}
    assert masks == {
        "id": None, "email": "domain", "ssn": "last4", "phone": "redacted", "badge": "null", "born": "year",
    }  # fmt: skip
    [masked] = [text for text in told["warnings"] if text.startswith("Masked by policy")]
    assert "email (domain)" in masked


async def test_hashes_join_and_have_one_length(desk: Counter) -> None:
    told = await desk.query("SELECT card FROM customers ORDER BY id")
    (first,), (nothing,), (third,) = told["rows"]
    assert first == third
    assert nothing is None
    assert len(first) == 20
    assert set(first) <= set("0123456789abcdef")


async def test_a_mask_lifted_by_a_role_is_lifted_for_it_alone(desk: Counter) -> None:
    sql = "SELECT ssn FROM customers WHERE id = 1"
    assert (await desk.serve(HOLLY).query(sql))["rows"] == [["CANARY-1234"]]
    assert (await desk.serve(ADA).query(sql))["rows"] == [["•••1234"]]


@pytest.mark.parametrize(
    "condition", ["ssn = 'CANARY-1234'", "phone LIKE 'CANARY%'", "born = '1980-03-04'"]
)
async def test_a_condition_meets_the_mask(desk: Counter, condition: str) -> None:
    told = await desk.query(f"SELECT count(*) AS n FROM customers WHERE {condition}")
    assert told["rows"] == [[0]]


@pytest.mark.parametrize(
    ("caller", "ids"),
    [
        (ADA, [1, 2, 3]),
        (GINA, [4]),
        (NORA, [1, 3]),
        (MAX, [1, 2, 3, 4]),
        (NOBODY, []),
        (Principal(subject="o", tenant="acme", roles=frozenset({"regional"})), []),
        (Principal(subject="o", tenant="acme", roles=frozenset({"other"})), []),
        (Principal(subject="o", tenant="ACME", roles=frozenset({"member"})), []),
        (Principal(subject="o", tenant="acme ", roles=frozenset({"member"})), []),
        (Principal(subject="o", tenant="ácme", roles=frozenset({"member"})), []),
        (Principal(subject="o", tenant="acme' OR '1'='1", roles=frozenset({"member"})), []),
        (Principal(subject="o", tenant="acme\\", roles=frozenset({"member"})), []),
    ],
)
async def test_rows_are_those_of_the_caller(
    desk: Counter, caller: Principal, ids: list[int]
) -> None:
    told = await desk.serve(caller).query("SELECT id FROM orders ORDER BY id")
    assert [row[0] for row in told["rows"]] == ids


async def test_what_is_filtered_is_said_to_those_whom_it_is_filtered_for(desk: Counter) -> None:
    said = "Only rows that you may see, by policy: orders."
    sql = "SELECT count(*) AS n FROM orders"
    assert said in (await desk.serve(ADA).query(sql))["warnings"]
    assert said not in (await desk.serve(MAX).query(sql))["warnings"]


async def test_hidden_columns_are_not_there_and_are_counted(desk: Counter) -> None:
    told = await desk.query("SELECT * FROM customers")
    assert "note" not in [column["name"] for column in told["columns"]]
    assert told["hidden_columns"] == 1
    assert "1 column of customers hidden by policy." in told["warnings"]
    assert CANARY not in repr(told)


@pytest.mark.parametrize("column", ["note", "no_such", "customers.note", "c.note"])
async def test_a_hidden_column_reads_like_none(desk: Counter, column: str) -> None:
    told = await _refused(desk, f"SELECT {column} FROM customers c")
    assert told["code"] == "unknown_relation"
    assert "note" not in told["details"]["did_you_mean"]


@pytest.mark.parametrize("name", ["api_keys", "payroll", "no_such", "market.api_keys"])
async def test_a_hidden_table_reads_like_none(desk: Counter, name: str) -> None:
    told = await _refused(desk, f"SELECT * FROM {name}")
    assert told["code"] == "unknown_relation"
    assert told["details"]["did_you_mean"] == []


async def test_a_misspelled_table_is_mended(desk: Counter) -> None:
    told = await _refused(desk, "SELECT * FROM custmers")
    assert told["details"]["did_you_mean"] == ["customers"]
    assert "Did you mean customers?" in told["hint"]


async def test_a_misspelled_column_is_mended(desk: Counter) -> None:
    told = await _refused(desk, "SELECT emial FROM customers")
    assert told["details"]["did_you_mean"][0] == "email"


async def test_a_long_name_is_not_told_back_in_full(desk: Counter) -> None:
    for sql in (f"SELECT * FROM {'n' * 20_000}", f"SELECT {'n' * 20_000} FROM customers"):
        result = await desk.call("query", {"sql": sql})
        assert result.is_error
        assert len(repr(result)) < 3_000


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DELETE FROM orders", "only_select"),
        ("UPDATE orders SET amount = 0", "only_select"),
        ("DROP TABLE orders", "only_select"),
        ("SELECT 1; SELECT 2", "one_statement"),
        ("SELECT 1; DROP TABLE orders", "one_statement"),
        ("SELECT load_extension('x')", "function"),
        ("SELECT no_such_function(1)", "function"),
        ("SELECT 1 \x01", "control_character"),
    ],
)
async def test_refusals_name_the_same_rule(desk: Counter, sql: str, rule: str) -> None:
    told = await _refused(desk, sql)
    assert (told["code"], told["details"]["rule"]) == ("sql_rejected", rule)


async def test_a_role_opens_a_table_for_it_alone(desk: Counter) -> None:
    sql = "SELECT pay FROM payroll"
    assert (await desk.serve(HOLLY).query(sql))["rows"] == [["CANARY-pay"]]
    assert problem(await desk.serve(ADA).call("query", {"sql": sql}))["code"] == "unknown_relation"


@pytest.mark.parametrize("sql", ["SELECT 1 +", "SELECT FROM WHERE", "SELECT (1", "", "-- nothing"])
async def test_what_cannot_be_read_is_called_so(desk: Counter, sql: str) -> None:
    assert (await _refused(desk, sql))["code"] == "syntax_error"


@pytest.mark.parametrize(
    "params",
    [
        {}, [], {"id": 1, "other": 2}, [1, 2], {"id": "\ud800"}, {"id": 10**30}, {"id": 10**400}, {"id": float("inf")},
    ],
)  # fmt: skip
async def test_values_that_do_not_fit_never_are_an_internal_error(
    desk: Counter, params: Any
) -> None:
    result = await desk.call(
        "query", {"sql": "SELECT count(*) AS n FROM orders WHERE amount = :id", "params": params}
    )
    if result.is_error:
        assert problem(result)["code"] in {"syntax_error", "invalid_arguments", "invalid_argument"}
    else:
        assert answer(result)["rows"] == [[0]]


async def test_values_are_bound_by_name(desk: Counter) -> None:
    told = await desk.query("SELECT id FROM orders WHERE status = :s", params={"s": "' OR 1=1 --"})
    assert told["rows"] == []
    told = await desk.query("SELECT id FROM orders WHERE status = :s", params={"s": "open"})
    assert told["rows"] == [[1]]


async def test_a_value_is_never_a_name(desk: Counter) -> None:
    told = await desk.query("SELECT :c AS x FROM orders WHERE id = 1", params={"c": "tenant"})
    assert told["rows"] == [["tenant"]]


async def test_values_have_the_same_types(desk: Counter) -> None:
    told = await desk.query(
        "SELECT id, status, amount, weight FROM orders WHERE id IN (1, 3) ORDER BY id"
    )
    assert [column["type"] for column in told["columns"]] == ["integer", "text", "number", "number"]
    assert told["rows"] == [[1, "open", 10.5, 1.5], [3, "paid", None, None]]
    told = await desk.query("SELECT born FROM customers WHERE id = 1")
    assert told["columns"][0]["type"] == "date"
    told = await desk.query("SELECT placed FROM orders WHERE id = 1")
    assert told["columns"][0]["type"] == "timestamp"
    assert told["rows"][0][0].replace(" ", "T") == "2026-01-02T03:04:05"


async def test_pages_end_with_the_standing_of_who_asked(desk: Counter) -> None:
    first = await desk.serve(ADA).query("SELECT id FROM products ORDER BY id", max_rows=2)
    assert (first["rows"], first["truncated"]) == ([[1], [2]], True)
    cursor = {"cursor": first["next_cursor"]}
    second = answer(await desk.call("query", cursor))
    assert (second["rows"], second["truncated"]) == ([[3]], False)
    lost_role = Principal(subject="ada", tenant="acme", roles=frozenset())
    for other in (GINA, HOLLY, lost_role, Principal(subject="ada", tenant="b", roles=ADA.roles)):
        assert problem(await desk.serve(other).call("query", cursor))["code"] == "cursor_expired"


async def test_the_catalogue_is_the_callers(desk: Counter) -> None:
    for caller, names in (
        (ADA, ["customers", "orders", "products"]),
        (HOLLY, ["customers", "orders", "payroll", "products"]),
        (ADA, ["customers", "orders", "products"]),
    ):
        told = answer(await desk.serve(caller).call("list_tables", {}))
        assert [table["name"] for table in told["tables"]] == names


async def test_descriptions_are_the_same(desk: Counter) -> None:
    told = answer(
        await desk.call(
            "describe_tables", {"tables": ["customers", "orders", "products"], "sample_rows": 1}
        )
    )
    assert CANARY not in repr(told)
    customers, orders, products = told["tables"]
    assert customers["hidden_columns"] == 1
    assert (customers["rows"], orders["rows"], products["rows"]) == (None, None, 3)
    assert (customers["rows_filtered"], products["rows_filtered"]) == (True, False)
    by_name = {column["name"]: column for column in orders["columns"]}
    assert by_name["customer_id"]["references"] == "customers.id"
    assert by_name["status"]["values"] == ["open", "paid"]
    assert customers["referenced_by"] == ["orders.customer_id"]
    assert [column["values"] for column in products["columns"]][2] == ["drink", "food"]
    masked = {column["name"]: column["masked"] for column in customers["columns"]}
    assert masked["card"] == "hash"


async def test_search_resources_and_completions_tell_visible_names_only(desk: Counter) -> None:
    said = [
        repr(answer(await desk.call("search_schema", {"text": "note token pay api keys"}))),
        repr(await desk.client.read_resource("schema://market")),
        repr(await desk.client.get_prompt("explore_database", {})),
        repr(await desk.client.get_prompt("write_query", {"question": "note pay api_keys token"})),
    ]
    for text in said:
        for hidden in ("api_keys", "payroll", CANARY, "'note'", "token "):
            assert hidden not in text.replace("note pay api_keys token", "")


async def test_explain_tells_visible_names_only(desk: Counter) -> None:
    told = answer(
        await desk.call(
            "explain",
            {"sql": "SELECT c.ssn FROM customers c JOIN orders o ON o.customer_id = c.id"},
        )
    )
    assert told["verdict"] == "runs"
    for hidden in ("note", CANARY, "acme", "mcp_", "market_safe", "claim"):
        assert hidden not in repr(told["plan"])


async def test_too_many_columns_are_too_large(desk: Counter) -> None:
    for count in (201, 2_500):
        told = await _refused(desk, f"SELECT {', '.join(['id'] * count)} FROM products")
        assert told["code"] == "result_too_large"


async def test_columns_of_one_name_all_are_told(desk: Counter) -> None:
    told = await desk.query("SELECT id, id, 2 AS id FROM products WHERE id = 1", format="records")
    assert told["records"] == [{"id": 1, "id_2": 1, "id_3": 2}]


async def test_reading_stops_at_the_rows_and_says_so(market: Market) -> None:
    async with open_market(market, read_rows=2) as desk:
        told = await desk.query("SELECT id FROM products ORDER BY id")
    assert (told["rows"], told["truncated"]) == ([[1], [2]], True)
    assert told["warnings"][0].startswith("Only the first 2 rows are here; there are more.")


async def test_a_long_value_is_cut_with_its_length(market: Market) -> None:
    async with open_market(market, cell_characters=5) as desk:
        told = await desk.query("SELECT 'abcdefgh' AS t")
    assert told["rows"] == [["abcde… [8 characters]"]]
    assert "1 long values were cut." in told["warnings"]


BOMB = "SELECT count(*) AS n FROM products" + "".join(
    f" CROSS JOIN products p{i}" for i in range(24)
)


async def test_a_statement_is_stopped_in_time(market: Market) -> None:
    async with open_market(market, timeout_s=0.4, cost=1e30, cost_rows=1e30) as desk:
        assert (await _refused(desk, BOMB))["code"] == "timeout"
        assert (await desk.query("SELECT id FROM products WHERE id = 1"))["rows"] == [[1]]
