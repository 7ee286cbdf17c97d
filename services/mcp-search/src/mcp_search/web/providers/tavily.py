"""Tavily Search (docs.tavily.com/api-reference/endpoint/search)."""

from typing import Any

import httpx

from mcp_search.web.providers.answers import Json, ask, day, hits_of, raise_for, text
from mcp_search.web.providers.port import Hit, NotOffered, Query, Throttled

URL = "https://api.tavily.com/search"
MAX_RESULTS = 20
"""In one answer; there are no further pages."""
_PLAN_USED_UP = frozenset({432, 433})
"""The key's, or the pay-as-you-go limit of the account."""
_COUNTRIES = {
    "ar": "argentina", "at": "austria", "au": "australia", "be": "belgium", "br": "brazil", "ca": "canada",
    "ch": "switzerland", "cl": "chile", "cn": "china", "co": "colombia", "cz": "czech republic", "de": "germany",
    "dk": "denmark", "ee": "estonia", "eg": "egypt", "es": "spain", "fi": "finland", "fr": "france",
    "gb": "united kingdom", "gr": "greece", "hr": "croatia", "hu": "hungary", "id": "indonesia", "ie": "ireland",
    "il": "israel", "in": "india", "is": "iceland", "it": "italy", "jp": "japan", "ke": "kenya", "kr": "south korea",
    "lt": "lithuania", "lu": "luxembourg", "lv": "latvia", "mx": "mexico", "my": "malaysia", "ng": "nigeria",
    "nl": "netherlands", "no": "norway", "nz": "new zealand", "pe": "peru", "ph": "philippines", "pk": "pakistan",
    "pl": "poland", "pt": "portugal", "ro": "romania", "rs": "serbia", "se": "sweden", "sg": "singapore",
    "si": "slovenia", "sk": "slovakia", "th": "thailand", "tr": "turkey", "tw": "taiwan", "ua": "ukraine",
    "us": "united states", "vn": "vietnam", "za": "south africa",
}  # fmt: skip
"""The API names countries in words. A region that is not here is left out: the search is then worldwide."""


class Tavily:
    """With an API key."""

    name = "tavily"

    def __init__(self, client: httpx.AsyncClient, key: str, url: str | None = None) -> None:
        self._client = client
        self._url = url or URL
        self._headers = {"Accept": "application/json", "Authorization": f"Bearer {key}"}

    async def search(self, query: Query) -> list[Hit]:
        """As Provider.search. Later pages are the later ones of its 20 hits."""
        first = (query.page - 1) * query.max_results
        if first >= MAX_RESULTS:
            raise NotOffered
        request = self._client.build_request(
            "POST", self._url, json=_body(query, first), headers=self._headers
        )
        status, headers, answer = await ask(self._client, request)
        if status in _PLAN_USED_UP:
            raise Throttled(3_600)
        raise_for(status, headers)
        return hits_of(answer.get("results"), _hit)[first:]

    async def close(self) -> None:
        await self._client.aclose()


def _body(query: Query, first: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "query": query.words,
        "max_results": min(MAX_RESULTS, first + query.max_results),
        "search_depth": "basic",
        "topic": "general",
    }
    if query.recency:
        body["time_range"] = query.recency
    if query.include_domains:
        body["include_domains"] = list(query.include_domains)
    if query.exclude_domains:
        body["exclude_domains"] = list(query.exclude_domains)
    if query.region in _COUNTRIES:
        body["country"] = _COUNTRIES[query.region]
    return body


def _hit(row: Json) -> Hit:
    return Hit(
        title=text(row, "title"),
        url=text(row, "url"),
        snippet=text(row, "content"),
        published=day(row.get("published_date")),
        engines=("tavily",),
    )
