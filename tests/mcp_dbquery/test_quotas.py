"""How much one person may ask at once and in a minute, and that others do not wait for them."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest
from support.dbquery import open_desk, person
from support.tool_calls import problem
from support.valkey import Valkey, valkey

from mcp_dbquery.config import Limits
from mcp_dbquery.errors import DatabaseAway, TooBusy
from mcp_dbquery.quotas import WAITING, LocalRate, Quota, SharedRate
from mcp_dbquery.sample.make import SAMPLE_ACTIONS
from shared.local_rate_limit import LocalRateLimit
from shared.rate_limit import RateLimit


class Endless:
    """Counts nothing."""

    async def take(self, person: str) -> None: ...


async def test_a_minutes_statements_may_come_at_once_and_then_one_after_another() -> None:
    now = [100.0]
    rate = LocalRate(LocalRateLimit(30, clock_s=lambda: now[0]))
    for _ in range(30):
        await rate.take("ada")
    with pytest.raises(TooBusy) as refused:
        await rate.take("ada")
    assert refused.value.as_data() == {
        "code": "rate_limited",
        "message": "More than 30 statements in a minute.",
        "retryable": True,
        "retry_after_s": 2,
        "hint": "Wait 2 s, and ask for more with one statement.",
        "details": {"limit": "per_minute", "value": 30},
    }
    await rate.take("bob")
    now[0] += 2
    await rate.take("ada")
    with pytest.raises(TooBusy):
        await rate.take("ada")


@pytest.fixture
def store() -> Generator[Valkey]:
    with valkey() as started:
        yield started


async def test_replicas_count_together_and_fail_closed(store: Valkey) -> None:
    def replica() -> SharedRate:
        return SharedRate(3, RateLimit("t", per_minute=3, burst=3, redis_url=store.url))

    one, other = replica(), replica()
    await one.take("ada")
    await other.take("ada")
    await one.take("ada")
    with pytest.raises(TooBusy) as refused:
        await other.take("ada")
    assert 0 < (refused.value.retry_after_s or 0) <= 20
    store.stop()
    try:
        with pytest.raises(DatabaseAway):
            await one.take("bob")
    finally:
        store.start()


async def test_more_at_once_than_may_run_wait_their_turn_and_more_than_may_wait_are_refused() -> (
    None
):
    quota = Quota(Limits(concurrent=2), Endless())
    running, most, release = 0, 0, asyncio.Event()

    async def statement() -> None:
        nonlocal running, most
        async with quota.statement("ada"):
            running += 1
            most = max(most, running)
            await release.wait()
            running -= 1

    tasks = [asyncio.create_task(statement()) for _ in range(2 * (1 + WAITING))]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await statement()
    async with quota.statement("bob"):
        pass
    release.set()
    await asyncio.gather(*tasks)
    assert most == 2
    async with quota.statement("ada"):
        pass


async def test_a_wait_ends_when_a_statement_would_and_leaves_no_trace() -> None:
    quota = Quota(Limits(concurrent=1, timeout_s=0.01), Endless())
    async with quota.statement("ada"):
        with pytest.raises(TooBusy):
            async with quota.statement("ada"):
                raise AssertionError
    async with quota.statement("ada"):
        pass


async def test_the_tool_says_when_to_come_back_and_pages_do_not_count(
    sample: Path, tmp_path: Path
) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    async with open_desk(tmp_path, None, per_minute=2) as desk:
        first = await desk.query("SELECT id FROM comments", max_rows=10)
        await desk.query("SELECT 1")
        refused = await desk.call("explain", {"sql": "SELECT 1"})
        page = await desk.call("query", {"cursor": first["next_cursor"]})
        listed = await desk.call("list_tables", {})
    told = problem(refused)
    assert "More than 2 statements in a minute" in told["message"]
    assert 29 <= told["retry_after_s"] <= 30
    assert not page.is_error
    assert not listed.is_error


async def test_previews_and_actions_count_as_statements(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    done = {"task_id": 1, "status": "done"}
    async with open_desk(tmp_path, SAMPLE_ACTIONS, roles=["member"], per_minute=2) as desk:
        assert not (await desk.call("preview_set_task_status", done)).is_error
        await desk.call("set_task_status", done)
        before = desk.fingerprint()
        for tool in ("preview_set_task_status", "set_task_status"):
            assert problem(await desk.call(tool, done))["code"] == "rate_limited"
        assert desk.fingerprint() == before


async def test_one_persons_crowd_does_not_keep_others_out(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "sample.db").write_bytes(sample.read_bytes())
    async with open_desk(tmp_path, None, concurrent=1) as desk:
        database = desk.parts.databases.by_name["sample"]
        async with database.quota.statement("somebody else"):
            assert (await desk.query("SELECT 1"))["rows"] == [[1]]
        assert database.is_open_to(person("ada"))
