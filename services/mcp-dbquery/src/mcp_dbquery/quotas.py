"""How many statements one person may run at once and in a minute."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from mcp_dbquery.config import Limits
from mcp_dbquery.errors import DatabaseAway, TooBusy
from shared.errors import TooManyRequests, Unavailable
from shared.local_rate_limit import LocalRateLimit
from shared.rate_limit import RateLimit

WAITING = 4
"""How many statements may wait for each that may run: an agent that asks in parallel is served in turn."""


class Rate(Protocol):
    """Counts statements of persons."""

    async def take(self, person: str) -> None:
        """Count one. Raises TooBusy, with the seconds to wait; DatabaseAway: it cannot be counted."""
        ...


@dataclass(frozen=True, slots=True)
class LocalRate:
    """In this process."""

    limit: LocalRateLimit

    async def take(self, person: str) -> None:
        try:
            self.limit.take(person)
        except TooManyRequests as error:
            raise _too_many(self.limit.per_minute, error) from None


@dataclass(frozen=True, slots=True)
class SharedRate:
    """Over all replicas, in Redis."""

    per_minute: int
    limit: RateLimit

    async def take(self, person: str) -> None:
        try:
            await asyncio.to_thread(self.limit.take, person)
        except TooManyRequests as error:
            raise _too_many(self.per_minute, error) from None
        except Unavailable:
            raise DatabaseAway(
                "Statements cannot be counted at the moment, so none is run. Try again."
            ) from None


@dataclass(slots=True)
class _Desk:
    """One person's statements."""

    places: asyncio.Semaphore
    present: int = 0
    """Running and waiting."""


@dataclass(slots=True)
class Quota:
    """Lets the statements of persons to one database through. Concurrency is counted in this process."""

    limits: Limits
    rate: Rate
    _desks: dict[str, _Desk] = field(default_factory=dict[str, _Desk], init=False)

    @property
    def under_way(self) -> int:
        """Statements of all persons that run or wait."""
        return sum(desk.present for desk in self._desks.values())

    @asynccontextmanager
    async def statement(self, person: str) -> AsyncGenerator[None]:
        """For the time that a statement of this person runs. Waits for its turn.

        Raises:
            TooBusy: as many as may wait do, the wait took as long as a statement may, or the minute's are used up.
            DatabaseAway: the minute's cannot be counted.
        """
        running = self.limits.concurrent
        desk = self._desks.setdefault(person, _Desk(asyncio.Semaphore(running)))
        if desk.present >= running * (1 + WAITING):
            raise self._too_many_at_once()
        desk.present += 1
        try:
            await self._turn(desk)
            try:
                await self.rate.take(person)
                yield
            finally:
                desk.places.release()
        finally:
            desk.present -= 1
            if not desk.present:
                del self._desks[person]

    async def _turn(self, desk: _Desk) -> None:
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                await desk.places.acquire()
        except TimeoutError:
            raise self._too_many_at_once() from None

    def _too_many_at_once(self) -> TooBusy:
        most = self.limits.concurrent
        return TooBusy(
            f"{most} of your statements run already, which is as many as may at once.",
            hint="Wait for their answers.",
            retry_after_s=1,
            limit="concurrent",
            value=most,
        )


def _too_many(per_minute: int, error: TooManyRequests) -> TooBusy:
    return TooBusy(
        f"More than {per_minute} statements in a minute.",
        hint=f"Wait {error.retry_after_s:g} s, and ask for more with one statement.",
        retry_after_s=error.retry_after_s,
        limit="per_minute",
        value=per_minute,
    )
