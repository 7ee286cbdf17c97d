"""The ledger of sent mails in PostgreSQL: two replicas, one of which may die, send nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from support.sending import ADA, GENEROUS, account_at, sender_in, wanted, yes
from support.smtp_server import call, drop, smtp_server

from mcp_email.errors import KeyReused, LedgerAway, ProbableDuplicate, StillSending
from mcp_email.sending import store
from mcp_email.sending.sender import Sender
from mcp_email.sending.store import PostgresStore
from shared.errors import BadSetup

pytestmark = pytest.mark.postgres


@pytest.fixture
def replicas(tmp_path: Path, postgres_url: str) -> Generator[list[Sender]]:
    stores = [store.open_store(postgres_url) for _ in range(2)]
    senders: list[Sender] = []
    for number, one in enumerate(stores):
        (tmp_path / f"{number}").mkdir()
        senders.append(sender_in(tmp_path / f"{number}", store=one))
    yield senders
    for one in stores:
        one.close()


async def test_twenty_calls_over_two_replicas_deliver_once(replicas: list[Sender]) -> None:
    async with smtp_server() as server:
        account = account_at(server.port)
        results = await asyncio.gather(
            *(replicas[n % 2].send(ADA, account, wanted(), "k", yes) for n in range(20))
        )
        with pytest.raises(KeyReused):
            await replicas[1].send(ADA, account, wanted(subject="Other"), "k", yes)
        await replicas[0].send(ADA, account, wanted(subject="Third"), None, yes)
        with pytest.raises(ProbableDuplicate):
            await replicas[1].send(ADA, account, wanted(subject="Third"), None, yes)
    assert {result.status for result in results} == {"sent"}
    assert len({result.message_id for result in results}) == 1
    assert sorted(server.delivered.values()) == [1, 1]


async def test_quotas_hold_over_replicas(replicas: list[Sender]) -> None:
    async with smtp_server() as server:
        account = account_at(server.port, limits=GENEROUS.model_copy(update={"sends_a_minute": 3}))
        results = await asyncio.gather(
            *(replicas[n % 2].send(ADA, account, wanted(), f"{n}", yes) for n in range(8)),
            return_exceptions=True,
        )
    assert Counter(type(one).__name__ for one in results) == {"SendResult": 3, "QuotaUsedUp": 5}
    assert len(server.mails) == 3


async def cut_off(sender: Sender, postgres_url: str) -> None:
    """End the replica's session, as its death or a lost network would."""
    worker = int(await asyncio.to_thread(sender.ledger.store.worker))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' "
            "AND classid = %s AND objid = %s",
            [worker >> 32, worker & 0xFFFFFFFF],
        )


async def test_a_replica_that_is_cut_off_stops_and_the_other_sends(
    replicas: list[Sender], postgres_url: str
) -> None:
    async with smtp_server() as server:
        account = account_at(server.port)

        async def meanwhile() -> None:
            await cut_off(replicas[0], postgres_url)
            assert (await replicas[1].send(ADA, account, wanted(), "k", yes)).status == "sent"

        server.when("rcpt", call(meanwhile))
        with pytest.raises(StillSending):
            await replicas[0].send(ADA, account, wanted(), "k", yes)
        again = await replicas[0].send(ADA, account, wanted(), "k", yes)
    assert (again.status, again.replayed) == ("sent", True)
    assert list(server.delivered.values()) == [1]


async def test_a_replica_cut_off_after_the_mail_left_makes_the_outcome_unknown_to_others(
    replicas: list[Sender], postgres_url: str
) -> None:
    async with smtp_server() as server:
        account = account_at(server.port)

        async def meanwhile() -> None:
            await cut_off(replicas[0], postgres_url)
            told = await replicas[1].send(ADA, account, wanted(), "k", yes)
            assert told.status == "unknown"

        server.when("dot", call(meanwhile))
        first = await replicas[0].send(ADA, account, wanted(), "k", yes)
    assert first.status == "sent"
    assert list(server.delivered.values()) == [1]


async def test_a_ledger_that_stands_still_is_away_and_nothing_is_sent(
    replicas: list[Sender], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another replica was stopped in the middle of a transaction, and holds the person's lock."""
    bounded = store._DURABLE_AND_BOUNDED.replace("10s", "200ms")  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(store, "_DURABLE_AND_BOUNDED", bounded)
    async with smtp_server() as server:
        account = account_at(server.port)
        with psycopg.connect(postgres_url) as stopped:
            stopped.execute("SELECT pg_advisory_xact_lock(hashtextextended('home/ada', 1))")
            with pytest.raises(LedgerAway):
                await replicas[0].send(ADA, account, wanted(), "k", yes)
        assert server.mails == []
        assert (await replicas[0].send(ADA, account, wanted(), "k", yes)).status == "sent"


async def test_the_ledger_goes_away_while_the_mail_leaves_and_nothing_is_sent_again(
    replicas: list[Sender], postgres_server: str, postgres_url: str
) -> None:
    """All connections are refused from DATA on, as when the database restarts."""
    name = conninfo_to_dict(postgres_url)["dbname"]

    def open_to_all(is_open: str) -> None:
        with psycopg.connect(postgres_server, autocommit=True) as other:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {is_open}'.encode())
            other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )

    async with smtp_server() as server:
        server.when("dot", call(lambda: asyncio.to_thread(open_to_all, "false")))
        account = account_at(server.port)
        first = await replicas[0].send(ADA, account, wanted(), "k", yes)
        with pytest.raises(LedgerAway):
            await replicas[1].send(ADA, account, wanted(), "k", yes)
        open_to_all("true")
        again = [await one.send(ADA, account, wanted(), "k", yes) for one in replicas]
    assert (first.status, {one.status for one in again}) == ("sent", {"unknown"})
    assert len(server.mails) == 1


async def test_both_replicas_make_the_same_message_ids(replicas: list[Sender]) -> None:
    keys = [await asyncio.to_thread(one.ledger.message_key) for one in replicas]
    assert keys[0] == keys[1]


async def test_a_lost_answer_is_unknown_to_the_other_replica_too(replicas: list[Sender]) -> None:
    async with smtp_server() as server:
        server.when("after", drop())
        account = account_at(server.port)
        results = [await one.send(ADA, account, wanted(), "k", yes) for one in replicas]
    assert [one.status for one in results] == ["unknown", "unknown"]
    assert len(server.mails) == 1


def test_a_database_that_is_not_there_stops_the_start_without_its_password() -> None:
    with pytest.raises(BadSetup) as stopped:
        PostgresStore("postgresql://ada:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(stopped.value)
