"""A shop's database with rules, in which every value that a caller must not see says so: CANARY."""

import hashlib
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.engine import Parameters, Reading, Statement
from mcp_dbquery.sqlite.engine import SqliteEngine
from shared.mcp_server import Problem
from shared.service_tokens import Principal

ADA = Principal(subject="ada", tenant="acme", claims={"region": "north"})
HR = Principal(subject="hugo", tenant="acme", roles=frozenset({"hr"}), claims={"region": "north"})
CANARY = "CANARY"

SCHEMA = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, email TEXT, ssn TEXT, phone TEXT, born DATE,
    vip TEXT, score REAL, remark TEXT, region TEXT,
    ssn_start TEXT GENERATED ALWAYS AS (substr(ssn, 1, 20)) VIRTUAL,
    loud_name TEXT GENERATED ALWAYS AS (upper(name)) STORED
);
CREATE INDEX customers_ssn ON customers (ssn);
CREATE INDEX customers_lower_ssn ON customers (lower(ssn));
CREATE INDEX customers_name ON customers (name);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers (id),
    product_id INTEGER REFERENCES products (id), amount REAL NOT NULL, status TEXT NOT NULL, placed_on DATE NOT NULL,
    meta JSON, secret_cost TEXT
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_secret_cost ON orders (secret_cost, amount);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, tags JSON, is_new BOOLEAN);
CREATE TABLE regions (code TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
CREATE TABLE api_keys (id INTEGER PRIMARY KEY, key_text TEXT);
CREATE TABLE salaries (id INTEGER PRIMARY KEY, person TEXT, pay TEXT);
CREATE TABLE memberships (subject TEXT, tenant TEXT);
CREATE TABLE audit_log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TRIGGER no_delete BEFORE DELETE ON products BEGIN INSERT INTO audit_log (line) VALUES ('gone'); END;
CREATE VIRTUAL TABLE tickets USING fts5 (tenant UNINDEXED, body);
CREATE VIRTUAL TABLE customers_search USING fts5 (name, ssn, content='customers', content_rowid='id');
CREATE VIRTUAL TABLE manual USING fts5 (page);
CREATE VIRTUAL TABLE words USING fts5vocab ('tickets', 'row');
CREATE VIRTUAL TABLE places USING rtree (id, min_x, max_x);
CREATE VIEW all_orders AS SELECT id, customer_id, amount, status FROM orders;
CREATE VIEW order_people (order_id, who, number) AS
    SELECT o.id, c.name, c.ssn FROM orders o JOIN customers c ON c.id = o.customer_id;
CREATE VIEW keys_view AS SELECT key_text FROM api_keys;
CREATE VIEW keys_main AS SELECT key_text FROM main.api_keys;
CREATE VIEW key_statistics AS SELECT count(*) AS keys FROM api_keys;
CREATE VIEW orders_and_keys AS SELECT id FROM orders UNION ALL SELECT key_text FROM api_keys;
CREATE VIEW remarks AS SELECT remark FROM customers;
CREATE VIEW product_list AS SELECT name, price FROM products;
"""

RULES: dict[str, Any] = {
    "customers": {
        "description": "Who buys",
        "rows": [
            {"filter": "tenant = :tenant", "roles": ["hr"]},
            {"filter": "tenant IN (SELECT tenant FROM main.memberships WHERE subject = :subject)"},
        ],
        "columns": {
            "tenant": {"hidden": True},
            "email": {"mask": "domain"},
            "ssn": {"mask": "hash", "unmasked_for": ["hr"]},
            "phone": {"mask": "last4"},
            "born": {"mask": "year"},
            "vip": {"mask": "redacted"},
            "score": {"mask": "null"},
            "remark": {"hidden": True},
            "loud_name": {"description": "Made of the name alone"},
        },
    },
    "orders": {
        "rows": [{"filter": "tenant = :tenant"}],
        "columns": {"tenant": {"hidden": True}, "secret_cost": {"hidden": True}},
    },
    "api_keys": {"hidden": True},
    "memberships": {"hidden": True},
    "audit_log": {"hidden": True},
    "salaries": {"roles": ["hr"]},
    "tickets": {"rows": [{"filter": "tenant = :tenant"}]},
    "manual": {"description": "The handbook"},
    "places": {"hidden": True},
    "key_statistics": {"description": "How many keys there are"},
}


def make_shop(path: Path) -> Path:
    """Rows of the tenant acme, which ada may see, and of the tenant other, which she may not."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        for tenant in ("acme", "other"):
            secret = CANARY if tenant == "other" else "Plain"
            for index in range(1, 41):
                connection.execute(
                    "INSERT INTO customers (tenant, name, email, ssn, phone, born, vip, score, remark, region)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        tenant,
                        f"{secret} Person {index}",
                        f"{CANARY}{index}@{'mail' if index % 2 else 'post'}.example",
                        f"{CANARY}-SSN-{index % 20:04}",
                        f"{CANARY}-{index:04}",
                        f"{1950 + index}-05-17",
                        f"{CANARY}-vip",
                        7_777_777.5,
                        f"{CANARY} remark",
                        "north" if index % 2 else "south",
                    ),
                )
            for index in range(1, 121):
                connection.execute(
                    "INSERT INTO orders (tenant, customer_id, product_id, amount, status, placed_on, meta, secret_cost)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        tenant,
                        index % 40 + (1 if tenant == "acme" else 41),
                        index % 10 + 1,
                        index * 2.5 if tenant == "acme" else 9_999_991.0,
                        "paid" if index % 3 else "open",
                        f"2026-{index % 12 + 1:02}-03",
                        f'{{"note": "{secret}", "items": [{index}]}}',
                        f"{CANARY}-COST-{index}",
                    ),
                )
            connection.execute(
                "INSERT INTO tickets VALUES (?, ?)", (tenant, f"{secret} printer on fire")
            )
        connection.executemany(
            "INSERT INTO products VALUES (?, ?, ?, ?, ?)",
            [(i, f"Product {i}", i * 1.25, '["a", "b"]', i % 2) for i in range(1, 11)],
        )
        connection.executescript(
            f"""
            INSERT INTO regions VALUES ('north', 'The north'), ('south', 'The south');
            INSERT INTO api_keys (key_text) VALUES ('{CANARY}-KEY-1'), ('{CANARY}-KEY-2');
            INSERT INTO salaries (person, pay) VALUES ('Hugo', '{CANARY}-PAY');
            INSERT INTO memberships VALUES ('ada', 'acme');
            INSERT INTO manual VALUES ('How to ship a parcel'), ('How to write an invoice');
            INSERT INTO customers_search (customers_search) VALUES ('rebuild');
            """
        )
        connection.commit()
    return path


@dataclass
class Shop:
    """An engine over the shop, asked by one caller."""

    engine: SqliteEngine
    path: Path

    async def read(
        self, sql: str, parameters: Parameters | None = None, *, caller: Principal = ADA
    ) -> Reading:
        return await self.engine.read(
            Statement(sql, [] if parameters is None else parameters), caller
        )

    async def rows(
        self, sql: str, parameters: Parameters | None = None, *, caller: Principal = ADA
    ) -> Any:
        return (await self.read(sql, parameters, caller=caller)).rows

    async def told(self, sql: str, *, caller: Principal = ADA) -> tuple[bool, str]:
        """Whether the statement ran, and everything that its caller was told."""
        try:
            reading = await self.read(sql, caller=caller)
        except Problem as problem:
            return False, f"{problem} {problem.as_result().structured_content}"
        return True, f"{reading.columns} {reading.rows} {sorted(reading.relations)}"

    def fingerprint(self) -> str:
        """Changes when anything in the file or beside it does."""
        digest = hashlib.sha256()
        for path in sorted(self.path.parent.rglob("*")):
            digest.update(f"{path}\0".encode())
            if path.is_file():
                digest.update(path.read_bytes())
        return digest.hexdigest()


@asynccontextmanager
async def open_shop(
    directory: Path, tables: dict[str, Any] | None = None, *, expose: str = "all", **limits: Any
) -> AsyncGenerator[Shop]:
    """The shop, with its rules or others."""
    path = directory / "shop.db"
    if not path.exists():
        make_shop(path)
    config = DatabaseConfig.model_validate(
        {
            "url": f"sqlite:///{path}",
            "tables": RULES if tables is None else tables,
            "expose": expose,
        }
    )
    engine = SqliteEngine("shop", config, Limits(**limits))
    try:
        await engine.start()
        yield Shop(engine, path)
    finally:
        await engine.close()


def leaks(text: str, more: Sequence[str] = ()) -> list[str]:
    """What of it nobody like Ada may see."""
    return [
        word
        for word in (CANARY, "9999991", "7777777", "secret_cost", "api_keys", "memberships", *more)
        if word in text
    ]
