"""Each provider is asked as its documentation says, and its answers, errors and throttling are understood."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from datetime import date

import pytest
from support.ports import free_port
from support.search_engines import (
    DUCKDUCKGO_PUZZLE,
    SEARXNG_WITHOUT_JSON,
    Row,
    brave,
    brave_error,
    duckduckgo,
    plain_client,
    rows,
    searxng,
    tavily,
    tavily_error,
)
from support.web_servers import (
    HERE,
    Answer,
    FakeWeb,
    endless,
    gzipped,
    in_json,
    raw,
    redirect,
    reply,
    silent,
)

from mcp_search.web.providers.brave import Brave
from mcp_search.web.providers.duckduckgo import DuckDuckGo
from mcp_search.web.providers.port import (
    Hit,
    NotOffered,
    Provider,
    ProviderFailed,
    Query,
    Throttled,
)
from mcp_search.web.providers.searxng import SearXNG
from mcp_search.web.providers.tavily import Tavily

KEY = "the-key-of-the-provider"
FULL = Query(
    "red foxes",
    max_results=5,
    recency="week",
    region="de",
    language="en",
    include_domains=("example.org", "example.net"),
    exclude_domains=("spam.example",),
    page=2,
)
SITES = "red foxes (site:example.org OR site:example.net) -site:spam.example"

Make = Callable[[str], Provider]
MAKERS: dict[str, tuple[str, Make, Callable[..., Answer]]] = {
    "searxng": ("/search", lambda url: SearXNG(plain_client(), url), searxng),
    "brave": ("/res/v1/web/search", lambda url: Brave(plain_client(), KEY, url), brave),
    "tavily": ("/search", lambda url: Tavily(plain_client(), KEY, url), tavily),
    "duckduckgo": ("/html/", lambda url: DuckDuckGo(0.5, url), duckduckgo),
}


async def asked_of(
    web: FakeWeb, kind: str, answer: Answer, query: Query | None = None
) -> list[Hit]:
    path, make, _ = MAKERS[kind]
    provider = make(web.on(HERE, path, answer))
    try:
        return await provider.search(query or Query("red foxes"))
    finally:
        await provider.close()


@pytest.mark.parametrize("kind", MAKERS)
async def test_hits_come_in_the_providers_order(web: FakeWeb, kind: str) -> None:
    found = [
        Row(
            "https://a.example.org/x?y=1&z=2", "Fuchs & Hase", "Ein „Fuchs“.", "2025-01-15T08:00:00"
        ),
        Row("https://b.example.org/", "Second"),
    ]
    hits = await asked_of(web, kind, MAKERS[kind][2](found))
    assert [(hit.url, hit.title, hit.snippet) for hit in hits] == [
        (row.url, row.title, row.snippet) for row in found
    ]
    assert hits[0].engines == (("bing", "mojeek") if kind == "searxng" else (kind,))
    if kind != "duckduckgo":
        assert (hits[0].published, hits[1].published) == (date(2025, 1, 15), None)


@pytest.mark.parametrize("kind", MAKERS)
async def test_nothing_found_is_no_failure(web: FakeWeb, kind: str) -> None:
    assert await asked_of(web, kind, MAKERS[kind][2]()) == []


async def test_searxng_is_asked_as_its_documentation_says(web: FakeWeb) -> None:
    await asked_of(web, "searxng", searxng(rows("a")), FULL)
    assert (web.asked[0].method, web.asked[0].query) == (
        "GET",
        {"q": [SITES], "format": ["json"], "pageno": ["2"], "language": ["en-DE"], "time_range": ["week"]},
    )  # fmt: skip


async def test_brave_is_asked_as_its_documentation_says(web: FakeWeb) -> None:
    await asked_of(web, "brave", brave(rows("a")), FULL)
    assert web.asked[0].headers["x-subscription-token"] == KEY
    assert web.asked[0].query == {
        "q": [SITES], "count": ["5"], "offset": ["1"], "freshness": ["pw"], "country": ["DE"], "search_lang": ["en"],
        "text_decorations": ["false"], "result_filter": ["web"],
    }  # fmt: skip


async def test_tavily_is_asked_as_its_documentation_says(web: FakeWeb) -> None:
    hits = await asked_of(web, "tavily", tavily(rows(*"abcdefgh")), FULL)
    assert web.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert web.asked[0].json == {
        "query": "red foxes", "max_results": 10, "search_depth": "basic", "topic": "general", "time_range": "week",
        "include_domains": ["example.org", "example.net"], "exclude_domains": ["spam.example"], "country": "germany",
    }  # fmt: skip
    assert [hit.title for hit in hits] == [
        "About f",
        "About g",
        "About h",
    ]  # the second page of five


async def test_duckduckgo_is_asked_as_its_form_does(web: FakeWeb) -> None:
    await asked_of(web, "duckduckgo", duckduckgo(rows("a")), FULL)
    form = dict(pair.split("=") for pair in web.asked[0].body.decode().split("&"))
    assert (web.asked[0].method, form["l"], form["df"], form["s"]) == ("POST", "de-en", "w", "10")
    assert form["q"].startswith("red+foxes")


@pytest.mark.parametrize("kind", ["brave", "tavily", "duckduckgo"])
async def test_pages_that_a_provider_does_not_have_are_not_asked_for(
    web: FakeWeb, kind: str
) -> None:
    with pytest.raises(NotOffered):
        await asked_of(web, kind, MAKERS[kind][2](), Query("red foxes", max_results=20, page=11))
    assert web.asked == []


@pytest.mark.parametrize(
    ("kind", "answer", "trouble"),
    [
        ("searxng", SEARXNG_WITHOUT_JSON, "format_disabled"),
        ("searxng", searxng(unresponsive=[["google", "timeout"]]), "engines_failed"),
        ("brave", brave_error(422, "SUBSCRIPTION_TOKEN_INVALID"), "key_refused"),
        ("brave", brave_error(401, "UNAUTHORIZED"), "key_refused"),
        ("brave", brave_error(422, "VALIDATION"), "bad_request"),
        ("tavily", tavily_error(401), "key_refused"),
        ("tavily", tavily_error(400), "bad_request"),
        ("duckduckgo", reply("", status=500), "server_error"),
        ("duckduckgo", reply("", status=404), "bad_request"),
        ("duckduckgo", silent(), "too_slow"),
        *((kind, reply("oops", status=500), "server_error") for kind in ("searxng", "brave", "tavily")),
        *((kind, reply("<html>hello</html>"), "not_understood") for kind in ("searxng", "brave", "tavily")),
        *((kind, in_json([1, 2]), "not_understood") for kind in ("searxng", "brave", "tavily")),
        *((kind, in_json({"results": "x", "web": {"results": 5}}), "not_understood")
          for kind in ("searxng", "brave", "tavily")),
        *((kind, endless(b" " * 100_000), "not_understood") for kind in MAKERS),
        *((kind, raw(b"not http"), "not_reachable") for kind in ("searxng", "brave", "tavily")),
    ],
)  # fmt: skip
async def test_failures_have_names(web: FakeWeb, kind: str, answer: Answer, trouble: str) -> None:
    with pytest.raises(ProviderFailed) as failure:
        await asked_of(web, kind, answer)
    assert failure.value.trouble == trouble
    assert "SECRET-DETAIL" not in str(failure.value)


@pytest.mark.parametrize(
    ("kind", "answer", "retry_after_s"),
    [
        ("searxng", reply("", status=429, headers={"Retry-After": "12"}), 12),
        ("searxng", searxng(unresponsive=[["google", "Suspended: too many requests"]]), None),
        ("searxng", searxng(unresponsive=[["duckduckgo", "CAPTCHA"]]), None),
        ("brave", brave_error(429, "RATE_LIMITED", {"X-RateLimit-Reset": "1, 1419704"}), 1),
        ("brave", brave_error(429, "RATE_LIMITED", {"Retry-After": "30"}), 30),
        ("tavily", tavily_error(429), None),
        ("tavily", tavily_error(432), 3_600),
        ("duckduckgo", DUCKDUCKGO_PUZZLE, None),
        ("duckduckgo", reply("", status=429), None),
    ],
)
async def test_throttling_is_told_from_an_empty_answer(
    web: FakeWeb, kind: str, answer: Answer, retry_after_s: float | None
) -> None:
    with pytest.raises(Throttled) as throttled:
        await asked_of(web, kind, answer)
    assert throttled.value.retry_after_s == retry_after_s


@pytest.mark.parametrize("kind", MAKERS)
async def test_nobody_there_is_a_failure(kind: str) -> None:
    provider = MAKERS[kind][1](f"http://{HERE}:{free_port()}{MAKERS[kind][0]}")
    with pytest.raises(ProviderFailed, match="not_reachable"):
        await provider.search(Query("red foxes"))
    await provider.close()


@pytest.mark.parametrize("kind", ["brave", "tavily"])
async def test_a_key_is_not_carried_over_a_redirect(web: FakeWeb, kind: str) -> None:
    with pytest.raises(ProviderFailed):
        await asked_of(web, kind, redirect(f"http://{HERE}:{web.port}/elsewhere", 307))
    assert len(web.asked) == 1


async def test_rows_that_are_none_are_left_out(web: FakeWeb) -> None:
    row = {"url": "https://a.example.org/", "title": None, "engines": "x", "publishedDate": "soon"}
    odd = in_json({"results": [1, None, {}, {"url": 5}, row]})
    assert await asked_of(web, "searxng", odd) == [Hit("", "https://a.example.org/", "")]


@pytest.mark.parametrize("kind", MAKERS)
async def test_an_answer_that_swells_takes_no_more_than_is_taken_of_any(
    web: FakeWeb, kind: str
) -> None:
    twice = gzip.compress(gzip.compress(b" " * 64_000_000))
    packed = {
        "duckduckgo": reply(gzip.compress(b" " * 64_000_000), headers={"Content-Encoding": "gzip"})
    }
    bomb = packed.get(kind, reply(twice, headers={"Content-Encoding": "gzip, gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(ProviderFailed, match="not_understood"):
            await asked_of(web, kind, bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 32_000_000


async def test_a_packed_answer_is_unpacked(web: FakeWeb) -> None:
    found = json.dumps({"results": [{"url": "https://a.example.org/", "title": "A"}]}).encode()
    hits = await asked_of(web, "searxng", gzipped(found))
    assert [hit.title for hit in hits] == ["A"]


@pytest.mark.parametrize("body", ["   ", "<!-- nothing -->", "<?xml"])
async def test_a_page_of_duckduckgo_that_is_none_is_a_failure_of_its_own(
    web: FakeWeb, body: str
) -> None:
    with pytest.raises(ProviderFailed, match="not_understood"):
        await asked_of(web, "duckduckgo", reply(body))
