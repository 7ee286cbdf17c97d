"""DuckDuckGo through the ddgs package: no key, no promise. It is throttled after a few queries."""

import asyncio
from math import ceil
from typing import Any

from ddgs.engines.duckduckgo import Duckduckgo
from ddgs.exceptions import DDGSException, TimeoutException
from ddgs.results import TextResult

from mcp_search.web.providers.answers import with_sites
from mcp_search.web.providers.port import Hit, NotOffered, ProviderFailed, Query, Throttled

_KEPT_OUT = frozenset({202, 403, 418, 429})
"""Statuses with which DuckDuckGo asks whether we are a program; 202 comes with its puzzle."""
_PUZZLE = "anomaly-modal"
_RECENCY = {"day": "d", "week": "w", "month": "m", "year": "y"}
MAX_PAGES = 5


class _KeptOut(Exception):
    pass


class _Engine(Duckduckgo):
    """ddgs' own engine, which takes every failure for an empty answer; here they are told apart."""

    def request(self, *args: Any, **kwargs: Any) -> str:
        response = self.http_client.request(*args, **kwargs)
        if response.status_code in _KEPT_OUT or _PUZZLE in response.text:
            raise _KeptOut
        if response.status_code != 200:
            raise ProviderFailed("server_error" if response.status_code >= 500 else "bad_request")
        return response.text


class DuckDuckGo:
    """Asked by a browser's looks, as ddgs does; in threads, as it does not know asyncio."""

    name = "duckduckgo"

    def __init__(self, timeout_s: float, url: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._url = url

    async def search(self, query: Query) -> list[Hit]:
        """As Provider.search. When cancelled, the thread goes on until its own timeout."""
        if query.page > MAX_PAGES:
            raise NotOffered
        return await asyncio.to_thread(self._search, query)

    def _search(self, query: Query) -> list[Hit]:
        engine = _Engine(timeout=ceil(self._timeout_s))
        if self._url:
            engine.search_url = self._url
        try:
            found = engine.search(
                with_sites(query),
                region=_region(query),
                timelimit=_RECENCY[query.recency] if query.recency else None,
                page=query.page,
            )
        except _KeptOut:
            raise Throttled from None
        except TimeoutException:
            raise ProviderFailed("too_slow") from None
        except DDGSException:
            raise ProviderFailed("not_reachable") from None
        return [_hit(one) for one in found or ()]

    async def close(self) -> None:
        """Nothing stays open."""


def _region(query: Query) -> str:
    """Country and language; wt-wt is the world."""
    if not query.region:
        return "wt-wt"
    return f"{'uk' if query.region == 'gb' else query.region}-{query.language or 'en'}"


def _hit(row: TextResult) -> Hit:
    return Hit(title=row.title, url=row.href, snippet=row.body, engines=("duckduckgo",))
