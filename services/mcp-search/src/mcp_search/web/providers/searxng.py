"""SearXNG: an instance of one's own that asks many search engines (docs.searxng.org/dev/search_api)."""

from typing import cast

import httpx

from mcp_search.web.providers.answers import Json, ask, day, hits_of, raise_for, text, with_sites
from mcp_search.web.providers.port import Hit, ProviderFailed, Query, Throttled

_THROTTLED = ("too many requests", "captcha", "suspended", "access denied")
"""How SearXNG speaks of engines that keep it out for a while."""


class SearXNG:
    """One instance. Its settings must allow the format json: as it comes, it answers 403 to that."""

    name = "searxng"

    def __init__(self, client: httpx.AsyncClient, url: str, key: str | None = None) -> None:
        """`key`: a bearer token, for an instance behind a proxy that wants one."""
        self._client = client
        self._url = url.rstrip("/").removesuffix("/search") + "/search"
        self._headers = {"Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    async def search(self, query: Query) -> list[Hit]:
        """As Provider.search. Its pages have as many hits as its engines give, not max_results."""
        request = self._client.build_request(
            "GET", self._url, params=_parameters(query), headers=self._headers
        )
        status, headers, answer = await ask(self._client, request)
        if status == 403:
            raise ProviderFailed("format_disabled")
        raise_for(status, headers)
        hits = hits_of(answer.get("results"), _hit)
        if not hits:
            _raise_for_engines(answer.get("unresponsive_engines"))
        return hits

    async def close(self) -> None:
        await self._client.aclose()


def _parameters(query: Query) -> dict[str, str]:
    parameters = {"q": with_sites(query), "format": "json", "pageno": str(query.page)}
    if query.language:
        region = f"-{query.region.upper()}" if query.region else ""
        parameters["language"] = f"{query.language}{region}"
    if query.recency:
        parameters["time_range"] = query.recency
    return parameters


def _hit(row: Json) -> Hit:
    named = row.get("engines")
    engines = cast("list[object]", named) if isinstance(named, list) else [row.get("engine")]
    return Hit(
        title=text(row, "title"),
        url=text(row, "url"),
        snippet=text(row, "content"),
        published=day(row.get("publishedDate")),
        engines=tuple(one for one in engines[:10] if isinstance(one, str)),
    )


def _raise_for_engines(told: object) -> None:
    """Nothing found is one thing; that no engine answered is another."""
    if not isinstance(told, list) or not told:
        return
    reasons = str(cast("list[object]", told)).lower()
    if any(word in reasons for word in _THROTTLED):
        raise Throttled
    raise ProviderFailed("engines_failed")
