"""Politeness: one request at a time to each host, a second apart, and not too many in all."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mcp_search.errors import RateLimited

AT_ONCE = 5
APART_S = 1.0
WAIT_S = 60.0
"""For one's turn."""


@dataclass(slots=True)
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    next_at: float = 0.0


class Turns:
    """Who may ask which host now."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def take(self, name: str, *, goes_on: bool = False) -> AsyncGenerator[None]:
        """Hold the host's turn. What `goes_on` with what was begun there, as its own redirect, waits no second again.

        Raises:
            RateLimited: the turn does not come within a minute.
        """
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            await self._wait(host, goes_on=goes_on)
            try:
                yield
            finally:
                host.next_at = self._clock() + APART_S
                self._at_once.release()
                host.lock.release()
        finally:
            host.users -= 1
            self._tidy()

    async def _wait(self, host: _Host, *, goes_on: bool) -> None:
        """For the host first: whoever waits for a busy host must not keep the others from theirs."""
        try:
            async with asyncio.timeout(WAIT_S):
                await host.lock.acquire()
                try:
                    if not goes_on and (wait_s := host.next_at - self._clock()) > 0:
                        await self._sleep(wait_s)
                    await self._at_once.acquire()
                except BaseException:
                    host.lock.release()
                    raise
        except TimeoutError:
            raise RateLimited(
                "Too many pages of that site are being fetched at once.", retry_after_s=WAIT_S
            ) from None

    def _tidy(self) -> None:
        if len(self._hosts) > 1_000:
            now = self._clock()
            self._hosts = {
                name: host for name, host in self._hosts.items() if host.users or host.next_at > now
            }
