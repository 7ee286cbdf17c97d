"""Asks a site's robots.txt whether a page may be fetched (RFC 9309). Nothing of its text is ever passed on."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin

from protego import Protego

from mcp_search.errors import FetchRefused, TooMuch
from mcp_search.web.exchange import Bounds, Exchange, Reply
from mcp_search.web.guard import Guard, Target
from mcp_search.web.kept import Kept

MAX_BYTES = 512 * 1024
"""RFC 9309 section 2.5 asks for at least 500 KiB."""
WITHIN_S = 5.0
"""In all, with the redirects."""
MAX_REDIRECTS = 5
KEPT_OCTETS = 4 * 1024 * 1024
"""Of all sites' texts together. What is made of them takes forty times as much (measured)."""
KEPT_S = 3_600.0
KEPT_WITHOUT_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class _Rules:
    """Of a site."""

    read: Protego
    octets: int = 0
    """Of the text that they were read from."""


_ALL = _Rules(Protego.parse(""))
_NONE = _Rules(Protego.parse("User-agent: *\nDisallow: /\n"))


class Robots:
    """The rules of the sites that were met lately."""

    def __init__(
        self,
        exchange: Exchange,
        guard: Guard,
        user_agent: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = exchange
        self._guard = guard
        self._user_agent = user_agent
        self._clock = clock
        self._rules: Kept[str, _Rules] = Kept(KEPT_S, KEPT_OCTETS, _weight, clock)

    async def check(self, target: Target) -> None:
        """Whether it may be fetched.

        Raises:
            FetchRefused: it may not. `details`: `rule`.
            AddressRefused: the site is not on the public web.
            FetchFailed: the site does not answer.
        """
        rules = self._rules.get(target.origin)
        if rules is None:
            rules = await self._fetched(target)
        # In a thread: a long robots.txt takes a while, and its author decides how long.
        if not await asyncio.to_thread(rules.read.can_fetch, target.url, self._user_agent):
            raise FetchRefused(
                "The site does not want this page to be fetched by programs."
                if rules is not _NONE
                else "The site's rules for programs cannot be had, so that nothing of it is fetched.",
                hint="Use other sources, or give the user the link.",
                rule="robots",
            )

    async def _fetched(self, target: Target) -> _Rules:
        """4xx: everything is allowed. 5xx: nothing is (RFC 9309 section 2.3.1)."""
        try:
            reply = await self._get(target)
        except TooMuch:
            reply = None
        if reply is None or reply.status >= 500:
            self._rules.put(target.origin, _NONE, KEPT_WITHOUT_ANSWER_S)
            return _NONE
        rules = _ALL
        if 200 <= reply.status < 300:
            text = reply.body.decode("utf-8-sig", "replace")
            rules = _Rules(await asyncio.to_thread(Protego.parse, text), len(reply.body))
        self._rules.put(target.origin, rules)
        return rules

    async def _get(self, target: Target) -> Reply | None:
        """None: it redirects without an end, or to what is no address."""
        url = f"{target.origin}/robots.txt"
        ends_at = self._clock() + WITHIN_S
        for _ in range(MAX_REDIRECTS + 1):
            place = self._guard.target(url)
            left_s = max(0.0, ends_at - self._clock())
            reply = await self._exchange.get(place, Bounds(MAX_BYTES, MAX_BYTES, left_s))
            if reply.location is None:
                return reply
            try:
                url = urljoin(url, reply.location)
            except ValueError:
                return None
        return None


def _weight(rules: _Rules) -> int:
    return rules.octets + 1_000
