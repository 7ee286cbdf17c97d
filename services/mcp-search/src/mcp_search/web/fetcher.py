"""Fetches one page: politely, within bounds, and judged anew at each redirect."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin

from mcp_search.config import Web
from mcp_search.errors import AddressRefused, FetchFailed, FetchRefused, PageRefused
from mcp_search.web.exchange import Bounds, Exchange, Reply
from mcp_search.web.guard import Guard, Target
from mcp_search.web.robots import Robots
from mcp_search.web.turns import Turns

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._:-]{2,40})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A page as it came."""

    url: str
    """Where it was in the end."""
    redirects: tuple[str, ...]
    """The addresses that sent us on, the one that was asked for first."""
    body: bytes
    media_type: str
    """As the server says, in lower case; may be empty or wrong."""
    charset: str
    """Likewise."""
    may_be_kept: bool
    """The site does not forbid it (RFC 9111 section 5.2.2.5)."""


class Fetcher:
    """Fetches pages for everybody of this server."""

    def __init__(
        self,
        web: Web,
        guard: Guard,
        exchange: Exchange,
        turns: Turns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._web = web
        self._guard = guard
        self._exchange = exchange
        self._turns = turns
        self._clock = clock
        self._robots = Robots(exchange, guard, web.user_agent, clock)

    async def fetch(self, url: str) -> Fetched:
        """The page.

        Raises:
            AddressRefused: the address, or one that it redirects to, is not on the public web, or not one to follow.
            FetchRefused: robots.txt or the operator's list of domains forbids it.
            FetchFailed: no page. `details`: `status` where there was an answer.
            TooMuch: the page is larger than the limits.
            RateLimited: too many pages of that site are waited for.
        """
        target = self._guard.target(url)
        redirects: list[str] = []
        hosts: set[str] = set()
        left_s = self._web.fetch_s
        while True:
            async with self._turns.take(target.host, goes_on=target.host in hosts):
                started = self._clock()
                if self._web.robots == "obey":
                    await self._robots.check(target)
                ends_at = started + left_s
                reply = await self._exchange.get(target, self._bounds(ends_at - self._clock()))
                left_s = ends_at - self._clock()
            if reply.location is None:
                return _page(target, redirects, reply)
            hosts.add(target.host)
            redirects.append(target.url)
            if len(redirects) > self._web.redirects or left_s <= 0:
                raise FetchFailed("The page redirects too often.", status=reply.status)
            target = self._next(target, reply.location)

    def _bounds(self, left_s: float) -> Bounds:
        return Bounds(self._web.wire_bytes, self._web.page_bytes, max(0.0, left_s))

    def _next(self, target: Target, location: str) -> Target:
        """Where it redirects to. Judged as if somebody had asked for it."""
        try:
            place = self._guard.target(urljoin(target.url, location))
        except ValueError:
            raise FetchFailed("The page redirects to what is no address.") from None
        except (AddressRefused, FetchRefused) as refusal:
            refusal.add_hint("The page redirects there.")
            raise
        if target.scheme == "https" and place.scheme == "http":
            raise AddressRefused("The page redirects from https to http, which is not followed.")
        return place


def _page(target: Target, redirects: list[str], reply: Reply) -> Fetched:
    if not 200 <= reply.status < 300:
        raise _no_page(reply)
    content_type = reply.headers.get("content-type", "")
    charset = _CHARSET.search(content_type)
    return Fetched(
        url=target.url,
        redirects=tuple(redirects),
        body=reply.body,
        media_type=content_type.partition(";")[0].strip().lower()[:100],
        charset=charset[1].lower() if charset else "",
        may_be_kept="no-store" not in reply.headers.get("cache-control", "").lower(),
    )


def _no_page(reply: Reply) -> FetchFailed:
    status = reply.status
    if status in {404, 410}:
        return PageRefused("There is no such page.", status=status)
    if status in {401, 402, 403, 451}:
        return PageRefused(
            "The site does not give this page to everybody.",
            hint="Use other sources.",
            status=status,
        )
    if status == 429 or status >= 500:
        told = reply.headers.get("retry-after", "")
        wait_s = float(told) if told.isascii() and told.isdigit() and len(told) < 6 else None
        return FetchFailed(
            f"The site answers with an error (status {status}).",
            retry_after_s=wait_s,
            status=status,
        )
    return PageRefused(f"The site does not give the page (status {status}).", status=status)
