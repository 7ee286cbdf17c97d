"""A shop's database with something of everything that must not get out, and the rules for it."""

# ruff: noqa: E501 - a row of a statement stands on one line

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.mariadb import Server

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Statement
from mcp_dbquery.mysql import MysqlEngine, apply, init_sql
from mcp_dbquery.mysql.guard import Verdict
from mcp_dbquery.mysql.text import Text
from shared.service_tokens import Principal

CANARY = "CANARY"
"""In every value that no member of the tenant `north` may see."""
PASSWORD = "p'a\\ss-w0rd"

TABLES = [
    """CREATE TABLE customers (id INT PRIMARY KEY, tenant VARCHAR(20) NOT NULL, name VARCHAR(80) NOT NULL,
       email VARCHAR(120), ssn VARCHAR(40), born_on DATE, salary DECIMAL(12,2), secret_note TEXT, phone VARCHAR(40),
       badge VARCHAR(40) COMMENT 'Worn at the door', KEY (tenant)) COMMENT 'Who buys'""",
    """CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, tenant VARCHAR(20) NOT NULL, customer_id INT NOT NULL,
       amount DECIMAL(10,2) NOT NULL, status ENUM('open','paid','sent') NOT NULL, placed_at DATETIME NOT NULL,
       note VARCHAR(200), KEY tenant_status (tenant, status), KEY (customer_id),
       FOREIGN KEY (customer_id) REFERENCES customers (id))""",
    """CREATE TABLE products (id INT PRIMARY KEY, name VARCHAR(80) NOT NULL, price DECIMAL(10,2), attributes JSON,
       picture BLOB, flags BIT(8), made YEAR, open_for TIME, weight DOUBLE, large BIGINT UNSIGNED, UNIQUE KEY (name))""",
    """CREATE TABLE order_lines (order_id INT, product_id INT, quantity INT NOT NULL, tenant VARCHAR(20) NOT NULL,
       PRIMARY KEY (order_id, product_id), FOREIGN KEY (order_id) REFERENCES orders (id),
       FOREIGN KEY (product_id) REFERENCES products (id))""",
    "CREATE TABLE api_keys (id INT PRIMARY KEY, token VARCHAR(80))",
    "CREATE TABLE staff (id INT PRIMARY KEY, name VARCHAR(80), pay DECIMAL(10,2))",
    "CREATE TABLE regions (id INT PRIMARY KEY, tenant_no INT NOT NULL, name VARCHAR(80), kind VARCHAR(20))",
]
ROWS = [
    """INSERT INTO customers SELECT seq, IF(seq % 2, 'north', 'south'), IF(seq % 2, CONCAT('Name ', seq),
       CONCAT('CANARY-name-', seq)), CONCAT('CANARY-mail-', seq, '@example.org'), CONCAT('CANARY-ssn-', 1000 + seq),
       DATE_ADD('1980-03-04', INTERVAL seq DAY), 100000 + seq, CONCAT('CANARY-note-', seq), CONCAT('CANARY-phone-', seq),
       CONCAT('CANARY-badge-', seq) FROM seq_1_to_60""",
    """INSERT INTO orders (tenant, customer_id, amount, status, placed_at, note)
       SELECT IF(seq % 2, 'north', 'south'), 1 + (seq - 1) % 60, 10 + seq % 97, ELT(1 + seq % 3, 'open', 'paid', 'sent'),
       DATE_ADD('2026-01-01 08:30:00', INTERVAL seq HOUR), IF(seq % 2, NULL, CONCAT('CANARY-order-', seq))
       FROM seq_1_to_600""",
    """INSERT INTO products SELECT seq, CONCAT('Thing ', seq), seq * 1.25, JSON_OBJECT('colour', ELT(1 + seq % 3, 'red',
       'green', 'blue'), 'size', seq), 'bytes', b'00000101', 2020, '26:10:05', seq / 3, 18446744073709551615
       FROM seq_1_to_20""",
    """INSERT INTO order_lines SELECT seq, 1 + seq % 20, 1 + seq % 4, IF(seq % 2, 'north', 'south')
       FROM seq_1_to_600""",
    "INSERT INTO api_keys SELECT seq, CONCAT('CANARY-token-', seq) FROM seq_1_to_5",
    "INSERT INTO staff SELECT seq, CONCAT('CANARY-staff-', seq), 1000 + seq FROM seq_1_to_5",
    "INSERT INTO regions VALUES (1, 1, 'One', 'public'), (2, 2, 'CANARY-two', 'private'), (3, 1, 'Open', 'public')",
]
RULES: dict[str, Any] = {
    "customers": {
        "description": "People who buy.",
        "rows": [{"filter": "tenant = :tenant"}],
        "columns": {
            "email": {"mask": "domain"},
            "ssn": {"mask": "last4", "unmasked_for": ["auditor"]},
            "born_on": {"mask": "year"},
            "salary": {"mask": "null"},
            "secret_note": {"hidden": True},
            "phone": {"mask": "redacted"},
            "badge": {"mask": "hash", "unmasked_for": ["auditor"]},
        },
    },
    "orders": {
        "rows": [
            {"filter": "TRUE", "roles": ["head_office"]},
            {"filter": "tenant = :tenant AND status <> 'open'", "roles": ["clerk"]},
            {"filter": "tenant = :tenant"},
        ]
    },
    "order_lines": {"rows": [{"filter": "tenant = :tenant"}]},
    "api_keys": {"hidden": True},
    "staff": {"roles": ["personnel"]},
    "regions": {
        "rows": [{"filter": "tenant_no = :claim_tenant_no OR tenant_no IN (:claim_second, -1)"}]
    },
}


def make_shop(server: Server, database: str) -> None:
    """Create the tables of the shop in a new database."""
    server.ask(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
    server.ask(
        *TABLES, *ROWS, "ANALYZE TABLE orders, customers, products, order_lines", database=database
    )


def shop_config(server: Server, database: str, folder: Path, **more: Any) -> DatabaseConfig:
    """The shop's rules, asked by a login named after the database."""
    quoted = PASSWORD.replace("'", "%27").replace("\\", "%5C")
    given: dict[str, Any] = {
        "url": server.url(f"{database}_reader", database, quoted),
        "safe_schema": f"{database}_safe",
        "context_key": {"file": folder / "context.key"},
        "tables": RULES,
    }
    return DatabaseConfig.model_validate(given | more)


class Unguarded(MysqlEngine):
    """Lets every text through to the database, to see what its layers alone stop."""

    async def _judged(self, statement: Statement) -> Verdict:
        return Verdict(Text(statement.sql, statement.sql, ()), ())


def make_engine(
    config: DatabaseConfig, kind: type[MysqlEngine] = MysqlEngine, **limits: Any
) -> MysqlEngine:
    """An engine, not started."""
    return kind("shop", config, Limits(**limits))


@asynccontextmanager
async def running(
    config: DatabaseConfig, kind: type[MysqlEngine] = MysqlEngine, **limits: Any
) -> AsyncGenerator[MysqlEngine]:
    """An engine, started."""
    engine = make_engine(config, kind, **limits)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def person(*roles: str, tenant: str = "north", subject: str = "ada", **claims: str) -> Principal:
    """A caller."""
    return Principal(subject=subject, tenant=tenant, roles=frozenset(roles), claims=claims)


async def set_up(config: DatabaseConfig, server: Server) -> str:
    """What `mcp-dbquery init` does. Gives the SQL."""
    sql = await init_sql("shop", config, server.owner_url)
    await apply(sql, server.owner_url, config)
    return sql
