"""Declared actions on a real PostgreSQL: its types, its transactions, its own compiler."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from support.actions import clerk

from mcp_dbquery.actions.check import check_actions
from mcp_dbquery.actions.file import load_actions
from mcp_dbquery.actions.ledger import Ledger
from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.config import DatabaseConfig, Limits
from mcp_dbquery.errors import ActionFailed
from mcp_dbquery.postgres.engine import PostgresEngine
from mcp_dbquery.store import open_store
from shared.errors import BadSetup

pytestmark = pytest.mark.postgres

BANK = """
CREATE TABLE people (id uuid PRIMARY KEY, name text NOT NULL, town text NOT NULL, tenant text NOT NULL,
  joined date, seen timestamptz, active boolean);
INSERT INTO people VALUES
  ('00000000-0000-4000-8000-000000000001', 'Ada Lovelace', 'London', 'acme'),
  ('00000000-0000-4000-8000-000000000003', 'Grace Hopper', 'New York', 'acme'),
  ('00000000-0000-4000-8000-000000000004', 'Ada Lovelace', 'Zürich', 'acme');
CREATE TABLE accounts (id int PRIMARY KEY, balance numeric(20, 2) NOT NULL CHECK (balance >= 0), tenant text NOT NULL);
INSERT INTO accounts VALUES (1, 100.10, 'acme'), (2, 50.20, 'acme'), (3, 900, 'rival');
CREATE TABLE transfers (id serial PRIMARY KEY, source int, target int, amount numeric(20, 2), made_by text);
GRANT USAGE ON SCHEMA public TO bank_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO bank_reader;
"""

ACTIONS = """
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
SELECT id, balance, balance + CASE id WHEN :source THEN -(:amount::numeric) ELSE :amount END AS later
FROM accounts WHERE id IN (:source, :target) AND tenant = :tenant ORDER BY id;
'''
preview_rows = 2
item = "Account {id}"
summary = "Move {amount} from account {source} to account {target}"
done = "Moved {amount} from account {source} to account {target}."
missing = "There are no such accounts."
changes = [{ field = "balance", old = "balance", new = "later" }]
[actions.transfer.parameters]
source = { type = "integer", description = "From.", minimum = 1 }
target = { type = "integer", description = "To.", minimum = 1 }
amount = { type = "number", description = "How much.", minimum = 0.01, maximum = 1e6 }

[actions.meet]
title = "Meet a person"
description = "Note when a person was met."
roles = ["clerk"]
statement = '''
UPDATE people SET joined = :joined, seen = :seen::timestamptz, active = :active WHERE id = :person AND tenant = :tenant
'''
preview = "SELECT id, name, seen AS old_seen FROM people WHERE id = :person"
item = "{name}"
summary = "Met {person}"
done = "Met {person}."
missing = "Nobody."
changes = [{ field = "seen", old = "old_seen", new = "seen" }]
[actions.meet.parameters]
joined = { type = "date", description = "Since.", optional = true }
seen = { type = "timestamp", description = "When." }
active = { type = "boolean", description = "Whether." }
[actions.meet.parameters.person]
type = "lookup"
description = "Whom."
query = '''
SELECT id, name, town FROM people WHERE tenant = :tenant AND (name = :value OR name || ', ' || town = :value)
ORDER BY town
'''
near = "SELECT name FROM people"

[actions.touch_all]
title = "Touch all"
description = "Touch every account."
roles = ["clerk"]
statement = "UPDATE accounts SET balance = balance WHERE id > :least"
expected_rows = { min = 1, max = 2 }
preview = "SELECT id FROM accounts WHERE id > :least"
preview_rows = 2
item = "{id}"
summary = "{count}"
done = "{count}"
missing = "None."
changes = [{ field = "id", new = "id" }]
parameters.least = { type = "integer", description = "d" }
"""


@dataclass
class Bank:
    owner_url: str
    directory: Path

    def config(self) -> DatabaseConfig:
        reader = make_url(self.owner_url).set(username="bank_reader", password="reads")
        return DatabaseConfig(
            url=reader.render_as_string(hide_password=False),
            actions_url=self.owner_url,
            direct=True,
        )

    def rows(self, sql: str) -> list[Any]:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture
def bank(postgres_store_url: str, tmp_path: Path) -> Bank:
    with psycopg.connect(postgres_store_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS bank_reader")
        connection.execute("CREATE ROLE bank_reader LOGIN PASSWORD 'reads'")
        connection.execute(BANK.encode())
    return Bank(postgres_store_url, tmp_path)


@asynccontextmanager
async def running(bank: Bank, toml: str = ACTIONS) -> AsyncGenerator[ActionRunner]:
    file = bank.directory / "actions.toml"
    file.write_text(toml)
    actions = load_actions(file, "postgresql")
    engine = PostgresEngine("bank", bank.config(), Limits(timeout_s=5))
    store = open_store(bank.owner_url)
    await store.start()
    try:
        await engine.start()
        await check_actions(engine, file, actions)
        runner = ActionRunner(engine, actions, Ledger(store))
        yield runner
        await runner.close()
    finally:
        await engine.close()
        await store.close()


MOVE = {"source": 1, "target": 2, "amount": 0.2}


async def test_money_stays_exact_and_is_moved_once_by_two_replicas(bank: Bank) -> None:
    async with running(bank) as first, running(bank) as second:
        preview = await first.preview("transfer", MOVE, clerk())
        assert [str(change.new) for change in preview.changes] == ["99.9", "50.4"]
        results = await asyncio.gather(
            *(runner.do("transfer", MOVE, clerk(), "k") for runner in (first, second) * 4)
        )
    assert sum(not result.repeated for result in results) == 1
    assert [str(row[0]) for row in bank.rows("SELECT balance FROM accounts ORDER BY id")] == [
        "99.90",
        "50.40",
        "900.00",
    ]
    assert bank.rows("SELECT amount::text, made_by FROM transfers") == [("0.20", "ada")]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({**MOVE, "target": 3}, "statement 2: 0 rows"),
        ({**MOVE, "amount": 100.11}, "Nothing was changed"),
        ({**MOVE, "source": 3, "target": 99}, "no such accounts"),
    ],
)
async def test_what_does_not_fit_changes_nothing(
    bank: Bank, arguments: dict[str, Any], why: str
) -> None:
    before = bank.rows("SELECT * FROM accounts ORDER BY id")
    async with running(bank) as runner:
        with pytest.raises(ActionFailed, match=why):
            await runner.do("transfer", arguments, clerk(), "k")
        assert bank.rows("SELECT * FROM accounts ORDER BY id") == before
        assert bank.rows("SELECT * FROM transfers") == []
        assert not (await runner.do("transfer", MOVE, clerk(), "k")).repeated


async def test_values_of_every_type_arrive_and_names_are_looked_up(bank: Bank) -> None:
    met = {"seen": "2026-11-21T10:30:00+01:00", "active": True}
    async with running(bank) as runner:
        result = await runner.do("meet", {**met, "person": "Grace Hopper"}, clerk(), None)
        assert result.summary == "Met Grace Hopper, New York."
        with pytest.raises(ActionFailed, match="Ada Lovelace, London; Ada Lovelace, Zürich"):
            await runner.do("meet", {**met, "person": "Ada Lovelace"}, clerk(), None)
        with pytest.raises(ActionFailed, match=r"Did you mean Grace Hopper\?"):
            await runner.do("meet", {**met, "person": "Grace Hoper"}, clerk(), None)
    assert bank.rows(
        "SELECT name, joined, (seen AT TIME ZONE 'UTC')::text, active FROM people WHERE seen IS NOT NULL"
    ) == [("Grace Hopper", None, "2026-11-21 09:30:00", True)]


async def test_many_rows_are_counted_and_bounded(bank: Bank) -> None:
    async with running(bank) as runner:
        preview = await runner.preview("touch_all", {"least": 0}, clerk())
        assert preview.summary == "3 (the first 2 are shown, and 1 more)"
        with pytest.raises(ActionFailed, match="3 rows would have been touched instead of 1 to 2"):
            await runner.do("touch_all", {"least": 0}, clerk(), None)
        assert (await runner.do("touch_all", {"least": 1}, clerk(), None)).summary == "2"


async def test_a_definition_that_is_named_runs_in_the_transaction(bank: Bank) -> None:
    toml = ACTIONS.replace(
        'statement = "UPDATE accounts SET balance = balance WHERE id > :least"\nexpected_rows = { min = 1, max = 2 }',
        'allow_destructive = ["TRUNCATE"]\nstatements = [{ sql = "TRUNCATE transfers" },\n'
        '  { sql = "UPDATE accounts SET balance = balance WHERE id > :least" }]',
    )
    async with running(bank, toml) as runner:
        await runner.do("transfer", MOVE, clerk(), None)
        with pytest.raises(ActionFailed, match="statement 2: 2 rows"):
            await runner.do("touch_all", {"least": 1}, clerk(), None)
        assert len(bank.rows("SELECT * FROM transfers")) == 1
        await runner.do("touch_all", {"least": 2}, clerk(), None)
    assert bank.rows("SELECT * FROM transfers") == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "UPDATE accounts SET balance = balance +",
            "UPDATE savings SET balance = balance +",
            "statements.2",
        ),
        ("SELECT id, name, town", "SELECT id, name, city", "parameters.person.query"),
        ("seen AS old_seen", "seen AS other", "changes.old names old_seen"),
    ],
)
async def test_what_does_not_fit_the_database_stops_the_start(
    bank: Bank, old: str, new: str, complaint: str
) -> None:
    assert old in ACTIONS
    with pytest.raises(BadSetup, match=complaint):
        async with running(bank, ACTIONS.replace(old, new)):
            raise NotImplementedError
