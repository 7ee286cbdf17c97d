"""What the tools work with, put together from settings and configuration. Nothing is connected before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from mcp_search.config import Config, Limits
from mcp_search.errors import KnowledgeAway, RateLimited
from mcp_search.knowledge.answers import Answers
from mcp_search.knowledge.citations.checker import CitationChecker
from mcp_search.knowledge.embedding.making import make_embedder
from mcp_search.knowledge.ingestion.jobs import Jobs, Pace
from mcp_search.knowledge.ingestion.reading import ConfinedReader, limits_of
from mcp_search.knowledge.ingestion.roll import roll_at
from mcp_search.knowledge.ingestion.work import Work
from mcp_search.knowledge.library import Library
from mcp_search.knowledge.parsing.process import parse
from mcp_search.knowledge.ports import Embedder, KnowledgeStore
from mcp_search.knowledge.reranking import Reranker, make_reranker
from mcp_search.knowledge.retrieval import Retrieval
from mcp_search.knowledge.store.opening import open_store
from mcp_search.sample.add import Samples
from mcp_search.settings import Settings, canaries, jobs_url, store_url
from mcp_search.web.opening import OpenWeb, open_web
from shared.errors import BadSetup, TooManyRequests
from shared.local_rate_limit import LocalRateLimit
from shared.mcp_server import current_principal, signed_in
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Rates:
    """What one person may do in a minute, by what it is."""

    searches: LocalRateLimit
    fetches: LocalRateLimit
    knowledge: LocalRateLimit

    @classmethod
    def of(cls, limits: Limits) -> "Rates":
        return cls(
            LocalRateLimit(limits.searches_a_minute),
            LocalRateLimit(limits.fetches_a_minute),
            LocalRateLimit(limits.knowledge_a_minute),
        )


@dataclass(slots=True)
class Parts:
    """All of it. Belongs to one event loop."""

    settings: Settings
    config: Config
    web: OpenWeb
    store: KnowledgeStore
    embedder: Embedder
    reranker: Reranker | None
    retrieval: Retrieval
    citations: CitationChecker
    library: Library
    answers: Answers
    jobs: Jobs
    rates: Rates
    samples: Samples | None = None
    works: bool = True
    """Documents that are uploaded are worked on. Not where somebody only looks."""
    local: Principal | None = None
    """The caller when there is no token: the local user over stdio."""
    _is_started: bool = field(default=False, init=False)

    async def start(self) -> None:
        """Connect, and go on with the work that was left; once. Raises BadSetup."""
        if self._is_started:
            return
        self._is_started = True
        await self.store.start()
        if self.works:
            await self.jobs.start()
            self.web.start()
            if self.samples is not None and self.local is not None:
                self.samples.begin(self.local.tenant)

    async def close(self) -> None:
        """Stop working, which the next start goes on with, and let go."""
        self._is_started = False
        if self.samples is not None:
            await self.samples.close()
        if self.works:
            await self.jobs.close()
        await self.web.close()
        if self.reranker is not None:
            await self.reranker.close()
        await self.embedder.close()
        await self.store.close()

    async def problems(self) -> Mapping[str, str | None]:
        """What the server cannot work without → why it does not work right now."""
        try:
            await self.store.changes("")
        except KnowledgeAway as error:
            return {"knowledge": error.message}
        return {"knowledge": None}

    async def remove_tenant(self, tenant: str) -> bool:
        """Delete a part of what is kept of a tenant. Whether nothing is left. Raises KnowledgeAway."""
        if self.samples is not None:
            await self.samples.forget(tenant)
        return await self.store.remove_tenant(tenant)

    def principal(self) -> Principal | None:
        return current_principal(self.local)

    def caller(self) -> Principal:
        """Raises Refused: nobody is signed in."""
        caller = signed_in(self.principal())
        if self.samples is not None:
            self.samples.begin(caller.tenant)
        return caller

    def searcher(self) -> Principal:
        """The caller of web_search, counted. Raises Refused, RateLimited."""
        return self._counted(self.rates.searches, "searches_a_minute")

    def fetcher(self) -> Principal:
        """The caller who wants a page, counted. Raises Refused, RateLimited."""
        return self._counted(self.rates.fetches, "fetches_a_minute")

    def asker(self) -> Principal:
        """The caller who asks the knowledge base, counted. Raises Refused, RateLimited."""
        return self._counted(self.rates.knowledge, "knowledge_a_minute")

    def _counted(self, rate: LocalRateLimit, limit: str) -> Principal:
        caller = self.caller()
        try:
            rate.take((caller.tenant, caller.subject))
        except TooManyRequests as error:
            raise RateLimited(
                f"More than {rate.per_minute} a minute.",
                hint=f"Wait {error.retry_after_s:g} s.",
                retry_after_s=error.retry_after_s,
                limit=limit,
            ) from None
        return caller


def make_parts(
    settings: Settings,
    config: Config,
    local: Principal | None = None,
    *,
    web: OpenWeb | None = None,
    works: bool = True,
    pace: Pace | None = None,
) -> Parts:
    """Open what is configured; `web` and `pace` in place of the usual. Raises BadSetup, with the sentence to show."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetup(f"MCP_SEARCH_DATA_DIR, {folder}: {error.strerror}.") from None
    known = config.knowledge
    embedder = make_embedder(known.embeddings)
    reranker = make_reranker(known.reranking)
    store = open_store(store_url(settings))
    work = Work(store, embedder, ConfinedReader(known, embedder), batch=known.embeddings.batch)
    url = jobs_url(settings)
    jobs = Jobs(url, roll_at(url), work, at_once=known.ingest_at_once, pace=pace)
    library = Library(store, jobs, known, config.limits, embedder.model)
    return Parts(
        settings=settings,
        config=config,
        web=web
        or open_web(
            config.web,
            config.limits,
            partial(parse, limits=limits_of(known)),
            canaries=canaries(settings),
        ),
        store=store,
        embedder=embedder,
        reranker=reranker,
        retrieval=Retrieval(store, [embedder], good_enough=known.good_enough, reranker=reranker),
        citations=CitationChecker(store, embedder),
        library=library,
        answers=Answers(library),
        jobs=jobs,
        rates=Rates.of(config.limits),
        samples=Samples(library, folder / "sample") if settings.sample and works else None,
        works=works,
        local=local,
    )
