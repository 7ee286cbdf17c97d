"""The ledger of sent mails in PostgreSQL: two replicas, one of which may die, send nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from support.sending import ADA, GENEROUS, account_at, sender_in, wanted, yes
from support.smtp_server import call, drop, smtp_server

from mcp_email.errors import KeyReused, ProbableDuplicate, StillSending
from mcp_email.sending.sender import Sender
from mcp_email.sending.store import PostgresStore, open_store
from shared.errors import BadSetup

pytestmark = pytest.mark.postgres


@pytest.fixture
def replicas(tmp_path: Path, postgres_url: str) -> Generator[list[Sender]]:
    stores = [open_store(postgres_url) for _ in range(2)]
    senders: list[Sender] = []
    for number, store in enumerate(stores):
        (tmp_path / f"{number}").mkdir()
        senders.append(sender_in(tmp_path / f"{number}", store=store))
    yield senders
    for store in stores:
        store.close()


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
