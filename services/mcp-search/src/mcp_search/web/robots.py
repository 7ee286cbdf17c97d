"""Asks a site's robots.txt whether a page may be fetched (RFC 9309). Nothing of its text is ever passed on."""

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urljoin

from protego import Protego

from mcp_search.errors import FetchRefused, TooMuch
from mcp_search.web.exchange import Bounds, Exchange, Reply
from mcp_search.web.guard import Guard, Target
from mcp_search.web.kept import Kept

MAX_BYTES = 512 * 1024
"""RFC 9309 section 2.5 asks for at least 500 KiB."""
WITHIN_S = 5.0
MAX_REDIRECTS = 5
KEPT_S = 3_600.0
KEPT_WITHOUT_ANSWER_S = 60.0

_ALL = Protego.parse("")
_NONE = Protego.parse("User-agent: *\nDisallow: /\n")


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
        self._rules: Kept[str, Protego] = Kept(KEPT_S, 500, clock=clock)

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
        if not await asyncio.to_thread(rules.can_fetch, target.url, self._user_agent):
            raise FetchRefused(
                "The site does not want this page to be fetched by programs."
                if rules is not _NONE
                else "The site's rules for programs cannot be had, so that nothing of it is fetched.",
                hint="Use other sources, or give the user the link.",
                rule="robots",
            )

    async def _fetched(self, target: Target) -> Protego:
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
            rules = await asyncio.to_thread(
                Protego.parse, reply.body.decode("utf-8-sig", "replace")
            )
        self._rules.put(target.origin, rules)
        return rules

    async def _get(self, target: Target) -> Reply | None:
        """None: it redirects without an end."""
        url = f"{target.origin}/robots.txt"
        for _ in range(MAX_REDIRECTS + 1):
            place = self._guard.target(url)
            reply = await self._exchange.get(place, Bounds(MAX_BYTES, MAX_BYTES, WITHIN_S))
            if reply.location is None:
                return reply
            url = urljoin(url, reply.location)
        return None
