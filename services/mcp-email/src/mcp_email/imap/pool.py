"""The connections of one account: at most two, looked at before they are lent again, never lent when out of step."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from mcp_email.imap.connection import Lost, Said
from mcp_email.imap.link import Link
from mcp_email.imap.sign_in import SignIn
from mcp_email.imap.words import Unusable

SIZE = 2
LOOK_AFTER_S = 5.0
"""A connection that rested so long is asked whether it is still there."""
GOODBYE_S = 2.0


@dataclass(slots=True)
class Pool:
    """Belongs to one event loop."""

    sign_in: SignIn
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIZE))
    _resting: list[tuple[float, Link]] = field(default_factory=list[tuple[float, Link]])
    _is_closed: bool = False

    @asynccontextmanager
    async def lent(self, *, fresh: bool = False) -> AsyncGenerator[Link]:
        """A connection for one piece of work; `fresh`: none that was used before. Raises Unusable."""
        try:
            async with asyncio.timeout(self.sign_in.server.timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise Unusable(
                "All connections to the mail server are busy. Try again later."
            ) from None
        link: Link | None = None
        try:
            link = None if fresh else await self._rested()
            if link is None:
                link = Link(await self.sign_in.open())
            yield link
        finally:
            self._back(link)
            self._places.release()

    async def _rested(self) -> Link | None:
        while self._resting:
            since_s, link = self._resting.pop()
            link.is_used = True
            try:
                if time.monotonic() - since_s > LOOK_AFTER_S:
                    await link.connection.command(b"NOOP")
            except (Lost, Said, TimeoutError):
                link.connection.close()
            except BaseException:
                link.connection.close()
                raise
            else:
                return link
        return None

    def _back(self, link: Link | None) -> None:
        if link is None:
            return
        if self._is_closed or link.connection.is_out_of_step or link.connection.why_closed():
            link.connection.close()
        else:
            self._resting.append((time.monotonic(), link))

    async def close(self) -> None:
        """Say goodbye on what rests; what is lent is closed when it comes back."""
        self._is_closed = True
        resting, self._resting = self._resting, []
        for _, link in resting:
            with suppress(Lost, Said, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await link.connection.command(b"LOGOUT")
            link.connection.close()
