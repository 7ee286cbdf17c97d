"""A small bank in SQLite, and runners of actions that are declared in a test."""

import hashlib
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_dbquery.actions.check import check_actions
from mcp_dbquery.actions.file import load_actions
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.sqlite.engine import SqliteEngine
from mcp_dbquery.store import Store, open_store
from shared.service_tokens import Principal

BANK = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, town TEXT NOT NULL, tenant TEXT NOT NULL, notes TEXT);
INSERT INTO people VALUES (1, 'Ada Lovelace', 'London', 'acme', NULL), (2, 'Ada Byron', 'London', 'acme', NULL),
  (3, 'Grace Hopper', 'New York', 'acme', NULL), (4, 'Ada Lovelace', 'Zürich', 'acme', NULL),
  (5, 'Edsger Dijkstra', 'Nuenen', 'rival', NULL);
CREATE TABLE accounts (id INTEGER PRIMARY KEY, owner_id INTEGER REFERENCES people (id), balance REAL NOT NULL
  CHECK (balance >= 0), closed_on TEXT, tenant TEXT NOT NULL);
INSERT INTO accounts VALUES (1, 1, 100, NULL, 'acme'), (2, 3, 50, NULL, 'acme'), (3, 5, 900, NULL, 'rival');
CREATE TABLE transfers (id INTEGER PRIMARY KEY, source INTEGER, target INTEGER, amount REAL, made_by TEXT);
"""

TRANSFER = """
[actions.transfer]
title = "Transfer money"
description = "Move money from one account to another."
roles = ["clerk"]
statements = [
  { sql = "UPDATE accounts SET balance = balance - :amount WHERE id = :source AND tenant = :tenant" },
  { sql = "UPDATE accounts SET balance = balance + :amount WHERE id = :target AND tenant = :tenant" },
  { sql = "INSERT INTO transfers (source, target, amount, made_by) VALUES (:source, :target, :amount, :subject)" },
]
preview = '''
SELECT id, balance, balance + CASE id WHEN :source THEN -:amount ELSE :amount END AS later
FROM accounts WHERE id IN (:source, :target) AND tenant = :tenant ORDER BY id
'''
preview_rows = 2
item = "Account {id}"
summary = "Move {amount} from account {source} to account {target}"
done = "Moved {amount} from account {source} to account {target}."
missing = "There are no such accounts."
changes = [{ field = "balance", old = "balance", new = "later" }]

[actions.transfer.parameters]
source = { type = "integer", description = "The account to take from.", minimum = 1 }
target = { type = "integer", description = "The account to give to.", minimum = 1 }
amount = { type = "number", description = "How much.", minimum = 0.01, maximum = 1e6, decimals = 2 }
"""


@dataclass
class Bank:
    """The database file, and what it says."""

    path: Path

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def fingerprint(self) -> str:
        """Of everything in it."""
        with closing(sqlite3.connect(self.path)) as connection:
            return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def make_bank(directory: Path) -> Bank:
    path = directory / "bank.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BANK)
    return Bank(path)


def clerk(*, tenant: str = "acme", claims: Mapping[str, str] | None = None) -> Principal:
    return Principal(
        subject="ada", tenant=tenant, roles=frozenset({"clerk"}), claims=dict(claims or {})
    )


@asynccontextmanager
async def running_actions(
    bank: Bank, toml: str, store: Store | None = None, *, patience_s: float = 5.0
) -> AsyncGenerator[ActionRunner]:
    """A runner over actions that fit the bank, with a store of its own unless one is given."""
    file = bank.path.parent / "actions.toml"
    file.write_text(toml)
    actions = load_actions(file, "sqlite")
    engine = SqliteEngine("bank", DatabaseConfig(url=f"sqlite:///{bank.path}"), Limits())
    own = store or open_store(f"sqlite:///{bank.path.parent / 'store.db'}")
    await own.start()
    await check_actions(engine, file, actions)
    runner = ActionRunner(engine, actions, Ledger(own, patience_s))
    try:
        yield runner
    finally:
        await runner.close()
        await engine.close()
        if store is None:
            await own.close()
