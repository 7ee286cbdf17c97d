"""Puts together what reads and searches the web, from the configuration."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from mcp_search.config import Limits, Web
from mcp_search.config import Provider as ProviderConfig
from mcp_search.web.egress import Egress
from mcp_search.web.exchange import Exchange
from mcp_search.web.fetcher import Fetched, Fetcher
from mcp_search.web.guard import Guard
from mcp_search.web.page_process import PageProcess
from mcp_search.web.providers.answers import MakeClient, make_client
from mcp_search.web.providers.brave import Brave
from mcp_search.web.providers.duckduckgo import DuckDuckGo
from mcp_search.web.providers.port import Provider
from mcp_search.web.providers.searxng import SearXNG
from mcp_search.web.providers.tavily import Tavily
from mcp_search.web.reader import PageReader, ParseDocument
from mcp_search.web.search import WebSearch
from mcp_search.web.transport import GuardedProxyTransport, PinnedTransport, Resolve, Resolver
from mcp_search.web.turns import Turns


@dataclass(frozen=True, slots=True)
class OpenWeb:
    """The web, as far as this server may reach it."""

    search: WebSearch
    reader: PageReader
    _fetcher: Fetcher
    _egress: Egress
    _exchange: Exchange
    _process: PageProcess
    _resolver: Resolver

    async def fetch(self, url: str) -> Fetched:
        """What is at an address, as it came; judged and bounded as pages are. Raises as Egress and Fetcher do."""
        self._egress.check_url(url)
        return await self._fetcher.fetch(url)

    def start(self) -> None:
        """Have ready what the first page would wait half a second for."""
        self._process.start()

    async def close(self) -> None:
        await self.search.close()
        await self._exchange.close()
        await self._process.close()
        self._resolver.close()


def open_web(
    web: Web,
    limits: Limits,
    parse_document: ParseDocument,
    *,
    canaries: Sequence[str] = (),
    guard: Guard | None = None,
    resolve: Resolve | None = None,
    tls: ssl.SSLContext | None = None,
    turns: Turns | None = None,
    client: MakeClient = make_client,
) -> OpenWeb:
    """Nothing is asked of anybody yet. Raises BadSetup when a provider's key cannot be read.

    `guard`, `resolve`, `tls`: in place of what the configuration, this machine's resolver and its Python say.
    """
    guard = guard or Guard(web.allow, web.deny)
    egress = Egress(limits.query_characters, canaries)
    resolver = Resolver()
    exchange = Exchange(_transport(web, guard, resolve or resolver, tls), web.user_agent)
    process = PageProcess()
    fetcher = Fetcher(web, guard, exchange, turns or Turns())
    return OpenWeb(
        search=WebSearch(
            [_provider(one, web.deadline_s, client) for one in web.providers],
            egress,
            web.deadline_s,
        ),
        reader=PageReader(fetcher, process, parse_document, egress),
        _fetcher=fetcher,
        _egress=egress,
        _exchange=exchange,
        _process=process,
        _resolver=resolver,
    )


def _transport(
    web: Web, guard: Guard, resolve: Resolve, tls: ssl.SSLContext | None
) -> httpx.AsyncBaseTransport:
    if web.proxy is not None:
        return GuardedProxyTransport(guard, str(web.proxy), tls)
    return PinnedTransport(guard, resolve, tls)


def _provider(told: ProviderConfig, deadline_s: float, client: MakeClient) -> Provider:
    url = str(told.url) if told.url else None
    key = told.key.read(f"The key of {told.kind}") if told.key else None
    match told.kind:
        case "searxng":
            return SearXNG(client(), url or "", key)
        case "brave":
            return Brave(client(), key or "", url)
        case "tavily":
            return Tavily(client(), key or "", url)
        case "duckduckgo":
            return DuckDuckGo(deadline_s, url)
