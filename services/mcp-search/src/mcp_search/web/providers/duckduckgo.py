"""DuckDuckGo through the ddgs package: no key, no promise. It is throttled after a few queries."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any

import primp
from ddgs.engines.duckduckgo import Duckduckgo
from ddgs.results import TextResult
from lxml.etree import LxmlError  # pyright: ignore[reportUnknownVariableType]

from mcp_search.web.providers.answers import MAX_ANSWER, with_sites
from mcp_search.web.providers.port import Hit, NotOffered, ProviderFailed, Query, Throttled

_KEPT_OUT = frozenset({202, 403, 418, 429})
"""Statuses with which DuckDuckGo asks whether we are a program; 202 comes with its puzzle."""
_PUZZLE = "anomaly-modal"
_RECENCY = {"day": "d", "week": "w", "month": "m", "year": "y"}
MAX_PAGES = 5
AT_ONCE = 4
"""Searches; each has a thread until its timeout, also when nobody waits for it any more."""


class _KeptOut(Exception):
    pass


class _Engine(Duckduckgo):
    """ddgs' own engine, which takes every failure for an empty answer and an answer of any size."""

    def request(self, *args: Any, **kwargs: Any) -> str:
        response = self.http_client.client.request(*args, **kwargs, stream=True)
        try:
            status = response.status_code
            if status in _KEPT_OUT:
                raise _KeptOut
            if status != 200:
                raise ProviderFailed("server_error" if status >= 500 else "bad_request")
            text = _body(response).decode(errors="replace")
        finally:
            response.close()
        if _PUZZLE in text:
            raise _KeptOut
        return text


def _body(response: primp.Response) -> bytes:
    """Unpacked, and not more of it than is taken of any provider."""
    body = bytearray()
    for octets in response.iter_bytes(65_536):
        body += octets
        if len(body) > MAX_ANSWER:
            raise ProviderFailed("not_understood")
    return bytes(body)


class DuckDuckGo:
    """Asked by a browser's looks, as ddgs does; in threads of its own, as it does not know asyncio."""

    name = "duckduckgo"

    def __init__(self, timeout_s: float, url: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._url = url
        self._threads = ThreadPoolExecutor(AT_ONCE, "duckduckgo")

    async def search(self, query: Query) -> list[Hit]:
        """As Provider.search. When cancelled, the thread goes on until its own timeout."""
        if query.page > MAX_PAGES:
            raise NotOffered
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._search, query)

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
        except primp.TimeoutError:
            raise ProviderFailed("too_slow") from None
        except primp.PrimpError:
            raise ProviderFailed("not_reachable") from None
        except LxmlError:
            raise ProviderFailed("not_understood") from None
        return [_hit(one) for one in found or ()]

    async def close(self) -> None:
        """Nothing stays open; a search that is under way ends by its own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _region(query: Query) -> str:
    """Country and language; wt-wt is the world."""
    if not query.region:
        return "wt-wt"
    return f"{'uk' if query.region == 'gb' else query.region}-{query.language or 'en'}"


def _hit(row: TextResult) -> Hit:
    return Hit(title=row.title, url=row.href, snippet=row.body, engines=("duckduckgo",))
