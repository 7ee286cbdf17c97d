"""Two replicas and many writers on one PostgreSQL: a tenant's chain does not fork, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from support.audit import FIRST_DAY, opened, verify
from support.models import calls
from support.world import Api, make_world

from orchestrator.audit.chain import Whole
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.database import Database
from orchestrator.models.port import Message, ReplyEnd, ToolForModel
from shared.wire.events import ApprovalNeeded

pytestmark = pytest.mark.postgres

WRITERS, ROUNDS = 8, 5
ROWS_OF_AN_APPROVED_CALL = 5
TENANTS = ("acme", "umbrella")


@pytest.fixture
async def replicas(assistant_url: str) -> AsyncGenerator[tuple[Database, Database]]:
    async with opened(assistant_url) as one, opened(assistant_url) as other:
        yield one, other


async def note(session: AsyncSession, tenant_id: str, call_id: str) -> None:
    await record(session, tenant_id, AuditKind.DECISION, FIRST_DAY, call_id=call_id, body={})


async def test_simultaneous_writers_make_one_chain_for_each_tenant(
    replicas: tuple[Database, Database],
) -> None:
    together = asyncio.Barrier(2 * WRITERS)

    async def write(database: Database, writer: int) -> None:
        # Each names the tenants in another order, and the very first rows are raced for too.
        order = TENANTS if writer % 2 else TENANTS[::-1]
        await together.wait()
        for number in range(ROUNDS):
            async with database.writing() as session:
                for tenant_id in order:
                    await note(session, tenant_id, f"{writer}-{number}")

    await asyncio.gather(
        *(write(database, writer) for database in replicas for writer in range(WRITERS))
    )
    for found in await verify(replicas[0]):
        assert isinstance(found, Whole)
        assert found.rows == 2 * WRITERS * ROUNDS


async def test_rows_are_appended_after_all_other_locks_are_held(
    replicas: tuple[Database, Database],
) -> None:
    """One notes its row before it locks something else, the other after: appended at once, they would deadlock."""
    one, other = replicas
    noted, locked = asyncio.Event(), asyncio.Event()

    async def note_then_lock() -> None:
        async with one.writing() as session:
            await note(session, "acme", "first")
            noted.set()
            await locked.wait()
            await lock_a_row(session)

    async def lock_then_note() -> None:
        async with other.writing() as session:
            await lock_a_row(session)
            locked.set()
            await noted.wait()
            await note(session, "acme", "second")

    async with one.writing() as session:
        await session.execute(text("CREATE TABLE somewhere_else (n integer)"))
        await session.execute(text("INSERT INTO somewhere_else VALUES (0)"))
        await note(session, "acme", "before")
    await asyncio.wait_for(asyncio.gather(note_then_lock(), lock_then_note()), 10)
    (found,) = await verify(one)
    assert isinstance(found, Whole)
    assert found.rows == 3


async def lock_a_row(session: AsyncSession) -> None:
    await session.execute(text("UPDATE somewhere_else SET n = n + 1"))


class TwoWrites:
    """A model that wants two things done in each turn."""

    name = "two-writes"

    async def reply(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolForModel],  # noqa: ARG002 - the port's signature
    ) -> AsyncGenerator[str | ReplyEnd]:
        if messages[-1]["role"] == "tool":
            yield "Done."
            yield ReplyEnd()
        else:
            yield calls(*[("tracker__set_status", '{"task_id": 42, "status": "done"}')] * 2)


async def approve_both(asker: Api, decider: Api, number: int) -> None:
    """Ask on one replica and say yes twice at once, a time on each."""
    conversation_id = f"conversation-of-{number}"
    await asker.request("PUT", f"/v1/conversations/{conversation_id}")
    async with asker.ask("Set task 42 to done, twice", conversation_id) as reader:
        needed = [await reader.until(ApprovalNeeded) for _ in range(2)]
        answers = await asyncio.gather(
            *(
                api.decide(asked.call_id, "approve")
                for api, asked in zip((asker, decider), needed, strict=True)
            )
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        await reader.rest()


async def test_turns_on_two_replicas_leave_one_whole_chain(
    assistant_url: str, valkey: str, tmp_path: Path
) -> None:
    turns = 4
    async with make_world(tmp_path) as world, AsyncExitStack() as stack:
        world.settings = {"database_url": assistant_url, "redis_url": valkey}
        await stack.enter_async_context(world.orchestrator(TwoWrites()))
        here = world.api()
        await stack.enter_async_context(world.orchestrator(TwoWrites()))
        there = world.api()
        pairs = ((here, there), (there, here))
        await asyncio.gather(*(approve_both(*pairs[n % 2], n) for n in range(turns)))
        async with opened(assistant_url) as database:
            (found,) = await verify(database)
    assert isinstance(found, Whole)
    assert found.rows == turns * 2 * ROWS_OF_AN_APPROVED_CALL
    assert len(world.tracker.writes) == turns * 2
