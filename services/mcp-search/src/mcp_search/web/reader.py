"""Reads pages of the web for people: fetched, made text of, kept for a while for each tenant."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from mcp_search.errors import UnsupportedType
from mcp_search.knowledge import model
from mcp_search.web.egress import Egress
from mcp_search.web.fetcher import Fetched, Fetcher
from mcp_search.web.guard import parse
from mcp_search.web.kept import Kept
from mcp_search.web.page import Extracted, Flag
from mcp_search.web.page_process import PageProcess
from mcp_search.web.page_wire import PageTask
from shared.untrusted.links import Link

KEPT_S = 600.0
KEPT_CHARACTERS = 50_000_000
"""Of all pages together."""

ParseDocument = Callable[[bytes, str], Awaitable[model.Parsed]]
"""Reads a file by its content; the name is a hint. Raises UnreadableDocument, UnsupportedType, TooMuch."""
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the web as text. All of it was written by others."""

    url: str
    """As asked for, in its one form."""
    final_url: str
    redirects: tuple[str, ...]
    """The addresses that sent us on, in their order."""
    media_type: str
    """By the content."""
    text: str
    """Markdown."""
    title: str
    author: str
    published: date | None
    language: str
    links: tuple[Link, ...]
    hidden_removed: int
    """Characters of hidden text."""
    flags: frozenset[Flag]
    pages: tuple[model.Page, ...]
    """Which part of the text stands on which page of a PDF."""
    warnings: tuple[str, ...]
    """In a person's words: what could not be read."""
    fetched_at: datetime
    is_kept: bool = False
    """It was fetched for an earlier call, not for this one."""


class PageReader:
    """The way to pages. Nothing is kept of one tenant for another."""

    def __init__(
        self,
        fetcher: Fetcher,
        process: PageProcess,
        parse_document: ParseDocument,
        egress: Egress,
        kept: Kept[tuple[str, str], Page] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fetcher = fetcher
        self._process = process
        self._parse_document = parse_document
        self._egress = egress
        self._kept = kept or new_memory()
        self._now = now

    async def read(self, url: str, tenant: str) -> Page:
        """The page at that address, not older than ten minutes.

        Raises:
            AddressRefused, FetchRefused, FetchFailed, TooMuch, RateLimited: as Fetcher.fetch.
            SecretInQuery: the address has a secret in it.
            UnsupportedType: it is a picture, a sound, an archive or the like. `details`: `media_type`.
            UnreadableDocument: its text cannot be had. `details`: `reason`.
        """
        target = parse(url)
        self._egress.check_url(target.url)
        kept = self._kept.get((tenant, target.url))
        if kept is not None:
            return replace(kept, is_kept=True)
        fetched = await self._fetcher.fetch(url)
        page = await self._read(target.url, fetched)
        if fetched.may_be_kept:
            self._kept.put((tenant, target.url), page)
        return page

    async def _read(self, url: str, fetched: Fetched) -> Page:
        task = PageTask(fetched.url, fetched.charset, fetched.media_type in _HTML_TYPES)
        answer = await self._process.read(task, fetched.body)
        if answer.kind == "unsupported":
            raise UnsupportedType(
                "The page is of a kind whose text cannot be read.",
                hint="Give the user the link.",
                media_type=answer.media_type,
            )
        if answer.page is not None:
            return self._page(url, fetched, answer.page, answer.media_type)
        parsed = await self._parse_document(fetched.body, f"page.{answer.kind}")
        page = self._page(url, fetched, Extracted(parsed.text, parsed.title), parsed.media_type)
        return replace(page, pages=parsed.pages, warnings=parsed.warnings)

    def _page(self, url: str, fetched: Fetched, said: Extracted, media_type: str) -> Page:
        return Page(
            url=url,
            final_url=fetched.url,
            redirects=fetched.redirects,
            media_type=media_type,
            text=said.text,
            title=said.title,
            author=said.author,
            published=said.published,
            language=said.language,
            links=said.links,
            hidden_removed=said.hidden_removed,
            flags=said.flags,
            pages=(),
            warnings=(),
            fetched_at=self._now(),
        )


def new_memory(clock: Callable[[], float] = time.monotonic) -> Kept[tuple[str, str], Page]:
    """For pages, by tenant and address."""
    return Kept(KEPT_S, KEPT_CHARACTERS, _weight, clock)


def _weight(page: Page) -> int:
    return len(page.text) + 1_000
