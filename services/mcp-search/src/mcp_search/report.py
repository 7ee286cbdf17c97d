"""What follows from the configuration in plain lines, for the owner: who is asked, what is fetched, what is kept."""

import asyncio
from urllib.parse import urlsplit

import httpx

from mcp_search.config import Config, Embeddings, Limits, Provider, Reranking, Web
from mcp_search.errors import KnowledgeAway
from mcp_search.parts import Parts
from mcp_search.settings import Settings

REACHED_WITHIN_S = 3.0
OWN_ADDRESS = {
    "brave": "https://api.search.brave.com",
    "tavily": "https://api.tavily.com",
    "duckduckgo": "https://html.duckduckgo.com",
}


async def report(settings: Settings, parts: Parts) -> list[str]:
    """Of the whole configuration, never with a secret. The parts must have been started."""
    config = parts.config
    providers = await asyncio.gather(*(_provider(one) for one in config.web.providers))
    problem = (await parts.problems())["knowledge"]
    return [
        "Web search",
        *(f"  {line}" for line in providers or ["No provider: web_search says so."]),
        "",
        "Pages",
        *(f"  {line}" for line in _pages(config.web)),
        "",
        "Knowledge base",
        f"  Kept in: {_place(settings)}; {problem or 'works'}",
        f"  Embedded by: {_model(config.knowledge.embeddings)}; {await _embeds(parts)}",
        f"  Sorted again by: {_reranker(config.knowledge.reranking)}",
        f"  Editors: everybody with the role {', '.join(config.knowledge.editor_roles) or 'nobody'}",
        *(f"  {line}" for line in _reading(config)),
        "",
        f"Limits: {_limits(config.limits)}",
        *_asking(settings),
        f"Tokens accepted of: {', '.join(settings.issuers) or 'nobody'}",
    ]


async def _provider(one: Provider) -> str:
    url = str(one.url) if one.url else OWN_ADDRESS[one.kind]
    key = ", with a key" if one.key else ""
    return f"{one.kind} at {_host(url)}{key}: {await _reached(url)}"


def _host(url: str) -> str:
    """Without what may hold a secret: user, path and query."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


async def _reached(url: str) -> str:
    """Whether the host answers at all. Nothing is searched for, and no key is sent."""
    parts = urlsplit(url)
    try:
        async with httpx.AsyncClient(timeout=REACHED_WITHIN_S, trust_env=False) as http:
            await http.get(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"does not answer ({type(error).__name__})"
    return "answers"


def _pages(web: Web) -> list[str]:
    allowed = "the public web" if web.allow is None else ", ".join(web.allow) or "nothing"
    return [
        f"May be fetched: {allowed}" + (f", but not {', '.join(web.deny)}" if web.deny else ""),
        "Never fetched: addresses that are not public, ports other than 80 and 443",
        f"robots.txt: {web.robots}; as {web.user_agent}; at most {web.wire_bytes:,} bytes, {web.redirects} redirects, "
        f"{web.fetch_s:g} s",
        *([f"By the proxy {_host(str(web.proxy))}, which resolves names"] if web.proxy else []),
    ]


def _place(settings: Settings) -> str:
    if settings.store_url is None:
        return str(settings.data_dir)
    return f"PostgreSQL at {_host(settings.store_url.get_secret_value())}"


def _model(embeddings: Embeddings) -> str:
    match embeddings.kind:
        case "builtin":
            return "all-MiniLM-L6-v2 on this machine"
        case "openai":
            return f"{embeddings.model} ({embeddings.dimension}) at {_host(str(embeddings.url))}"
        case "none":
            return "nothing, so documents are found by their words"


def _reranker(reranking: Reranking) -> str:
    match reranking.kind:
        case "none":
            return "nothing"
        case "lexical":
            return "the question's words"
        case "http":
            return f"{reranking.model} at {_host(str(reranking.url))}"


async def _embeds(parts: Parts) -> str:
    try:
        await parts.embedder.embed_query("Does it work?")
    except KnowledgeAway as error:
        return error.message
    return "works"


def _reading(config: Config) -> list[str]:
    known = config.knowledge
    return [
        f"Documents: at most {known.document_bytes:,} bytes and {known.document_pages:,} pages; "
        f"read in {known.parse_s:g} s of processor time and {known.parse_bytes:,} bytes of memory, "
        f"{known.ingest_at_once} at once"
    ]


def _limits(limits: Limits) -> str:
    return (
        f"one person's {limits.searches_a_minute} searches, {limits.fetches_a_minute} pages and "
        f"{limits.knowledge_a_minute} questions to the documents a minute, {limits.uploads_a_day} uploads a day; "
        f"{limits.query_characters} characters of a query to the web"
    )


def _asking(settings: Settings) -> list[str]:
    asked = "; ".join(
        [
            *(f"by {issuer}, before it calls" for issuer in settings.confirming_issuers),
            "else by a question to the agent's person; where none can be shown nothing is deleted",
        ]
    )
    has_key = settings.confirmation_key or settings.confirmation_key_file
    return [
        f"Confirmation: {asked}",
        f"Answers sealed with: {'the configured key' if has_key else 'a key of this process'}",
        f"What must not leave: {settings.canaries_file or 'no list'}",
    ]
