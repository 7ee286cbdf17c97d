"""A reader of pages among the fakes of web_servers.py: the true one, with their DNS and a clock of its own."""

import atexit
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from support.web_servers import FakeDns, FakeWeb, guard_of

from mcp_search.config import Web
from mcp_search.knowledge.parsing.process import parse
from mcp_search.web.egress import Egress
from mcp_search.web.exchange import Exchange
from mcp_search.web.fetcher import Fetcher
from mcp_search.web.page_process import Forker, PageProcess
from mcp_search.web.reader import PageReader, new_memory
from mcp_search.web.transport import PinnedTransport
from mcp_search.web.turns import Turns

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still until somebody sleeps."""

    now_s: float = 1_000.0
    slept: list[float] = field(default_factory=list[float])

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now_s += seconds


@dataclass
class Reading:
    reader: PageReader
    dns: FakeDns
    clock: Clock


@cache
def shared_forker() -> Forker:
    """One for all tests of a process: it takes half a second to start."""
    forker = Forker.start()
    atexit.register(forker.close)
    return forker


@cache
def usual_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@asynccontextmanager
async def reading(
    *webs: FakeWeb,
    web: Web | None = None,
    tls: ssl.SSLContext | None = None,
    allow: Sequence[str] | None = None,
    deny: Sequence[str] = (),
    canaries: Sequence[str] = (),
) -> AsyncGenerator[Reading]:
    web = web or Web()
    dns, clock = FakeDns(), Clock()
    guard = guard_of(*webs, allow=allow, deny=deny)
    exchange = Exchange(PinnedTransport(guard, dns, tls or usual_tls()), web.user_agent)
    process = PageProcess(shared_forker())
    fetcher = Fetcher(web, guard, exchange, Turns(clock, clock.sleep), clock)
    reader = PageReader(
        fetcher, process, parse, Egress(canaries=canaries), new_memory(clock), lambda: NOON
    )
    try:
        yield Reading(reader, dns, clock)
    finally:
        await exchange.close()
