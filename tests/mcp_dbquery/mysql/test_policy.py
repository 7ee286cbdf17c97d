"""Who sees which rows and which values, kept by the views whatever is asked."""

import time
from typing import Any

import pytest
from support.mariadb import Server
from support.mysql_shop import PASSWORD, Unguarded, person, running

from mcp_dbquery.config import DatabaseConfig
from mcp_dbquery.engine import Statement
from mcp_dbquery.errors import StatementRefused, UnknownRelation
from mcp_dbquery.mysql import MysqlEngine
from mcp_dbquery.mysql.context import derived_key, read_key, signed_context
from shared.service_tokens import Principal

CONTEXT_VARIABLE = "@mcp_context"


async def rows(engine: MysqlEngine, sql: str, caller: Principal) -> list[Any]:
    return (await engine.read(Statement(sql), caller)).rows


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (person(), [["north", 300]]),
        (person(tenant="south"), [["south", 300]]),
        (person(tenant="nobody"), []),
        (person(tenant="NORTH"), []),
        (person(tenant="north "), []),
        (person(tenant="north' OR '1'='1"), []),
        (person("clerk"), [["north", 200]]),
        (person("head_office"), [["north", 300], ["south", 300]]),
        (person("head_office", "clerk"), [["north", 300], ["south", 300]]),
        (person("Head_Office"), [["north", 300]]),
    ],
)
async def test_the_first_rule_that_fits_the_roles_filters_the_rows(
    engine: MysqlEngine, caller: Principal, seen: list[Any]
) -> None:
    sql = "SELECT tenant, COUNT(*) FROM orders GROUP BY tenant ORDER BY tenant"
    assert await rows(engine, sql, caller) == seen


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({}, []),
        ({"tenant_no": "1"}, [1, 3]),
        ({"tenant_no": "2"}, [2]),
        ({"second": "2"}, [2]),
        ({"tenant_no": "1", "second": "2"}, [1, 2, 3]),
        ({"tenant_no": "2x"}, []),
        ({"tenant_no": "2 "}, []),
        ({"tenant_no": "2e0"}, []),
        ({"tenant_no": "0x2"}, []),
        ({"tenant_no": "1;c736563=32"}, []),
        ({"tenant_no": ""}, []),
    ],
)
async def test_a_claim_compared_with_a_number_must_be_one(
    engine: MysqlEngine, claims: dict[str, str], seen: list[int]
) -> None:
    found = await rows(engine, "SELECT id FROM regions ORDER BY id", person(**claims))
    assert [number for (number,) in found] == seen


async def test_masks_show_what_their_kind_says(engine: MysqlEngine) -> None:
    sql = "SELECT email, ssn, born_on, salary, phone FROM customers WHERE id = 1"
    reading = await engine.read(Statement(sql), person())
    assert reading.rows == [["•••@example.org", "•••1001", "1980-01-01", None, "•••"]]
    assert [column.mask for column in reading.columns] == [
        "domain",
        "last4",
        "year",
        "null",
        "redacted",
    ]


async def test_the_same_value_has_the_same_hash_for_everybody_and_joins_still_work(
    engine: MysqlEngine,
) -> None:
    sql = (
        "SELECT COUNT(*), COUNT(DISTINCT a.badge), MIN(CHAR_LENGTH(a.badge)) "
        "FROM customers a JOIN customers b ON a.badge = b.badge"
    )
    assert await rows(engine, sql, person()) == [[30, 30, 20]]


async def test_those_with_the_role_see_the_value_itself(engine: MysqlEngine) -> None:
    sql = "SELECT ssn, badge, phone FROM customers WHERE id = 1"
    reading = await engine.read(Statement(sql), person("auditor"))
    assert reading.rows == [["CANARY-ssn-1001", "CANARY-badge-1", "•••"]]
    assert [column.mask for column in reading.columns] == [None, None, "redacted"]


@pytest.mark.parametrize(
    "condition",
    [
        "ssn LIKE 'CANARY%'",
        "ssn = 'CANARY-ssn-1001'",
        "phone <> '•••'",
        "salary > 0",
        "born_on = '1980-03-05'",
        "email LIKE 'CANARY%'",
        "badge = 'CANARY-badge-1'",
        "HEX(ssn) LIKE '43414E%'",
        "tenant = 'south'",
        "name LIKE 'CANARY%'",
    ],
)
async def test_a_condition_is_no_oracle_for_what_is_masked_or_foreign(
    engine: MysqlEngine, condition: str
) -> None:
    sql = f"SELECT COUNT(*) FROM customers WHERE {condition}"
    assert await rows(engine, sql, person()) == [[0]]


@pytest.mark.parametrize(
    "condition",
    [
        "~0 + (tenant <> 'north') > 0",
        "IF(tenant <> 'north', (SELECT 1 UNION SELECT 2), 1) = 1",
        "EXP(710 * (tenant <> 'north')) > 0",
        "POW(10, 400 * (name LIKE 'CANARY%')) > 0",
        "18446744073709551615 * (1 + (name LIKE 'CANARY-name%')) > 0",
    ],
)
async def test_an_error_that_only_a_foreign_row_would_raise_is_not_raised(
    engine: MysqlEngine, condition: str
) -> None:
    sql = f"SELECT COUNT(*) FROM customers WHERE id > 0 AND {condition}"
    assert await rows(engine, sql, person()) == [[30]]


async def test_a_table_for_a_role_is_not_there_for_others(engine: MysqlEngine) -> None:
    with pytest.raises(UnknownRelation, match="There is no table “staff”"):
        await rows(engine, "SELECT * FROM staff", person())
    assert "staff" not in (await engine.catalog(person())).relations
    assert len(await rows(engine, "SELECT * FROM staff", person("personnel"))) == 5


async def test_hidden_reads_like_absent(engine: MysqlEngine) -> None:
    told: set[str] = set()
    for name in ("api_keys", "api_keyz"):
        with pytest.raises(UnknownRelation) as refusal:
            await rows(engine, f"SELECT * FROM {name}", person())
        told.add(str(refusal.value).replace(name, "NAME"))
    assert len(told) == 1


async def test_the_catalogue_tells_visible_things_only(engine: MysqlEngine) -> None:
    catalog = await engine.catalog(person())
    assert list(catalog.relations) == ["customers", "order_lines", "orders", "products", "regions"]
    customers = catalog.relations["customers"]
    assert customers.comment == "People who buy."
    assert (customers.hidden_columns, customers.rows_filtered, customers.rows_estimate) == (
        1,
        True,
        None,
    )
    assert "secret_note" not in str(catalog)
    columns = {column.name: column for column in customers.columns}
    assert columns["badge"].comment == "Worn at the door"
    assert (columns["ssn"].mask, columns["ssn"].examples) == ("last4", False)
    assert columns["id"].primary_key
    orders = {column.name: column for column in catalog.relations["orders"].columns}
    assert orders["customer_id"].references == "customers.id"
    assert orders["status"].type == "enum('open','paid','sent')"
    products = catalog.relations["products"]
    assert products.rows_estimate == 20
    assert ("name", True) in [(index.name, index.unique) for index in products.indexes]
    auditor = (await engine.catalog(person("auditor"))).relations["customers"]
    assert {column.name: column.mask for column in auditor.columns}["ssn"] is None


# ── the context itself, with nothing of ours between the login and the database ──


@pytest.fixture
def key(shop: DatabaseConfig) -> bytes:
    return derived_key(read_key("shop", shop), "context")


def seen_with(server: Server, *settings: str) -> int:
    """How many customers the bare login sees after these statements."""
    (row,) = server.ask(*settings, "SELECT COUNT(*) FROM customers", user="shop_reader", password=PASSWORD,
                        database="shop_safe")  # fmt: skip
    return int(row[0])


def test_without_a_context_no_filtered_row_is_seen(server: Server, shop: DatabaseConfig) -> None:
    assert shop.safe_schema == "shop_safe"
    assert seen_with(server) == 0
    assert seen_with(server, "SET @mcp_context = ''") == 0
    assert seen_with(server, "SET @mcp_context = NULL") == 0


def test_a_context_counts_for_its_own_connection_only(server: Server, key: bytes) -> None:
    later = int(time.time()) + 60
    for connection in range(1, 2):
        context = signed_context(key, person(), ["tenant"], connection, later)
        assert seen_with(server, f"SET {CONTEXT_VARIABLE} = '{context}'") == 0


def test_a_context_that_was_changed_or_has_expired_counts_for_nothing(
    server: Server, key: bytes
) -> None:
    def after(change: str, expires_in_s: int = 60) -> int:
        """The login's connection gets a context of its own, which is then changed."""
        with server.connected(
            user="shop_reader", password=PASSWORD, database="shop_safe"
        ) as connection:
            context = signed_context(
                key, person(), ["tenant"], connection.thread_id(), int(time.time()) + expires_in_s
            )
            with connection.cursor() as cursor:
                cursor.execute(f"SET @mcp_context = '{context}'")
                if change:
                    cursor.execute(change)
                cursor.execute("SELECT COUNT(*) FROM customers")
                return int(cursor.fetchone()[0])

    assert after("") == 30
    assert after("", expires_in_s=-1) == 0
    assert after("", expires_in_s=3600) == 30
    south, north = b"south".hex().upper(), b"north".hex().upper()
    assert after(f"SET @mcp_context = REPLACE(@mcp_context, '{north}', '{south}')") == 0
    assert after("SET @mcp_context = CONCAT(@mcp_context, 'r00=;')") == 0
    assert after("SET @mcp_context = UPPER(@mcp_context)") == 0
    assert after("SET @mcp_context = INSERT(@mcp_context, 1, 64, REPEAT('0', 64))") == 0
    assert after("SET @mcp_context = CONCAT(CHAR(0), @mcp_context)") == 0
    assert after("SET timestamp = 1") == 30
    assert after("SET timestamp = 1", expires_in_s=-1) == 0


async def test_a_statement_that_changes_its_context_gives_nothing(shop: DatabaseConfig) -> None:
    async with running(shop, Unguarded) as unguarded:
        for sql in ("SELECT 1, @mcp_context := 'x'", "SELECT @mcp_context := NULL FROM products"):
            with pytest.raises(StatementRefused, match="changed its session"):
                await unguarded.read(Statement(sql), person())
        await unguarded.read(Statement("SELECT @mine := 'kept', GET_LOCK('kept', 0)"), person())
        reading = await unguarded.read(Statement("SELECT @mine, IS_FREE_LOCK('kept')"), person())
        assert reading.rows == [[None, 1]]
