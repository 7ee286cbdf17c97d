"""Searches the web through the providers in the order of preference, and says what became of each."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mcp_search.errors import NoProvider, ProvidersFailed
from mcp_search.web.breaker import Breaker
from mcp_search.web.egress import Egress
from mcp_search.web.hits import merged
from mcp_search.web.kept import Kept
from mcp_search.web.providers.port import (
    Hit,
    NotOffered,
    Provider,
    ProviderFailed,
    Query,
    Throttled,
    Trouble,
)
from shared.mcp_server import InvalidArguments

KEPT_S = 300.0
KEPT_RESULTS = 2_000
MAX_DOMAINS = 10
MAX_RESULTS = 20
HEDGE = 0.25
"""Of the deadline: when the preferred provider has said nothing for so long, the next is asked beside it."""

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TWO_LETTERS = re.compile(r"[a-z]{2}")

Status = Literal["ok", "empty", "throttled", "error", "skipped"]
Reason = Trouble | Literal["", "resting", "not_needed", "not_offered"]
"""Of `error`: the trouble. Of `skipped`: resting (it failed or throttled lately), not_needed, not_offered."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """What became of one provider."""

    name: str
    status: Status
    ms: int = 0
    """That it took; 0 where it was not asked."""
    reason: Reason = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found. Everything in the hits was written by others."""

    hits: tuple[Hit, ...]
    providers: tuple[ProviderStatus, ...]
    """All of them, in the order of preference. No hits with one that is `empty`: the web has none of it."""
    is_kept: bool = False
    """It was found for an earlier call; the statuses are those of then."""


@dataclass(slots=True)
class _Member:
    """A provider and how it fares."""

    name: str
    provider: Provider
    breaker: Breaker


@dataclass(slots=True)
class _Round:
    """One search: what was asked, what came."""

    statuses: dict[str, ProviderStatus] = field(default_factory=dict[str, ProviderStatus])
    hits: dict[str, list[Hit]] = field(default_factory=dict[str, list[Hit]])
    retry_after_s: list[float] = field(default_factory=list[float])

    def note(self, name: str, status: Status, started: float = 0, reason: Reason = "") -> None:
        ms = round(1_000 * (time.monotonic() - started)) if started else 0
        self.statuses[name] = ProviderStatus(name, status, ms, reason)


class WebSearch:
    """The way to search the web. Results are kept for five minutes, for each tenant apart."""

    def __init__(
        self,
        providers: Sequence[Provider],
        egress: Egress,
        deadline_s: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`providers` in the order of preference."""
        names = list(_numbered([provider.name for provider in providers]))
        self._members = [
            _Member(name, provider, Breaker(clock))
            for name, provider in zip(names, providers, strict=True)
        ]
        self._egress = egress
        self._deadline_s = deadline_s
        self._kept: Kept[tuple[str, Query], SearchResult] = Kept(KEPT_S, KEPT_RESULTS, clock=clock)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the providers; empty: the web cannot be searched."""
        return tuple(member.name for member in self._members)

    async def search(self, query: Query, tenant: str) -> SearchResult:
        """What the first provider that finds something finds.

        The next is asked when one fails, finds nothing or is slow; what has come by then is merged.

        Raises:
            NoProvider: none is configured.
            ProvidersFailed: none of them could be asked or answered. `details`: `providers`.
            SecretInQuery, TooMuch: as Egress.check_query.
            InvalidArguments: a domain, region or language is none.
        """
        if not self._members:
            raise NoProvider(
                "The web cannot be searched: no provider is configured on this server.",
                hint="Tell the user that the operator can configure SearXNG, Brave, Tavily or DuckDuckGo.",
            )
        query = _checked(query)
        self._egress.check_query(query.words)
        for domain in (*query.include_domains, *query.exclude_domains):
            self._egress.check_url(f"https://{domain}/")
        kept = self._kept.get((tenant, query))
        if kept is not None:
            return replace(kept, is_kept=True)
        result = await self._searched(query)
        if result.hits:
            self._kept.put((tenant, query), result)
        return result

    async def close(self) -> None:
        for member in self._members:
            await member.provider.close()

    async def _searched(self, query: Query) -> SearchResult:
        told = _Round()
        await self._ask(query, told)
        for member in self._members:
            if member.name not in told.statuses:
                told.note(member.name, "skipped", reason="not_needed")
        statuses = tuple(told.statuses[member.name] for member in self._members)
        if not any(one.status in {"ok", "empty"} for one in statuses):
            raise _none_answered(statuses, told.retry_after_s)
        in_order = [told.hits[one.name] for one in statuses if one.name in told.hits]
        return SearchResult(merged(in_order, query), statuses)

    async def _ask(self, query: Query, told: _Round) -> None:
        """One after the other, without waiting long for any, until one has found something or time is up."""
        members = iter(self._members)
        running: dict[asyncio.Task[None], _Member] = {}
        ends_at = time.monotonic() + self._deadline_s
        try:
            while not told.hits:
                started = self._start_next(members, query, told)
                if started is not None:
                    running[started[0]] = started[1]
                left_s = ends_at - time.monotonic()
                if not running or left_s <= 0:
                    return
                wait_s = left_s if started is None else min(left_s, HEDGE * self._deadline_s)
                done, _ = await asyncio.wait(
                    running, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    running.pop(task).breaker.given_up()
                    task.result()
        finally:
            for task, member in running.items():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
                if member.name not in told.statuses:
                    self._give_up(member, told)

    def _start_next(
        self, members: Iterator[_Member], query: Query, told: _Round
    ) -> tuple[asyncio.Task[None], _Member] | None:
        for member in members:
            if member.breaker.may_try():
                return asyncio.create_task(_ask_one(member, query, told)), member
            told.note(member.name, "skipped", reason="resting")
            told.retry_after_s.append(member.breaker.rests_s)
        return None

    def _give_up(self, member: _Member, told: _Round) -> None:
        """It has not answered until now: that is its failure only if nobody else was quicker."""
        if told.hits:
            member.breaker.given_up()
            told.note(member.name, "skipped", reason="not_needed")
        else:
            member.breaker.failed()
            told.note(member.name, "error", time.monotonic() - self._deadline_s, "too_slow")


async def _ask_one(member: _Member, query: Query, told: _Round) -> None:
    started = time.monotonic()
    try:
        hits = await member.provider.search(query)
    except Throttled as throttled:
        member.breaker.throttled(throttled.retry_after_s)
        told.retry_after_s.append(member.breaker.rests_s)
        told.note(member.name, "throttled", started)
    except NotOffered:
        member.breaker.given_up()
        told.note(member.name, "skipped", reason="not_offered")
    except ProviderFailed as failure:
        member.breaker.failed()
        told.note(member.name, "error", started, failure.trouble)
    else:
        member.breaker.answered()
        # What none may follow, or is outside of the domains asked for, is nothing found.
        if merged([hits], query):
            told.hits[member.name] = hits
        told.note(member.name, "ok" if member.name in told.hits else "empty", started)


def _numbered(names: Sequence[str]) -> Iterator[str]:
    """Each once: searxng, searxng-2 and so on."""
    for place, name in enumerate(names):
        earlier = names[:place].count(name)
        yield f"{name}-{earlier + 1}" if earlier else name


def _checked(query: Query) -> Query:
    words = " ".join(query.words.split())
    if not words:
        raise InvalidArguments("query: has no words.")
    if not 1 <= query.max_results <= MAX_RESULTS:
        raise InvalidArguments(f"max_results: is from 1 to {MAX_RESULTS}.")
    if query.page < 1:
        raise InvalidArguments("page: is from 1 on.")
    for name, told in (("region", query.region), ("language", query.language)):
        if told is not None and not _TWO_LETTERS.fullmatch(told.lower()):
            raise InvalidArguments(f"{name}: is a code of two letters.")
    return replace(
        query,
        words=words,
        region=query.region.lower() if query.region else None,
        language=query.language.lower() if query.language else None,
        include_domains=_domains("include_domains", query.include_domains),
        exclude_domains=_domains("exclude_domains", query.exclude_domains),
    )


def _domains(name: str, told: Sequence[str]) -> tuple[str, ...]:
    """In one form; they become part of queries, where anything else would be an operator."""
    domains = tuple(
        dict.fromkeys(one.strip().lower().removeprefix("*.").rstrip(".") for one in told)
    )
    if len(domains) > MAX_DOMAINS:
        raise InvalidArguments(f"{name}: has at most {MAX_DOMAINS} domains.")
    if not all(_DOMAIN.fullmatch(one) and len(one) <= 253 for one in domains):
        raise InvalidArguments(f"{name}: has what is no domain, such as example.org.")
    return domains


def _none_answered(
    statuses: Sequence[ProviderStatus], retry_after_s: Sequence[float]
) -> ProvidersFailed:
    providers: list[dict[str, Any]] = [
        {"name": one.name, "status": one.status, "ms": one.ms, "reason": one.reason}
        for one in statuses
    ]
    told = ", ".join(
        f"{one.name}: {(one.reason or one.status).replace('_', ' ')}" for one in statuses
    )
    return ProvidersFailed(
        f"No provider of web search answered ({told}).",
        hint=_advice(statuses),
        retry_after_s=min(retry_after_s, default=None),
        providers=providers,
    )


def _advice(statuses: Sequence[ProviderStatus]) -> str:
    reasons = {one.reason for one in statuses}
    if "format_disabled" in reasons:
        return "The operator must add json to search.formats in the settings of SearXNG."
    if "key_refused" in reasons:
        return "The operator must renew the provider's key."
    return "Try again later, or say that the web could not be searched."
