"""What declared actions do to a database: all of it or nothing, as previewed, within the caller's own values."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.actions import TRANSFER, Bank, clerk, make_bank, running_actions

from mcp_dbquery.actions.runner import ActionRunner
from mcp_dbquery.engine import ChangeTransaction
from mcp_dbquery.errors import ActionFailed, ActionRefused, DatabaseAway, OutcomeUnknown, StoreAway
from mcp_dbquery.results import ActionResult
from mcp_dbquery.sqlite import file as sqlite_file
from mcp_dbquery.sqlite.engine import SqliteEngine
from mcp_dbquery.store import Entry, SqliteBackend, Store, open_store
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal

MOVE = {"source": 1, "target": 2, "amount": 30.5}


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return make_bank(tmp_path)


def balances(bank: Bank) -> list[Any]:
    return bank.rows("SELECT balance FROM accounts ORDER BY id")


async def test_several_statements_are_done_together(bank: Bank) -> None:
    async with running_actions(bank, TRANSFER) as runner:
        result = await runner.do("transfer", MOVE, clerk(), "k")
    assert result.summary == "Moved 30.5 from account 1 to account 2."
    assert balances(bank) == [(69.5,), (80.5,), (900.0,)]
    assert bank.rows("SELECT source, target, amount, made_by FROM transfers") == [
        (1, 2, 30.5, "ada")
    ]


async def test_the_preview_shows_old_and_worked_out_new_of_every_row(bank: Bank) -> None:
    before = bank.fingerprint()
    async with running_actions(bank, TRANSFER) as runner:
        preview = await runner.preview("transfer", MOVE, clerk())
    assert preview.summary == "Move 30.5 from account 1 to account 2"
    assert [(change.item, change.old, change.new) for change in preview.changes] == [
        ("Account 1", 100.0, 69.5),
        ("Account 2", 50.0, 80.5),
    ]
    assert bank.fingerprint() == before


@pytest.mark.parametrize(
    ("arguments", "caller", "why"),
    [
        ({**MOVE, "target": 99}, clerk(), "statement 2: 0 rows .* instead of 1"),
        ({**MOVE, "target": 3}, clerk(), "statement 2: 0 rows"),  # another tenant's account
        ({**MOVE, "amount": 100.01}, clerk(), "break a rule of the database"),
        (MOVE, clerk(tenant="rival"), "There are no such accounts"),
    ],
)
async def test_when_one_statement_does_not_fit_nothing_is_changed(
    bank: Bank, arguments: dict[str, Any], caller: Principal, why: str
) -> None:
    before = bank.fingerprint()
    async with running_actions(bank, TRANSFER) as runner:
        with pytest.raises(ActionFailed, match=why):
            await runner.do("transfer", arguments, caller, "k")
        assert bank.fingerprint() == before
        if caller.tenant == "acme":  # the key is free again
            assert not (await runner.do("transfer", MOVE, caller, "k")).repeated


CLOSE = """
[actions.close_accounts]
title = "Close accounts"
description = "Close all accounts below a balance."
roles = ["clerk"]
statement = "UPDATE accounts SET closed_on = :day WHERE balance < :below"
expected_rows = { min = 1, max = 2, as_previewed = true }
preview = "SELECT id, balance, closed_on FROM accounts WHERE balance < :below ORDER BY id"
preview_rows = 10
item = "Account {id} with {balance}"
summary = "Close {count} accounts"
done = "Closed {count} accounts."
missing = "No account has less than {below}."
changes = [{ field = "closed on", old = "closed_on", new = "day" }]

[actions.close_accounts.parameters]
below = { type = "integer", description = "The balance." }
day = { type = "date", description = "When.", optional = true, default = 2026-11-21 }
"""


async def test_a_range_of_rows_may_be_touched_and_no_more(bank: Bank) -> None:
    async with running_actions(bank, CLOSE) as runner:
        preview = await runner.preview("close_accounts", {"below": 200}, clerk())
        assert preview.summary == "Close 2 accounts"
        assert [change.new for change in preview.changes] == ["2026-11-21", "2026-11-21"]
        before = bank.fingerprint()
        with pytest.raises(ActionFailed, match="3 rows would have been touched"):
            await runner.do("close_accounts", {"below": 1000}, clerk(), None)
        assert bank.fingerprint() == before
        result = await runner.do("close_accounts", {"below": 200}, clerk(), None)
    assert result.summary == "Closed 2 accounts."
    assert bank.rows("SELECT count(*) FROM accounts WHERE closed_on = '2026-11-21'") == [(2,)]


async def test_rows_that_were_not_previewed_are_not_touched(bank: Bank) -> None:
    narrow = CLOSE.replace("balance < :below ORDER", "balance < :below AND id = 1 ORDER")
    before = bank.fingerprint()
    async with running_actions(bank, narrow) as runner:
        with pytest.raises(
            ActionFailed, match=r"2 rows .* instead of the 1 that the preview finds"
        ):
            await runner.do("close_accounts", {"below": 200}, clerk(), None)
    assert bank.fingerprint() == before


async def test_a_preview_of_many_rows_says_how_many_are_left_out(bank: Bank) -> None:
    async with running_actions(
        bank, CLOSE.replace("preview_rows = 10", "preview_rows = 2")
    ) as runner:
        preview = await runner.preview("close_accounts", {"below": 1000}, clerk())
    assert preview.summary == "Close 3 accounts (the first 2 are shown, and 1 more)"
    assert len(preview.changes) == 2


async def test_an_action_for_one_row_does_nothing_when_two_are_concerned(bank: Bank) -> None:
    one = CLOSE.replace("preview_rows = 10", "preview_rows = 1")
    before = bank.fingerprint()
    async with running_actions(bank, one) as runner:
        for attempt in (
            runner.preview("close_accounts", {"below": 200}, clerk()),
            runner.do("close_accounts", {"below": 200}, clerk(), None),
        ):
            with pytest.raises(ActionFailed, match="more than one row is concerned"):
                await attempt
    assert bank.fingerprint() == before


RENAME = """
[actions.note]
title = "Note something about a person"
description = "Set the notes of a person."
roles = ["clerk"]
statement = "UPDATE people SET notes = :notes WHERE id = :person AND tenant = :tenant"
preview = "SELECT id, name, notes AS old_notes FROM people WHERE id = :person"
item = "{name}"
summary = "Note “{notes}” about {person}"
done = "Noted about {person}."
missing = "There is nobody like that."
changes = [{ field = "notes", old = "old_notes", new = "notes" }]

[actions.note.parameters.person]
type = "lookup"
description = "Whom."
query = '''
SELECT id, name, town FROM people WHERE tenant = :tenant AND (name = :value OR name || ', ' || town = :value)
ORDER BY id
'''
near = "SELECT name FROM people WHERE tenant = 'acme'"

[actions.note.parameters.notes]
type = "text"
description = "What."
optional = true
"""


async def test_a_name_stands_for_the_one_row_it_fits(bank: Bank) -> None:
    async with running_actions(bank, RENAME) as runner:
        given = {"person": "Grace Hopper", "notes": "Compilers."}
        preview = await runner.preview("note", given, clerk())
        assert preview.summary == "Note “Compilers.” about Grace Hopper, New York"
        result = await runner.do("note", given, clerk(), "k")
        assert result.summary == "Noted about Grace Hopper, New York."
        assert bank.rows("SELECT id FROM people WHERE notes = 'Compilers.'") == [(3,)]
        again = await runner.do("note", given, clerk(), "k")
        assert again.repeated


async def test_what_may_be_left_out_is_bound_as_null(bank: Bank) -> None:
    async with running_actions(bank, RENAME) as runner:
        await runner.do("note", {"person": "Grace Hopper", "notes": "x"}, clerk(), None)
        result = await runner.do("note", {"person": "Grace Hopper"}, clerk(), None)
    assert (result.changes[0].old, result.changes[0].new) == ("x", None)
    assert bank.rows("SELECT notes FROM people WHERE id = 3") == [(None,)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Grace Hoper", "no person fits “Grace Hoper”. Did you mean Grace Hopper?"),
        ("Nobody at all", "no person fits “Nobody at all”."),
        # A name of another tenant, and one that is near it, read the same as one that is not there.
        ("Edsger Dijkstra", "no person fits “Edsger Dijkstra”."),
        ("Edsger Dijkstr", "no person fits “Edsger Dijkstr”."),
        (
            "Ada Lovelace",
            "“Ada Lovelace” fits more than one person: Ada Lovelace, London; Ada Lovelace, Zürich.",
        ),
    ],
)
async def test_a_name_that_fits_none_or_several_changes_nothing(
    bank: Bank, given: str, said: str
) -> None:
    before = bank.fingerprint()
    async with running_actions(bank, RENAME) as runner:
        for attempt in (
            runner.preview("note", {"person": given, "notes": "x"}, clerk()),
            runner.do("note", {"person": given, "notes": "x"}, clerk(), "k"),
        ):
            with pytest.raises(ActionFailed) as failed:
                await attempt
            assert said in str(failed.value)
            assert ("Did you mean" in str(failed.value)) == ("Did you mean" in said)
            assert "Edsger" not in str(failed.value).replace(given, "")
    assert bank.fingerprint() == before


async def test_several_that_look_alike_are_told_apart_by_their_value(bank: Bank) -> None:
    alike = RENAME.replace('near = "', 'shows = "{name}"\nnear = "')
    async with running_actions(bank, alike) as runner:
        with pytest.raises(ActionFailed, match=r"Ada Lovelace \[1\]; Ada Lovelace \[4\]"):
            await runner.preview("note", {"person": "Ada Lovelace"}, clerk())


async def test_a_near_name_that_the_caller_may_not_read_is_not_told(bank: Bank) -> None:
    unreadable = RENAME.replace(
        "SELECT name FROM people WHERE", "SELECT name FROM sqlite_master WHERE"
    )
    async with running_actions(bank, unreadable) as runner:
        with pytest.raises(ActionFailed) as failed:
            await runner.preview("note", {"person": "Grace Hoper"}, clerk())
    assert "Did you mean" not in str(failed.value)


REGION = CLOSE.replace(
    "WHERE balance < :below", "WHERE balance < :below AND tenant = :claim_region"
)


async def test_claims_of_the_token_are_bound_and_a_missing_one_refuses(bank: Bank) -> None:
    async with running_actions(bank, REGION) as runner:
        with pytest.raises(ActionRefused, match="does not say your region"):
            await runner.do("close_accounts", {"below": 1000}, clerk(), None)
        told = clerk(claims={"region": "rival"})
        assert (await runner.do("close_accounts", {"below": 1000}, told, None)).summary == (
            "Closed 1 accounts."
        )
    assert bank.rows("SELECT id FROM accounts WHERE closed_on IS NOT NULL") == [(3,)]


async def test_arguments_cannot_stand_for_the_caller(bank: Bank) -> None:
    before = bank.fingerprint()
    async with running_actions(bank, TRANSFER) as runner:
        for name in ("tenant", "subject", "claim_region"):
            with pytest.raises(InvalidArguments):
                await runner.do("transfer", {**MOVE, name: "rival"}, clerk(), None)
    assert bank.fingerprint() == before


async def test_what_people_are_shown_is_bounded_text_on_one_line(bank: Bank) -> None:
    evil = "Ada\u202e\n\x1b[31mRoot\U000e0041 " + "x" * 5_000
    connection = sqlite3.connect(bank.path)
    connection.execute("UPDATE people SET name = ?, notes = ? WHERE id = 3", (evil, evil))
    connection.commit()
    connection.close()
    by_id = RENAME.replace("about {person}", "about {name}, {person}").replace(
        "name = :value OR", "CAST(id AS TEXT) = :value OR"
    )
    async with running_actions(bank, by_id) as runner:
        preview = await runner.preview("note", {"person": "3"}, clerk())
    for text in (preview.summary, preview.changes[0].item):
        assert text.isprintable()
        assert len(text) < 700
    old = preview.changes[0].old
    assert isinstance(old, str)
    assert len(old) <= 4_096
    assert not set(old) & set("\u202e\x1b\U000e0041")


# Under one key, on more than one replica


@asynccontextmanager
async def two_replicas(bank: Bank, store_url: str, **options: Any) -> AsyncGenerator[list[Any]]:
    stores = [open_store(store_url), open_store(store_url)]
    async with (
        running_actions(bank, TRANSFER, stores[0], **options) as first,
        running_actions(bank, TRANSFER, stores[1], **options) as second,
    ):
        yield [first, second]
    for store in stores:
        await store.close()


class WatchedStore(Store):
    """Tells when a key was claimed."""

    def __init__(self, watched: Store, claimed: asyncio.Event) -> None:
        super().__init__(watched.backend)
        self._claimed = claimed

    async def claim(
        self, caller: Principal, key: str, action: str, arguments_digest: str
    ) -> Entry | None:
        entry = await super().claim(caller, key, action, arguments_digest)
        if entry is None:
            self._claimed.set()
        return entry


def watch_claims(runner: ActionRunner) -> asyncio.Event:
    claimed = asyncio.Event()
    runner.ledger.store = WatchedStore(runner.ledger.store, claimed)
    return claimed


async def test_many_sends_with_one_key_to_two_replicas_are_done_once(
    bank: Bank, store_url: str
) -> None:
    async with two_replicas(bank, store_url) as runners:
        results: list[ActionResult] = await asyncio.gather(
            *(runner.do("transfer", MOVE, clerk(), "k") for runner in runners for _ in range(6))
        )
    assert sorted(result.repeated for result in results) == [False] + [True] * 11
    assert len({result.summary for result in results}) == 1
    assert balances(bank) == [(69.5,), (80.5,), (900.0,)]


async def test_a_repeat_elsewhere_does_not_overtake_an_action_that_hangs(
    bank: Bank, store_url: str
) -> None:
    async with two_replicas(bank, store_url, patience_s=0) as (first, second):
        claimed = watch_claims(first)
        blocker = sqlite3.connect(bank.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        sent = asyncio.create_task(first.do("transfer", MOVE, clerk(), "k"))
        await claimed.wait()
        with pytest.raises(OutcomeUnknown, match="not over yet"):
            await second.do("transfer", MOVE, clerk(), "k")
        blocker.execute("ROLLBACK")
        blocker.close()
        assert not (await sent).repeated
        assert (await second.do("transfer", MOVE, clerk(), "k")).repeated
    assert len(bank.rows("SELECT * FROM transfers")) == 1


async def test_persons_and_tenants_have_keys_of_their_own(bank: Bank) -> None:
    bob = Principal(subject="bob", tenant="acme", roles=frozenset({"clerk"}))
    async with running_actions(bank, TRANSFER) as runner:
        for caller in (clerk(), bob):
            assert not (await runner.do("transfer", MOVE, caller, "k")).repeated
    assert len(bank.rows("SELECT * FROM transfers")) == 2


@pytest.mark.parametrize("key", ["a\x00b", "k" * 201, "\ud800", "a\nb"])
async def test_a_key_that_no_store_could_keep_is_refused(bank: Bank, key: str) -> None:
    before = bank.fingerprint()
    async with running_actions(bank, TRANSFER) as runner:
        with pytest.raises(ActionRefused, match="idempotency key"):
            await runner.do("transfer", MOVE, clerk(), key)
    assert bank.fingerprint() == before


# When something breaks


class FlakyBackend(SqliteBackend):
    """A store that is away for statements that begin with a word."""

    away: str = ""

    async def run(self, sql: str, values: Any) -> Any:
        if self.away and sql.startswith(self.away):
            raise StoreAway("The server's own store cannot be used right now.")
        return await super().run(sql, values)


async def test_while_the_store_is_away_nothing_is_done(bank: Bank) -> None:
    store = open_store("sqlite:////unused")
    backend = store.backend = FlakyBackend(bank.path.parent / "store.db")
    before = bank.fingerprint()
    async with running_actions(bank, TRANSFER, store) as runner:
        backend.away = "INSERT"
        with pytest.raises(StoreAway, match="Nothing was changed"):
            await runner.do("transfer", MOVE, clerk(), "k")
        assert bank.fingerprint() == before
        backend.away = ""
        assert not (await runner.do("transfer", MOVE, clerk(), "k")).repeated


async def test_what_could_not_be_noted_was_done_and_is_not_done_again(bank: Bank) -> None:
    store = open_store("sqlite:////unused")
    backend = store.backend = FlakyBackend(bank.path.parent / "store.db")
    async with running_actions(bank, TRANSFER, store, patience_s=0) as runner:
        backend.away = "UPDATE"
        assert (await runner.do("transfer", MOVE, clerk(), "k")).summary.startswith("Moved")
        backend.away = ""
        with pytest.raises(OutcomeUnknown):
            await runner.do("transfer", MOVE, clerk(), "k")
        assert (await runner.ledger.status(clerk(), "k")).answer == "unknown"
    assert len(bank.rows("SELECT * FROM transfers")) == 1


class LostCommit(SqliteEngine):
    """An engine whose connection breaks after the commit and before its answer."""

    @asynccontextmanager
    async def changing(self, caller: Principal) -> AsyncGenerator[ChangeTransaction]:
        async with super().changing(caller) as transaction:
            yield transaction
        raise OutcomeUnknown("The connection broke during the commit.")


async def test_a_commit_without_an_answer_is_unknown_and_never_repeated(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.actions.SqliteEngine", LostCommit)
    async with running_actions(bank, TRANSFER, patience_s=0) as runner:
        for _ in range(3):
            with pytest.raises(OutcomeUnknown):
                await runner.do("transfer", MOVE, clerk(), "k")
    assert len(bank.rows("SELECT * FROM transfers")) == 1


async def test_a_stop_waits_for_the_write_under_way_and_begins_no_other(bank: Bank) -> None:
    async with running_actions(bank, TRANSFER) as runner:
        claimed = watch_claims(runner)
        blocker = sqlite3.connect(bank.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        sent = asyncio.create_task(runner.do("transfer", MOVE, clerk(), "k"))
        await claimed.wait()
        sent.cancel()  # its caller goes away, too
        stopping = asyncio.create_task(runner.close())
        await asyncio.sleep(0)
        with pytest.raises(DatabaseAway, match="stopping"):
            await runner.do("transfer", MOVE, clerk(), "other")
        assert not stopping.done()
        blocker.execute("ROLLBACK")
        blocker.close()
        await stopping
        assert len(bank.rows("SELECT * FROM transfers")) == 1
        assert (await runner.ledger.status(clerk(), "k")).answer == "done"


async def test_a_stop_does_not_wait_for_ever(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_S", 0.3)
    async with running_actions(bank, TRANSFER) as runner:
        blocker = sqlite3.connect(bank.path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        sent = asyncio.create_task(runner.do("transfer", MOVE, clerk(), None))
        await asyncio.sleep(0)
        await runner.close(within_s=0)
        assert not sent.done()
        with pytest.raises(ActionFailed, match="busy"):
            await sent
        blocker.close()


async def test_every_attempt_leaves_one_event_without_values(bank: Bank) -> None:
    async with running_actions(bank, TRANSFER, patience_s=0) as runner:
        with structlog.testing.capture_logs() as events:
            await runner.do("transfer", MOVE, clerk(), "secret-key")
            await runner.do("transfer", MOVE, clerk(), "secret-key")
            with pytest.raises(ActionRefused):
                await runner.do("transfer", {**MOVE, "amount": 1}, clerk(), "secret-key")
            with pytest.raises(ActionFailed):
                await runner.do("transfer", {**MOVE, "target": 99}, clerk(), None)
    assert [(event["event"], event["decision"], event["rows"]) for event in events] == [
        ("action_ended", "done", 3),
        ("action_ended", "repeated", None),
        ("action_ended", "refused", None),
        ("action_ended", "failed", None),
    ]
    assert {event["person"] for event in events} == {"ada"}
    assert len({event["arguments_digest"] for event in events}) == 3
    assert "secret-key" not in json.dumps(events)
    assert "30.5" not in json.dumps(events)


async def test_a_named_destructive_action_deletes_what_it_declares(bank: Bank) -> None:
    toml = CLOSE.replace(
        "UPDATE accounts SET closed_on = :day WHERE balance < :below",
        "DELETE FROM accounts WHERE balance < :below AND :day > '2026'",
    )
    toml = toml.replace("preview_rows", 'allow_destructive = ["DELETE"]\npreview_rows')
    async with running_actions(bank, toml) as runner:
        assert runner.actions["close_accounts"].is_destructive
        await runner.do("close_accounts", {"below": 200}, clerk(), None)
    assert bank.rows("SELECT id FROM accounts") == [(3,)]
