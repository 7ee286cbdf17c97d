"""What the search providers answer, in their own shapes; served by web_servers.py over real HTTP."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from support.web_servers import Answer, in_json, reply


def plain_client() -> httpx.AsyncClient:
    """As the product's, but quick to make, and one that would follow redirects if it were let."""
    return httpx.AsyncClient(timeout=10, verify=False, follow_redirects=True)


@dataclass(frozen=True)
class Row:
    """A page that a provider knows."""

    url: str
    title: str = "A title"
    snippet: str = "Some words."
    published: str | None = None


def rows(*names: str) -> list[Row]:
    return [
        Row(f"https://{name}.example.com/page", f"About {name}", f"What {name} is.")
        for name in names
    ]


def searxng(found: Sequence[Row] = (), unresponsive: Sequence[Sequence[str]] = ()) -> Answer:
    """SearXNG's webutils.get_json_response."""
    return in_json({
        "query": "q", "number_of_results": 0, "answers": [], "corrections": [], "infoboxes": [], "suggestions": [],
        "results": [
            {
                "url": row.url, "title": row.title, "content": row.snippet, "publishedDate": row.published,
                "thumbnail": "", "engine": "bing", "template": "default.html", "parsed_url": ["https", "x", "/"],
                "engines": ["bing", "mojeek"], "positions": [1, 2], "score": 4.0, "category": "general",
            }
            for row in found
        ],
        "unresponsive_engines": [list(one) for one in unresponsive],
    })  # fmt: skip


SEARXNG_WITHOUT_JSON = reply(
    "<!doctype html><title>403 Forbidden</title><h1>Forbidden</h1>", "text/html", 403
)


def brave(found: Sequence[Row] = ()) -> Answer:
    results = [
        {
            "title": row.title, "url": row.url, "is_source_local": False, "is_source_both": False,
            "description": row.snippet, "page_age": row.published, "language": "en", "family_friendly": True,
            "type": "search_result", "subtype": "generic", "meta_url": {"scheme": "https", "netloc": "x"},
        }
        for row in found
    ]  # fmt: skip
    web = {"web": {"type": "search", "results": results, "family_friendly": True}} if found else {}
    return in_json(
        {
            "type": "search",
            "query": {"original": "q", "more_results_available": False},
            "mixed": {},
            **web,
        }
    )


def brave_error(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    error = {"id": "7e4c", "status": status, "code": code, "detail": "SECRET-DETAIL"}
    return in_json({"type": "ErrorResponse", "error": error, "time": 1754364294}, status, headers)


def tavily(found: Sequence[Row] = ()) -> Answer:
    results = [
        {
            "title": row.title,
            "url": row.url,
            "content": row.snippet,
            "score": 0.8,
            "raw_content": None,
        }
        | ({"published_date": row.published} if row.published else {})
        for row in found
    ]
    return in_json({
        "query": "q", "follow_up_questions": None, "answer": None, "images": [], "results": results,
        "response_time": 1.09, "request_id": "123e4567",
    })  # fmt: skip


def tavily_error(status: int) -> Answer:
    return in_json({"detail": {"error": "SECRET-DETAIL"}}, status)


def duckduckgo(found: Sequence[Row] = ()) -> Answer:
    """Of html.duckduckgo.com, as far as ddgs looks at it."""
    results = "".join(
        f'''<div class="result results_links web-result"><div class="links_main result__body">
        <h2 class="result__title"><a class="result__a" href="{html.escape(row.url)}">{html.escape(row.title)}</a></h2>
        <a class="result__snippet" href="{html.escape(row.url)}">{html.escape(row.snippet)}</a></div></div>'''
        for row in found
    )
    return reply(
        f"<!DOCTYPE html><html><head><title>q at DuckDuckGo</title></head><body>{results}</body></html>"
    )


DUCKDUCKGO_PUZZLE = reply(
    '<html><body><div class="anomaly-modal__title">Select all squares containing a duck</div></body></html>',
    status=202,
)
