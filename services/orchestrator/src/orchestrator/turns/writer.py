"""Writes one turn's events: numbers them, stores the lasting ones under the lease, shows all of them live."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from orchestrator.database import Database
from orchestrator.turns.facts import TurnFacts, fold
from orchestrator.turns.log import NUMBERS_LEFT_FREE, Claimed, append
from orchestrator.turns.stream import TurnStream, encode, encode_delta
from shared.wire.events import CallProgress, Event, TextDelta, TextDropped, TextFinished

Write = Callable[[AsyncSession], Awaitable[object]]


class EventWriter:
    """The single writer of a turn while it holds the lease.

    Lasting events are collected by `add` and become visible only once `commit` has stored them. Text is shown at
    once and stored as a whole.
    """

    def __init__(
        self,
        database: Database,
        stream: TurnStream,
        claimed: Claimed,
        facts: TurnFacts,
        *,
        now: Callable[[], datetime],
        coalesce_s: float,
    ) -> None:
        self._database = database
        self._stream = stream
        self._now = now
        self._coalesce_s = coalesce_s
        self.lease = claimed.lease
        self.facts = facts
        self._stored_n = claimed.row.last_n
        self._n = claimed.row.last_n
        self._pending: list[Event] = []
        self._writes: list[Write] = []
        self._text: list[str] = []
        self._unshown: list[str] = []
        self._shown_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._storing = asyncio.Lock()
        if claimed.interrupted:
            self._n += NUMBERS_LEFT_FREE
            self.drop_text(
                "The work on this answer was interrupted and goes on here.",
                handed_over=claimed.handed_over,
            )

    @property
    def number(self) -> int:
        """The number for the next event to be made."""
        return self._n + 1

    def add(self, event: Event, *writes: Write) -> None:
        """Take up a lasting event, and what must be stored together with it.

        It covers what was only shown since the last one, such as progress: whoever replays the turn finds no gap.
        """
        event = event.model_copy(update={"first": min(event.first, self._first_unstored)})
        self._n = event.n
        self._pending.append(event)
        self.write_also(*writes)
        self.facts = fold([event], self.facts)

    def write_also(self, *writes: Write) -> None:
        """What must be stored together with the events that were added."""
        self._writes += writes

    async def commit(self, *writes: Write, first: Write | None = None) -> None:
        """Store what was added, in one short transaction that `first` begins; then show it.

        Raises:
            LeaseLost: the turn is another replica's by now, or was deleted. Nothing was stored.
        """
        if not self._pending and not self._writes and not writes:
            return
        storing = asyncio.create_task(self._store(first, writes))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait({storing})  # half a commit must not be left behind by a stop
            raise

    async def _store(self, first: Write | None, writes: Sequence[Write]) -> None:
        async with self._storing:  # calls that run side by side commit side by side
            events, added = list(self._pending), list(self._writes)
            async with self._database.writing() as session:
                if first is not None:
                    await first(session)
                await append(session, self.lease, events, now=self._now())
                for write in (*added, *writes):
                    await write(session)
            self._pending, self._writes = self._pending[len(events) :], self._writes[len(added) :]
            if events:
                self._stored_n = events[-1].n
            for event in events:
                self._stream.publish(self.lease.turn_id, encode(event))

    def forget_uncommitted(self) -> None:
        """Let go of what could not be stored."""
        self._pending, self._writes = [], []

    def say(self, text: str) -> None:
        """Show more of the answer: the first piece at once, later ones gathered for a few milliseconds."""
        self._text.append(text)
        self._unshown.append(text)
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._shown_at + self._coalesce_s - loop.time()
        if wait_s <= 0:
            self._show_text()
        else:
            self._timer = loop.call_later(wait_s, self._show_text)

    @property
    def spoken_characters(self) -> int:
        return sum(map(len, self._text))

    def finish_text(self) -> None:
        """Turn what was said since the last finished text into one lasting event."""
        self._show_text()
        if self._text:
            number = self.number
            text = "".join(self._text)
            self._text = []
            self.add(TextFinished(n=number, first=self._first_unstored, text=text))

    def drop_text(self, reason: str, *, handed_over: bool = False) -> None:
        """Take back what was said since the last stored event."""
        self._stop_timer()
        self._text, self._unshown = [], []
        self.add(
            TextDropped(
                n=self.number,
                first=self._first_unstored,
                reason=reason,
                handed_over=handed_over,
            )
        )

    def progress(self, call_id: str, done: float, total: float | None, message: str) -> None:
        """Show how far a call is. Skipped while lasting events wait to be stored: order matters more."""
        if self._pending or self._unshown:
            return
        self._n += 1
        event = CallProgress(
            n=self._n, first=self._n, call_id=call_id, done=done, total=total, message=message[:200]
        )
        self._stream.publish(self.lease.turn_id, encode(event))

    @property
    def _first_unstored(self) -> int:
        last_lasting = self._pending[-1].n if self._pending else self._stored_n
        return last_lasting + 1

    def _show_text(self) -> None:
        self._stop_timer()
        if not self._unshown:
            return
        self._n += 1
        delta = TextDelta.model_construct(n=self._n, first=self._n, text="".join(self._unshown))
        self._unshown = []
        self._shown_at = asyncio.get_running_loop().time()
        self._stream.publish(self.lease.turn_id, encode_delta(delta))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
