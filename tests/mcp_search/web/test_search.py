"""The web is searched by the preferred provider, by the next where that finds nothing; each is accounted for."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import date

import pytest
from support.reading import Clock
from support.search_engines import (
    SEARXNG_WITHOUT_JSON,
    Row,
    brave,
    brave_error,
    plain_client,
    rows,
    searxng,
    tavily,
    tavily_error,
)
from support.web_servers import HERE, Answer, Asked, FakeWeb, Write, reply, silent

from mcp_search.errors import NoProvider, ProvidersFailed, SecretInQuery, TooMuch
from mcp_search.web.egress import Egress
from mcp_search.web.hits import merged
from mcp_search.web.providers.brave import Brave
from mcp_search.web.providers.port import Hit, Provider, Query
from mcp_search.web.providers.searxng import SearXNG
from mcp_search.web.providers.tavily import Tavily
from mcp_search.web.search import SearchResult, WebSearch
from shared.mcp_server import InvalidArguments

QUERY = Query("red foxes")
SEARXNG, BRAVE, TAVILY = "/searxng/search", "/brave", "/tavily"


@asynccontextmanager
async def searching(
    web: FakeWeb,
    *,
    on_searxng: Sequence[Answer] = (),
    on_brave: Sequence[Answer] = (),
    on_tavily: Sequence[Answer] = (),
    deadline_s: float = 4.0,
    clock: Clock | None = None,
) -> AsyncGenerator[WebSearch]:
    """With those providers that have answers, in this order."""
    providers: list[Provider] = []
    if on_searxng:
        providers.append(SearXNG(plain_client(), web.on(HERE, SEARXNG, *on_searxng)))
    if on_brave:
        providers.append(Brave(plain_client(), "k", web.on(HERE, BRAVE, *on_brave)))
    if on_tavily:
        providers.append(Tavily(plain_client(), "k", web.on(HERE, TAVILY, *on_tavily)))
    search = WebSearch(providers, Egress(), deadline_s, clock or Clock())
    try:
        yield search
    finally:
        await search.close()


def told(result: SearchResult) -> dict[str, str]:
    return {one.name: f"{one.status} {one.reason}".strip() for one in result.providers}


async def test_no_provider_is_a_state_of_its_own(web: FakeWeb) -> None:
    async with searching(web) as search:
        assert search.names == ()
        with pytest.raises(NoProvider):
            await search.search(QUERY, "acme")


async def test_the_preferred_provider_is_asked_alone_when_it_finds_something(web: FakeWeb) -> None:
    async with searching(
        web, on_searxng=[searxng(rows("a", "b"))], on_brave=[brave(rows("c"))]
    ) as search:
        result = await search.search(QUERY, "acme")
    assert [hit.title for hit in result.hits] == ["About a", "About b"]
    assert told(result) == {"searxng": "ok", "brave": "skipped not_needed"}
    assert web.paths(HERE) == [SEARXNG]


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (searxng(), "empty"),
        (SEARXNG_WITHOUT_JSON, "error format_disabled"),
        (reply("", status=429), "throttled"),
        (reply("", status=500), "error server_error"),
        (reply("<html>"), "error not_understood"),
        (searxng(unresponsive=[["google", "CAPTCHA"]]), "throttled"),
        (searxng([Row("javascript:alert(1)")]), "empty"),
    ],
)
async def test_the_next_is_asked_when_one_fails_or_finds_nothing(
    web: FakeWeb, first: Answer, status: str
) -> None:
    async with searching(web, on_searxng=[first], on_brave=[brave(rows("c"))]) as search:
        result = await search.search(QUERY, "acme")
    assert [hit.title for hit in result.hits] == ["About c"]
    assert told(result) == {"searxng": status, "brave": "ok"}


async def test_a_slow_provider_is_not_waited_for(web: FakeWeb) -> None:
    async with searching(
        web, on_searxng=[silent()], on_brave=[brave(rows("c"))], deadline_s=0.4
    ) as search:
        result = await search.search(QUERY, "acme")
    assert told(result) == {"searxng": "skipped not_needed", "brave": "ok"}


async def test_the_deadline_ends_a_search(web: FakeWeb) -> None:
    async with searching(web, on_searxng=[silent()], on_brave=[silent()], deadline_s=0.2) as search:
        with pytest.raises(ProvidersFailed) as problem:
            await search.search(QUERY, "acme")
    providers = problem.value.details["providers"]
    assert [(one["name"], one["status"], one["reason"]) for one in providers] == [
        ("searxng", "error", "too_slow"),
        ("brave", "error", "too_slow"),
    ]


def test_what_several_found_is_one_list_in_the_order_of_preference() -> None:
    first = [
        Hit("A1", "http://www.a.example.org/x/?utm_source=z&id=1#top", "", engines=("bing",)),
        Hit("B", "https://b.example.org/", ""),
        Hit("B2", "https://b.example.org/?id=2", ""),
    ]
    second = [
        Hit("C", "https://c.example.org/", ""),
        Hit("A2", "https://a.example.org/x?id=1", "", date(2025, 1, 15), ("brave",)),
    ]
    hits = merged([first, second], QUERY)
    assert [hit.title for hit in hits] == ["A1", "B", "B2", "C"]
    assert (hits[0].engines, hits[0].published) == (("bing", "brave"), date(2025, 1, 15))


async def test_nothing_found_by_all_is_an_honest_nothing(web: FakeWeb) -> None:
    async with searching(web, on_searxng=[searxng()], on_brave=[brave_error(500, "X")]) as search:
        result = await search.search(QUERY, "acme")
    assert result.hits == ()
    assert told(result) == {"searxng": "empty", "brave": "error server_error"}


async def test_when_nobody_answers_it_says_who_and_why(web: FakeWeb) -> None:
    async with searching(
        web,
        on_searxng=[SEARXNG_WITHOUT_JSON],
        on_brave=[brave_error(429, "RATE_LIMITED", {"Retry-After": "7"})],
        on_tavily=[tavily_error(401)],
    ) as search:
        with pytest.raises(ProvidersFailed) as problem:
            await search.search(QUERY, "acme")
    data = problem.value.as_data()
    assert data["message"] == (
        "No provider of web search answered (searxng: format disabled, brave: throttled, tavily: key refused)."
    )
    assert "search.formats" in data["hint"]
    assert data["retry_after_s"] == 7
    assert "SECRET-DETAIL" not in str(data)


async def test_a_provider_that_keeps_failing_rests_for_a_minute(web: FakeWeb) -> None:
    clock = Clock()
    failing = [reply("", status=500)] * 6
    async with searching(
        web, on_searxng=[*failing, searxng(rows("a"))], on_brave=[brave(rows("c"))], clock=clock
    ) as search:

        async def status(number: int) -> str:
            return told(await search.search(Query(f"foxes {number}"), "acme"))["searxng"]

        assert [await status(n) for n in range(6)] == ["error server_error"] * 5 + [
            "skipped resting"
        ]
        clock.now_s += 61
        assert [await status(n) for n in (7, 8)] == ["error server_error", "skipped resting"]
        clock.now_s += 61
        assert [await status(n) for n in (9, 10)] == ["ok", "ok"]
    assert web.paths(HERE).count(SEARXNG) == 8


async def test_a_throttled_provider_is_left_alone_as_long_as_it_says(web: FakeWeb) -> None:
    clock = Clock()
    limited = reply("", status=429, headers={"Retry-After": "120"})
    async with searching(web, on_searxng=[limited, searxng(rows("a"))], clock=clock) as search:
        for seconds, wait_s in ((0, 120), (100, 20)):
            clock.now_s += seconds
            with pytest.raises(ProvidersFailed) as problem:
                await search.search(QUERY, "acme")
            assert problem.value.retry_after_s == wait_s
        clock.now_s += 21
        assert told(await search.search(QUERY, "acme")) == {"searxng": "ok"}
    assert len(web.asked) == 2


async def test_results_are_kept_five_minutes_for_their_tenant_alone(web: FakeWeb) -> None:
    clock = Clock()
    async with searching(web, on_searxng=[searxng(rows("a"))], clock=clock) as search:
        first = await search.search(QUERY, "acme")
        again = await search.search(Query("  red   foxes "), "acme")
        assert (first.is_kept, again.is_kept, again.hits) == (False, True, first.hits)
        assert not (await search.search(QUERY, "other")).is_kept
        assert not (await search.search(Query("red foxes", page=2), "acme")).is_kept
        clock.now_s += 301
        assert not (await search.search(QUERY, "acme")).is_kept


async def test_an_empty_answer_is_not_kept(web: FakeWeb) -> None:
    async with searching(web, on_searxng=[searxng(), searxng(rows("a"))]) as search:
        assert (await search.search(QUERY, "acme")).hits == ()
        assert len((await search.search(QUERY, "acme")).hits) == 1


async def test_hits_are_cleaned_bounded_and_within_their_domains(web: FakeWeb) -> None:
    found = [
        Row("https://example.org/1", "A <strong>red</strong> fox &amp; co\u202e", "zero\u200b width " + "x" * 5_000),
        Row("https://sub.example.org/2"),
        Row("https://bad.example.org/3"),
        Row("https://example.org.evil.com/4"),
        Row("https://evil.com/?example.org"),
        Row("http://127.0.0.1/5"),
        Row("https://user:pass@example.org/6"),
        *(Row(f"https://example.org/more/{n}") for n in range(30)),
    ]  # fmt: skip
    query = Query(
        "red foxes", 5, include_domains=("Example.ORG",), exclude_domains=("bad.example.org",)
    )
    async with searching(web, on_searxng=[searxng(found)]) as search:
        hits = (await search.search(query, "acme")).hits
    assert hits[0].title == "A red fox & co"
    assert hits[0].snippet.startswith("zero width xxx")
    assert len(hits[0].snippet) <= 1_000
    assert [hit.url for hit in hits] == [
        "https://example.org/1",
        "https://sub.example.org/2",
        *(f"https://example.org/more/{n}" for n in range(3)),
    ]


async def test_two_of_a_kind_have_names_of_their_own(web: FakeWeb) -> None:
    empty = web.on(HERE, "/one/search", searxng())
    good = web.on(HERE, "/two/search", searxng(rows("a")))
    search = WebSearch([SearXNG(plain_client(), empty), SearXNG(plain_client(), good)], Egress())
    assert told(await search.search(QUERY, "acme")) == {"searxng": "empty", "searxng-2": "ok"}
    await search.close()


async def test_secrets_and_long_texts_are_not_searched_for(web: FakeWeb) -> None:
    async with searching(web, on_searxng=[searxng(rows("a"))]) as search:
        with pytest.raises(SecretInQuery):
            await search.search(Query("what is ghp_" + "a1B2" * 9), "acme")
        with pytest.raises(TooMuch):
            await search.search(Query("long " * 100), "acme")
    assert web.asked == []


@pytest.mark.parametrize(
    "query",
    [
        Query("   "),
        Query("x", max_results=0),
        Query("x", max_results=21),
        Query("x", page=0),
        Query("x", region="deu"),
        Query("x", language="e1"),
        Query("x", include_domains=("a b.com",)),
        Query("x", include_domains=("example.org OR site:evil.com",)),
        Query("x", exclude_domains=("localhost",)),
        Query("x", exclude_domains=[f"a{n}.com" for n in range(11)]),
    ],
)
async def test_a_query_that_means_nothing_is_refused(web: FakeWeb, query: Query) -> None:
    async with searching(web, on_tavily=[tavily(rows("a"))]) as search:
        with pytest.raises(InvalidArguments):
            await search.search(query, "acme")
    assert web.asked == []


async def test_a_search_that_is_given_up_leaves_nothing_running(web: FakeWeb) -> None:
    is_asked = asyncio.Event()

    async def never(_asked: Asked, _write: Write) -> None:
        is_asked.set()
        await asyncio.Event().wait()

    async with searching(web, on_searxng=[never, searxng(rows("a"))]) as search:
        before = asyncio.all_tasks()
        task = asyncio.create_task(search.search(QUERY, "acme"))
        async with asyncio.timeout(5):
            await is_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert {one for one in asyncio.all_tasks() - before if "_ask_one" in str(one)} == set()
        assert told(await search.search(QUERY, "acme")) == {"searxng": "ok"}
