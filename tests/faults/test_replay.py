"""Whatever is lost between two replicas, and whenever viewers leave or the turn moves: no gap, no repeat, in order."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from faults.tally import TALLY
from faults.viewers import as_json, lasting
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.conversations.models import ConversationRow
from orchestrator.database import Base, Database
from orchestrator.turns import follow
from orchestrator.turns import log as turn_log
from orchestrator.turns.facts import TurnFacts
from orchestrator.turns.follow import TurnViewer
from orchestrator.turns.models import TurnRow
from orchestrator.turns.stream import Entry, SingleProcess, TurnStream
from orchestrator.turns.writer import EventWriter
from shared.sql import utc_now
from shared.wire.api import TurnState
from shared.wire.events import EVENT, Event, Notice, Outcome, TurnFinished

VIEWER_TIMEOUT_S = 20
pytestmark = pytest.mark.asyncio(loop_scope="session")

ACTS = st.lists(
    st.sampled_from(["say", "say", "finish text", "note", "progress", "take over", "breathe"]),
    max_size=25,
)
LOSSES = st.lists(st.booleans(), max_size=40)
"""Whether each entry on its way between the replicas is lost; later ones arrive."""
HANG_UPS = st.lists(st.integers(0, 4), max_size=6)
"""After how many events a viewer leaves and comes back on the other replica; then it stays."""


@pytest.fixture(autouse=True, scope="module")
def _impatient() -> Generator[None]:
    """Viewers look into the database soon when nothing comes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "LOOK_INTERVAL_S", 0.005)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Database]:
    path: Path = tmp_path_factory.mktemp("replay") / "assistant.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


@dataclass
class Lossy(SingleProcess):
    """Carries entries to the other replica, but for those that get lost."""

    losses: list[bool]
    other: TurnStream | None = None

    def send(self, turn_id: str, entry: Entry) -> None:
        if self.losses and self.losses.pop():
            TALLY.faults["live event lost"] += 1
        elif self.other is not None:
            self.other.receive(turn_id, entry)


@dataclass
class Turn:
    """A turn that two replicas write, one after the other, and show."""

    database: Database
    turn_id: str
    streams: tuple[TurnStream, TurnStream]
    stack: ExitStack
    takeovers: int = 0
    running: ExitStack = field(default_factory=ExitStack)

    async def take(self) -> None:
        """The next replica takes the turn, long after the lease of the one before ran out."""
        late = (self.writer, self.running) if self.takeovers else None
        now = utc_now() + timedelta(hours=self.takeovers)
        async with self.database.writing() as session:
            claimed = await turn_log.claim(session, self.turn_id, "r", now=now, lease_s=1)
        assert claimed is not None
        stream = self.streams[self.takeovers % 2]
        self.running = self.stack.enter_context(ExitStack())
        self.running.enter_context(stream.running(self.turn_id))
        self.takeovers += 1
        self.writer = EventWriter(
            self.database, stream, claimed, TurnFacts(), now=utc_now, coalesce_s=0
        )
        await self.writer.commit()
        if late is not None:
            await self._write_late(*late)

    async def act(self, what: str) -> None:
        writer = self.writer
        match what:
            case "say":
                writer.say("word ")
            case "finish text":
                writer.finish_text()
                await writer.commit()
            case "note":
                writer.finish_text()
                n = writer.number
                writer.add(Notice(n=n, first=n, code="test", level="info", text="Noted."))
                await writer.commit()
            case "progress":
                writer.progress("call_1", 1, 2, "half way")
            case "take over":
                await self.take()
            case _:
                await asyncio.sleep(0)

    async def _write_late(self, writer: EventWriter, running: ExitStack) -> None:
        """Who lost the turn without knowing goes on: it may show, never store."""
        TALLY.faults["turn taken over from a late writer"] += 1
        writer.say("late ")
        writer.finish_text()
        with pytest.raises(turn_log.LeaseLost):
            await writer.commit()
        running.close()

    async def finish(self) -> None:
        self.writer.finish_text()
        n = self.writer.number
        self.writer.add(TurnFinished(n=n, first=n, outcome=Outcome.ANSWERED))
        await self.writer.commit()


async def new_turn(database: Database, losses: list[bool], stack: ExitStack) -> Turn:
    turn_id, now = uuid.uuid4().hex, utc_now()
    async with database.writing() as session:
        session.add(
            ConversationRow(
                conversation_id=turn_id, tenant_id="acme", owner_id="ada", title="",
                created_at=now, updated_at=now,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            TurnRow(
                turn_id=turn_id, conversation_id=turn_id, tenant_id="acme", owner_id="ada",
                client_id="client-1", position=1, question="?", asked_by={},
                state=TurnState.READY, fence=0, last_n=0, created_at=now,
            )
        )  # fmt: skip
    transports = Lossy(losses), Lossy(losses)
    streams = TurnStream(transports[0]), TurnStream(transports[1])
    transports[0].other, transports[1].other = streams[1], streams[0]
    turn = Turn(database, turn_id, streams, stack)
    await turn.take()
    return turn


async def watch(turn: Turn, hang_ups: list[int], start: int) -> list[Event]:
    """Everything, over connections to one replica and the other in turns."""
    events: list[Event] = []
    connections = [*hang_ups, None]
    for number, stay in enumerate(connections, start):
        applied = events[-1].n if events else 0
        viewer = TurnViewer(turn.database, turn.streams[number % 2], turn.turn_id, applied)
        chunks = viewer.chunks()
        seen = 0
        async for chunk in chunks:
            for event in _decoded(chunk):
                TALLY.check_next(events[-1].n if events else 0, event)
                events.append(event)
                seen += 1
                if stay is not None and seen >= stay:
                    break
            if stay is not None and seen >= stay:
                TALLY.faults["viewer disconnected"] += 1
                break
        await chunks.aclose()
        if events and events[-1].kind == "turn_finished":
            break
    return events


def _decoded(chunk: bytes) -> list[Event]:
    lines = chunk.splitlines()
    return [EVENT.validate_json(line[6:]) for line in lines if line.startswith(b"data: ")]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # shrinking waits for each example's viewers
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=ACTS, losses=LOSSES, hang_ups=HANG_UPS)
async def test_every_viewer_sees_every_stored_event_once_and_in_order(
    database: Database, acts: list[str], losses: list[bool], hang_ups: list[int]
) -> None:
    with ExitStack() as stack:
        turn = await new_turn(database, losses, stack)
        viewers = [
            asyncio.create_task(watch(turn, hang_ups, 0)),
            asyncio.create_task(watch(turn, [], 0)),
            asyncio.create_task(watch(turn, [], 1)),
        ]
        for act in acts:
            await turn.act(act)
        await turn.finish()
        async with asyncio.timeout(VIEWER_TIMEOUT_S):
            seen = await asyncio.gather(*viewers)
            seen.append(await watch(turn, hang_ups, 1))
        stored = await _stored(database, turn.turn_id)
    for events in seen:
        assert as_json(lasting(events)) == stored


async def _stored(database: Database, turn_id: str) -> list[Any]:
    async with database.reading() as session:
        return as_json(await turn_log.list_events(session, turn_id))
