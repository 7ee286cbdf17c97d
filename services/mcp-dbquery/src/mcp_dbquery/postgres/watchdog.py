"""Ends statements that outlive their time although PostgreSQL was told to stop them: from a second connection."""

import asyncio
import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg import AsyncConnection

log = structlog.get_logger()


@dataclass(slots=True)
class Watchdog:
    """Watches the statements of one database. Connects when it first has something to end."""

    url: str = field(repr=False)
    terminate_after_s: float = 1.0
    """After the request to cancel."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)

    @contextlib.contextmanager
    def watching(self, backend_pid: int, after_s: float) -> Generator[None]:
        """For the time of the block: end this backend's statement, then the backend, once `after_s` are over."""
        loop = asyncio.get_running_loop()
        ended: list[asyncio.Task[None]] = []
        timer = loop.call_later(after_s, lambda: ended.append(self._start(backend_pid)))
        try:
            yield
        finally:
            timer.cancel()
            for task in ended:
                task.cancel()

    async def close(self) -> None:
        """Stop what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _start(self, backend_pid: int) -> asyncio.Task[None]:
        task = asyncio.create_task(self._end(backend_pid))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _end(self, backend_pid: int) -> None:
        log.warning("statement_outlived_its_time", backend_pid=backend_pid)
        try:
            async with await AsyncConnection.connect(self.url, autocommit=True) as connection:
                await connection.execute("SELECT pg_cancel_backend(%s)", [backend_pid])
                await asyncio.sleep(self.terminate_after_s)
                await connection.execute("SELECT pg_terminate_backend(%s)", [backend_pid])
        except psycopg.Error:
            log.warning("statement_not_ended", backend_pid=backend_pid)
