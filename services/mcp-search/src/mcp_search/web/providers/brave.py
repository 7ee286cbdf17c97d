"""Brave Search API (api-dashboard.search.brave.com/api-reference/web/search/get)."""

from typing import cast

import httpx

from mcp_search.web.providers.answers import (
    Json,
    ask,
    day,
    hits_of,
    raise_for,
    seconds,
    text,
    with_sites,
)
from mcp_search.web.providers.port import Hit, NotOffered, ProviderFailed, Query, Throttled

URL = "https://api.search.brave.com/res/v1/web/search"
MAX_OFFSET = 9
"""Pages; the API refuses more."""
MAX_WORDS = 50
_FRESHNESS = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}


class Brave:
    """With a subscription token."""

    name = "brave"

    def __init__(self, client: httpx.AsyncClient, key: str, url: str | None = None) -> None:
        self._client = client
        self._url = url or URL
        self._headers = {"Accept": "application/json", "X-Subscription-Token": key}

    async def search(self, query: Query) -> list[Hit]:
        """As Provider.search."""
        if query.page - 1 > MAX_OFFSET:
            raise NotOffered
        request = self._client.build_request(
            "GET", self._url, params=_parameters(query), headers=self._headers
        )
        status, headers, answer = await ask(self._client, request)
        if status == 429:
            # X-RateLimit-Reset: seconds to the end of the second's window, then of the month's.
            reset = seconds((headers.get("x-ratelimit-reset") or "").partition(",")[0])
            raise Throttled(seconds(headers.get("retry-after")) or reset)
        if status == 422 and _code(answer) == "SUBSCRIPTION_TOKEN_INVALID":
            raise ProviderFailed("key_refused")
        raise_for(status, headers)
        web = answer.get("web")
        # Without web results the answer has no such part.
        return hits_of(cast("Json", web).get("results"), _hit) if isinstance(web, dict) else []

    async def close(self) -> None:
        await self._client.aclose()


def _parameters(query: Query) -> dict[str, str]:
    parameters = {
        "q": " ".join(with_sites(query).split()[:MAX_WORDS]),
        "count": str(query.max_results),
        "offset": str(query.page - 1),
        "text_decorations": "false",
        "result_filter": "web",
    }
    if query.recency:
        parameters["freshness"] = _FRESHNESS[query.recency]
    if query.region:
        parameters["country"] = query.region.upper()
    if query.language:
        parameters["search_lang"] = query.language
    return parameters


def _hit(row: Json) -> Hit:
    return Hit(
        title=text(row, "title"),
        url=text(row, "url"),
        snippet=text(row, "description"),
        published=day(row.get("page_age")),
        engines=("brave",),
    )


def _code(answer: Json) -> object:
    error = answer.get("error")
    return cast("Json", error).get("code") if isinstance(error, dict) else None
