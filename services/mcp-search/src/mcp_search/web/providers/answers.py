"""How providers are asked over HTTP, and how their answers are taken: as JSON, bounded, without redirects."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, cast

import httpx
import orjson

from mcp_search.web.providers.port import Hit, ProviderFailed, Query, Throttled
from mcp_search.web.unpacking import CODINGS, NotUnpackable, TooLarge, Unpacker

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes, decoded."""
MAX_HITS = 100
MakeClient = Callable[[], httpx.AsyncClient]

Json = Mapping[str, Any]


def make_client() -> httpx.AsyncClient:
    """For one provider."""
    return httpx.AsyncClient(timeout=httpx.Timeout(10.0, connect=5.0))


async def ask(client: httpx.AsyncClient, request: httpx.Request) -> tuple[int, httpx.Headers, Json]:
    """Status, header fields and the JSON object, empty for an error without one. Raises ProviderFailed.

    Redirects are not followed: the key would go to whomever they name.
    """
    request.headers["Accept-Encoding"] = CODINGS
    try:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            body = await _body(response)
        finally:
            await response.aclose()
    except httpx.TimeoutException:
        raise ProviderFailed("too_slow") from None
    except httpx.TransportError:
        raise ProviderFailed("not_reachable") from None
    except httpx.HTTPError:
        raise ProviderFailed("not_understood") from None
    return response.status_code, response.headers, _object(body, is_good=response.is_success)


async def _body(response: httpx.Response) -> bytes:
    """Unpacked by our own hands: httpx unpacks whatever comes of a piece, however much that is."""
    body, left = bytearray(), MAX_ANSWER
    try:
        unpacker = Unpacker(response.headers.get("content-encoding", ""), MAX_ANSWER)
        async for octets in response.aiter_raw():
            left -= len(octets)
            body += unpacker.feed(octets)
            if left < 0:
                raise ProviderFailed("not_understood")
    except (NotUnpackable, TooLarge):
        raise ProviderFailed("not_understood") from None
    return bytes(body)


def _object(body: bytes, *, is_good: bool) -> Json:
    try:
        answer: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return cast("Json", answer)
    if is_good:
        raise ProviderFailed("not_understood")
    return {}


def raise_for(status: int, headers: httpx.Headers) -> None:
    """What statuses mean everywhere. Raises ProviderFailed, Throttled; returns for success."""
    if 200 <= status < 300:
        return
    if status == 429:
        raise Throttled(seconds(headers.get("retry-after")))
    if status in {401, 403}:
        raise ProviderFailed("key_refused")
    if status >= 500:
        raise ProviderFailed("server_error")
    raise ProviderFailed("not_understood" if status < 400 else "bad_request")


def seconds(told: str | None) -> float | None:
    """Of a field such as Retry-After."""
    text = (told or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def hits_of(rows: object, make: Callable[[Json], Hit]) -> list[Hit]:
    """Those rows that are hits. Raises ProviderFailed when there is no list of them."""
    if not isinstance(rows, list):
        raise ProviderFailed("not_understood")
    return [
        make(cast("Json", row))
        for row in cast("list[object]", rows)[:MAX_HITS]
        if isinstance(row, dict) and isinstance(cast("Json", row).get("url"), str)
    ]


def text(row: Json, name: str) -> str:
    """A field that should be text; empty where it is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def day(told: object) -> date | None:
    """Of an ISO date or time."""
    try:
        return date.fromisoformat(told[:10]) if isinstance(told, str) else None
    except ValueError:
        return None


def with_sites(query: Query) -> str:
    """The words with the operators that search engines know; hits are held against the domains again (search.py)."""
    wanted = " OR ".join(f"site:{domain}" for domain in query.include_domains)
    parts = [query.words, f"({wanted})" if " OR " in wanted else wanted]
    parts += [f"-site:{domain}" for domain in query.exclude_domains]
    return " ".join(part for part in parts if part)
