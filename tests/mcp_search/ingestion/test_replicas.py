"""Two servers with one knowledge base: what the dead one was at, the other does; what the living is at, it leaves."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from dbos import DBOS
from support.forking import Forks
from support.taking_in import knowledge_base, store_at

from mcp_search.knowledge.ingestion.roll import roll_at
from mcp_search.knowledge.model import Document, Reader
from mcp_search.knowledge.store.opening import open_store

READER = Reader("acme", "ada", frozenset())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def jobs_at(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder / 'jobs.db'}"
    return request.getfixturevalue("postgres_url")


async def at_work(folder: Path, jobs_at: str) -> Document:
    """The document that a server has begun to embed."""
    store = open_store(store_at(folder, jobs_at))
    await store.start()
    try:
        async with asyncio.timeout(30):
            while True:
                for document in await store.documents(READER, None, "", 10):
                    if document.state == "embedding":
                        return document
                await asyncio.sleep(0.01)
    finally:
        await store.close()


def _worker_of(document: Document) -> tuple[str, str | None]:
    """Whether the job is being done, and by whom."""
    [status] = DBOS.list_workflows(workflow_ids=[f"{document.id}.1"])
    return status.status, status.executor_id


async def test_the_jobs_of_a_killed_server_are_taken_over_by_the_other(
    folder: Path, jobs_at: str, servers: Forks
) -> None:
    [pid] = await asyncio.to_thread(servers.start, (folder, "hangs", jobs_at))
    document = await at_work(folder, jobs_at)
    async with knowledge_base(folder, jobs_at=jobs_at) as base:
        # The other lives: nothing of it is taken.
        before = await asyncio.to_thread(_worker_of, document)
        await base.jobs.sweep()
        assert await asyncio.to_thread(_worker_of, document) == before
        assert before[0] == "PENDING"

        os.kill(pid, signal.SIGKILL)
        assert await asyncio.to_thread(servers.answer) == [-signal.SIGKILL]
        assert (await base.settled(document)).state == "ready"
        passages = await base.store.neighbours(READER, document.id, 0, 1_000)
        assert [each.ordinal for each in passages] == list(range(len(passages)))


async def test_only_the_gone_are_gone_and_one_only_hears_of_it(jobs_at: str) -> None:
    living, first, second = roll_at(jobs_at), roll_at(jobs_at), roll_at(jobs_at)
    living.enter("living")
    first.enter("first")
    second.enter("second")
    try:
        with first.gone("living") as gone:
            assert not gone
        with first.gone("first") as gone:
            assert not gone
        with first.gone("dead") as gone, second.gone("dead") as gone_too:
            assert (gone, gone_too) == (True, False)
        living.leave()
        with second.gone("living") as gone:
            assert gone
    finally:
        first.leave()
        second.leave()
