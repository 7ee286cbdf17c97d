"""One small market in each kind of database, under one policy, for what must be the same in all of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp import Client
from support.dbquery import UNHURRIED, Desk

from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared.service_tokens import Principal

ADA = Principal(subject="ada", tenant="acme", roles=frozenset({"member"}))
HOLLY = Principal(subject="holly", tenant="acme", roles=frozenset({"hr"}))
NORA = Principal(
    subject="nora", tenant="acme", roles=frozenset({"regional"}), claims={"region": "north"}
)
MAX = Principal(subject="max", tenant="acme", roles=frozenset({"auditor"}))
GINA = Principal(subject="gina", tenant="globex", roles=frozenset({"member"}))

CANARY = "CANARY"
"""In every value that no member of the tenant `acme` may see."""
TABLES = (
    """CREATE TABLE customers (id INTEGER PRIMARY KEY, tenant VARCHAR(20) NOT NULL, name VARCHAR(80) NOT NULL,
       email VARCHAR(120), ssn VARCHAR(40), phone VARCHAR(40), card VARCHAR(40), badge VARCHAR(40), born DATE,
       note VARCHAR(80))""",
    """CREATE TABLE orders (id INTEGER PRIMARY KEY, tenant VARCHAR(20) NOT NULL, customer_id INTEGER,
       region VARCHAR(20), status VARCHAR(20), amount DECIMAL(12,2), placed TIMESTAMP NULL, weight DOUBLE PRECISION,
       FOREIGN KEY (customer_id) REFERENCES customers (id))""",
    "CREATE TABLE payroll (id INTEGER PRIMARY KEY, pay VARCHAR(40))",
    "CREATE TABLE api_keys (id INTEGER PRIMARY KEY, token VARCHAR(40))",
    "CREATE TABLE products (id INTEGER PRIMARY KEY, name VARCHAR(80), kind VARCHAR(20))",
)
ROWS = (
    """INSERT INTO customers VALUES
       (1, 'acme', 'Ann', 'CANARY.ann@example.org', 'CANARY-1234', 'CANARY-p1', 'CANARY-c1', 'CANARY-b1', '1980-03-04',
        'CANARY-n1'),
       (2, 'acme', 'Ben', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (3, 'acme', 'Cat', 'no address', 'short', 'CANARY-p3', 'CANARY-c1', 'CANARY-b3', '1999-12-31', 'CANARY-n3'),
       (4, 'globex', 'CANARY-Gus', 'CANARY@globex.example', 'CANARY-9999', 'x', 'CANARY-c4', 'x', '1970-01-01', 'x')""",
    """INSERT INTO orders VALUES
       (1, 'acme', 1, 'north', 'open', 10.50, '2026-01-02 03:04:05', 1.5),
       (2, 'acme', 1, 'south', 'paid', 20.00, '2026-01-03 00:00:00', 2.5),
       (3, 'acme', 2, 'north', 'paid', NULL, NULL, NULL),
       (4, 'globex', 4, 'north', 'CANARY', 99.99, '2026-01-04 00:00:00', 4.5)""",
    "INSERT INTO payroll VALUES (1, 'CANARY-pay')",
    "INSERT INTO api_keys VALUES (1, 'CANARY-token')",
    "INSERT INTO products VALUES (1, 'Tea', 'drink'), (2, 'Rye', 'food'), (3, 'Ale', 'drink')",
)
OWN = "tenant = :tenant"
RULES: dict[str, Any] = {
    "customers": {
        "rows": [{"filter": OWN}],
        "columns": {
            "email": {"mask": "domain"},
            "ssn": {"mask": "last4", "unmasked_for": ["hr"]},
            "phone": {"mask": "redacted"},
            "card": {"mask": "hash"},
            "badge": {"mask": "null"},
            "born": {"mask": "year"},
            "note": {"hidden": True},
        },
    },
    "orders": {
        "rows": [
            {"filter": "true", "roles": ["auditor"]},
            {"filter": f"{OWN} AND region = :claim_region", "roles": ["regional"]},
            {"filter": OWN, "roles": ["member", "hr"]},
        ]
    },
    "payroll": {"roles": ["hr"]},
    "api_keys": {"hidden": True},
}


@dataclass(frozen=True, slots=True)
class Market:
    """Where it is, and how its database is configured but for the limits."""

    config: DatabaseConfig
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnyCaller(Parts):
    """Parts that whoever stands at the desk asks."""

    standing: list[Principal]

    def principal(self) -> Principal | None:
        return self.standing[-1]


@dataclass
class Counter(Desk):
    """A desk at which one caller comes after another."""

    standing: list[Principal]

    def serve(self, caller: Principal) -> "Counter":
        self.standing.append(caller)
        return self


@asynccontextmanager
async def open_market(market: Market, **limits: Any) -> AsyncGenerator[Counter]:
    """A server over the market, first called by ADA."""
    config = Config(databases={"market": market.config}, limits=Limits(**{**UNHURRIED, **limits}))
    settings = Settings(store_url=f"sqlite:///{market.folder / 'store.db'}")
    parts = make_parts(settings, config)
    standing = [ADA]
    parts = _AnyCaller(
        parts.databases, parts.queries, parts.library, values=parts.values, standing=standing
    )
    async with Client(build_server(settings, parts)) as client:
        yield Counter(client, market.folder, parts, standing)
