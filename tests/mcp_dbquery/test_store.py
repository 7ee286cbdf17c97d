"""The server's own store, on SQLite and on PostgreSQL: keys are claimed once, people's queries are theirs."""

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from mcp_dbquery.errors import NameTaken, StoreAway, TooManySaved
from mcp_dbquery.store import KEPT, StoredQuery, open_store
from shared.errors import BadSetup
from shared.service_tokens import Principal

ADA = Principal(subject="ada", tenant="acme")
OTHERS = [Principal(subject="bob", tenant="acme"), Principal(subject="ada", tenant="rival")]
QUERY = StoredQuery("busy", "shop", "Busy people", "SELECT :n", '{"n": 1}')


async def test_a_key_is_claimed_once_whichever_replica_is_asked(store_url: str) -> None:
    replicas = [open_store(store_url) for _ in range(3)]
    await asyncio.gather(*(replica.start() for replica in replicas))  # all at once, all on nothing
    claims = await asyncio.gather(
        *(replica.claim(ADA, "k", "pay", "digest") for replica in replicas for _ in range(6))
    )
    assert claims.count(None) == 1
    assert {claim.action for claim in claims if claim} == {"pay"}
    for replica in replicas:
        await replica.close()


async def test_a_key_ends_with_its_result_and_is_free_again_when_released(store_url: str) -> None:
    store = open_store(store_url)
    await store.start()
    assert await store.claim(ADA, "k", "pay", "d") is None
    await store.release(ADA, "k")
    assert await store.claim(ADA, "k", "pay", "d") is None
    await store.end(ADA, "k", "paid")
    await store.release(ADA, "k")  # too late: what was done stays known
    known = await store.claim(ADA, "k", "pay", "d")
    assert known is not None
    assert known.result == "paid"
    for other in OTHERS:
        assert await store.claim(other, "k", "pay", "d") is None
    await store.close()


async def test_keys_are_forgotten_after_ninety_days_and_not_before(store_url: str) -> None:
    store = open_store(store_url)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    store.now = lambda: now
    await store.start()
    await store.claim(ADA, "old", "pay", "d")
    now += KEPT - timedelta(hours=1)
    assert await store.claim(ADA, "old", "pay", "d") is not None
    now += timedelta(days=2)
    assert await store.claim(ADA, "old", "pay", "d") is None
    await store.close()


async def test_what_is_stored_is_there_after_a_restart(store_url: str) -> None:
    for expected in (None, "paid"):
        store = open_store(store_url)
        await store.start()
        known = await store.claim(ADA, "k", "pay", "d")
        assert (known and known.result) == expected
        await store.end(ADA, "k", "paid")
        await store.close()


async def test_saved_queries_are_their_owners(store_url: str) -> None:
    store = open_store(store_url)
    await store.start()
    await store.save_query(ADA, QUERY)
    assert await store.list_queries(ADA) == [QUERY]
    assert await store.find_query(ADA, "busy") == QUERY
    for other in OTHERS:
        assert await store.list_queries(other) == []
        assert await store.find_query(other, "busy") is None
        assert not await store.remove_query(other, "busy")
    with pytest.raises(NameTaken):
        await store.save_query(ADA, StoredQuery("busy", "shop", "Other", "SELECT 2", "{}"))
    assert await store.find_query(ADA, "busy") == QUERY
    assert await store.remove_query(ADA, "busy")
    assert await store.list_queries(ADA) == []
    await store.close()


async def test_nobody_saves_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_dbquery.store.MAX_SAVED_QUERIES", 3)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await store.start()
    for number in range(3):
        await store.save_query(ADA, StoredQuery(f"q{number}", "shop", "", "SELECT 1", "{}"))
    with pytest.raises(TooManySaved):
        await store.save_query(ADA, QUERY)


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "my store.db"
    await open_store(f"sqlite:///{tmp_path}/new%20folder/my store.db").start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.postgres
async def test_a_login_that_may_not_create_will_do_when_the_tables_are_there(
    postgres_store_url: str,
) -> None:
    await _made(postgres_store_url)
    with psycopg.connect(postgres_store_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS store_login")
        connection.execute("CREATE ROLE store_login LOGIN")
        connection.execute("GRANT USAGE ON SCHEMA public TO store_login")
        connection.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO store_login"
        )
    store = open_store(postgres_store_url.replace("//postgres", "//store_login", 1))
    await store.start()
    assert await store.claim(ADA, "k", "pay", "d") is None
    await store.close()


async def _made(url: str) -> None:
    store = open_store(url)
    await store.start()
    await store.close()


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "sqlite:///", "redis://x", "postgresql:", "mysql://u:hunter2@h/d", "/tmp/x"],
)
def test_a_url_of_another_kind_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadSetup, match="sqlite:////absolute") as refused:
        open_store(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/no/store.db", "postgresql://bob:hunter2@127.0.0.1:1/none?connect_timeout=2"],
)
async def test_a_store_that_cannot_be_reached_stops_the_start(url: str) -> None:
    with pytest.raises(BadSetup, match="cannot be") as refused:
        await open_store(url).start()
    assert "hunter2" not in str(refused.value)


async def test_a_store_that_goes_away_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await store.start()
    assert await store.problem() is None
    (tmp_path / "store.db").unlink()
    assert await store.problem() is not None
    with pytest.raises(StoreAway):
        await store.claim(ADA, "k", "pay", "d")
