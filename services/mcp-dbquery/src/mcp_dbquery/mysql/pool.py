"""A few open connections, each reset before it is used again, none used again after something went wrong on it."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from mcp_dbquery.mysql.address import Address
from mcp_dbquery.mysql.link import Gone, Link, ServerError, kill, open_link
from mcp_dbquery.mysql.problems import LOST

SIZE = 8
KILL_WITHIN_S = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class Pool:
    """Lends connections of one login. Belongs to one event loop."""

    address: Address
    size: int = SIZE
    _idle: list[Link] = field(default_factory=list[Link], init=False)
    _lent: set[Link] = field(default_factory=set[Link], init=False)
    _endings: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)
    _places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = asyncio.Semaphore(self.size)

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Link]:
        """A connection as good as new.

        It comes back when the block ends well or the server itself refused a statement. After anything else, also
        when the caller is cancelled, its statement is ended in the server and the connection closed.

        Raises:
            ServerError, Gone: there is none to be had.
        """
        async with self._places:
            link = await self._take()
            self._lent.add(link)
            is_fine = False
            try:
                yield link
                # At once, so that nothing of the call is held while nobody asks. That it fails changes nothing in
                # what the block has done.
                is_fine = await _is_reset(link)
            except ServerError as error:
                is_fine = bool(error.args) and error.args[0] not in LOST and await _is_reset(link)
                raise
            finally:
                self._lent.discard(link)
                if is_fine and link.is_usable:
                    self._idle.append(link)
                else:
                    await self._finish(self._end(link))

    async def kill_statement(self, link: Link) -> None:
        """End what runs on a lent connection and leave the connection open. Raises ServerError, Gone."""
        killer = await open_link(self.address)
        try:
            await killer.run(f"KILL QUERY {link.id}")
        finally:
            killer.close()

    async def close(self) -> None:
        """End all connections and what runs on them."""
        for link in self._idle:
            link.close()
        self._idle.clear()
        await asyncio.gather(*(self._end(link) for link in list(self._lent)), *self._endings)

    async def _take(self) -> Link:
        while self._idle:
            link = self._idle.pop()
            if not link.is_usable:
                link.close()
                continue
            try:
                await link.reset()
            except (
                ServerError,
                Gone,
            ):  # the server went away meanwhile, or ended what was idle for too long
                link.close()
            except asyncio.CancelledError:
                link.close()
                raise
            else:
                return link
        return await open_link(self.address)

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to its end even when this task is cancelled once more."""
        task = asyncio.ensure_future(work)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.shield(task)

    async def _end(self, link: Link) -> None:
        try:
            async with asyncio.timeout(KILL_WITHIN_S):
                await kill(link)
        except (ServerError, Gone, TimeoutError) as error:
            log.warning("statement_not_ended", reason=type(error).__name__)


async def _is_reset(link: Link) -> bool:
    try:
        await link.reset()
    except (ServerError, Gone):
        return False
    return True
