"""A replica that has lost a turn finds out while it waits for a model, not only when it has something to store."""

import asyncio
from datetime import timedelta

from support.models import ScriptedModel
from support.world import World, one

from orchestrator.database import Database
from orchestrator.turns import log as turn_log
from orchestrator.turns.facts import TurnFacts
from orchestrator.turns.stream import SingleProcess, TurnStream
from orchestrator.turns.writer import EventWriter
from shared.sql import utc_now
from shared.wire.api import TurnState
from shared.wire.events import Outcome, TextDelta, TurnFinished


async def finish_elsewhere(database: Database, turn_id: str) -> None:
    """As a replica would that found the lease run out."""
    async with database.writing() as session:
        later = utc_now() + timedelta(hours=1)
        claimed = await turn_log.claim(session, turn_id, "other", now=later, lease_s=3_600)
    assert claimed is not None
    stream = TurnStream(SingleProcess())
    writer = EventWriter(database, stream, claimed, TurnFacts(), now=utc_now, coalesce_s=0)
    writer.add(TurnFinished(n=(n := writer.number), first=n, outcome=Outcome.ANSWERED))
    await writer.commit(
        lambda session: turn_log.finish(session, writer.lease, TurnState.ANSWERED, now=later)
    )


async def test_a_viewer_sees_the_end_that_another_replica_wrote(world: World) -> None:
    never = asyncio.Event()
    async with (
        world.orchestrator(ScriptedModel([["It is ", never]]), lease_s=0.3),
        world.api().ask("What time is it?") as asking,
    ):
        await asking.until(TextDelta)
        turn_id = asking.response.headers["x-turn-id"]
        database = Database(world.make_settings().database_url)
        await finish_elsewhere(database, turn_id)
        await database.close()
        assert one(await asking.rest(), TurnFinished).outcome is Outcome.ANSWERED
