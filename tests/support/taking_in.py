"""A knowledge base that takes documents in, over a real store and real jobs; only the model that embeds is played."""

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mcp_search.config import Knowledge, Limits
from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.chunking import chunks
from mcp_search.knowledge.ingestion.jobs import Jobs, Pace
from mcp_search.knowledge.ingestion.roll import roll_at
from mcp_search.knowledge.ingestion.work import FileReader, Job, Work
from mcp_search.knowledge.library import Library
from mcp_search.knowledge.model import (
    Block,
    Chunk,
    Document,
    EmbeddingModel,
    Filters,
    Parsed,
    Reader,
    Scored,
)
from mcp_search.knowledge.ports import KnowledgeStore, Vectors
from mcp_search.knowledge.store.opening import open_store
from shared.service_tokens import Principal

TENANT = "acme"
ADA = Principal("ada", TENANT, frozenset({"editor"}), name="Ada")
BOB = Principal("bob", TENANT, frozenset({"member", "finance"}), name="Bob")
EVE = Principal("eve", "rival", frozenset({"owner", "admin", "editor"}), name="Eve")
QUICK = Pace(poll_s=0.05, sweep_s=0.2, embed_again_s=0.2)
DIMENSION = 64


@dataclass(slots=True)
class PlayedEmbedder:
    """Texts with the same words are near each other: each word counts in one of the numbers."""

    name: str = "played"
    dimension: int = DIMENSION
    before: Callable[[], object] = lambda: None
    away: int = 0
    """So many more calls fail."""
    gate: asyncio.Event | None = None
    """What calls wait for."""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """A call waits, or has."""
    embedded: list[str] = field(default_factory=list[str])

    @property
    def model(self) -> EmbeddingModel:
        return EmbeddingModel(self.name, self.dimension)

    @property
    def max_tokens(self) -> int:
        return 500

    def count(self, text: str) -> int:
        return len(text.split())

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.away:
            self.away -= 1
            raise KnowledgeAway("The embedding service does not answer.")
        self.before()
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        self.embedded += texts
        rows = [self._row(text) for text in texts]
        return np.stack(rows).astype(np.float32)

    async def embed_query(self, text: str) -> Vectors:
        return await self.embed([text])

    async def close(self) -> None: ...

    def _row(self, text: str) -> Vectors:
        row = np.full(self.dimension, 0.01, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.sha256(f"{self.name} {word}".encode()).digest()
            row[int.from_bytes(digest[:4]) % self.dimension] += 1
        return (row / np.linalg.norm(row)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PlainReader:
    """Reads plain text in this process: what is tested with it is not how files are read."""

    async def read(self, original: bytes, name: str) -> Parsed:
        del name
        text = original.decode()
        spans = [match.span() for match in re.finditer(r"[^\n]+", text)]
        return Parsed(text, tuple(Block("text", start, end) for start, end in spans))

    async def cut(self, parsed: Parsed, title: str) -> Sequence[Chunk]:
        return chunks(parsed, lambda text: len(text.split()), 16, 0, title=title)


def store_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'knowledge.db'}"


def store_at(folder: Path, jobs_at: str) -> str:
    """The store is kept where the jobs are: beside them, or in the same database."""
    return store_url(folder) if jobs_at.startswith("sqlite") else jobs_at


def jobs_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'jobs.db'}"


@dataclass(slots=True)
class KnowledgeBase:
    """What a test sees of it."""

    store: KnowledgeStore
    embedder: PlayedEmbedder
    library: Library
    jobs: Jobs

    async def settled(self, document: Document) -> Document:
        """When its newest version is ready, failed or cancelled."""
        async with asyncio.timeout(30):
            while True:
                found = await self.store.work(document.tenant, document.id)
                assert found is not None
                if found[0].state in {"ready", "failed", "cancelled"}:
                    return found[0]
                await asyncio.sleep(0.01)

    async def embedded(self) -> None:
        """When every ready version has vectors of its collection's model, and the jobs know."""
        async with asyncio.timeout(30):
            while True:
                if not await self.store.unembedded() and not self.jobs.is_behind(TENANT):
                    return
                await asyncio.sleep(0.01)

    def deaf(self) -> None:
        """From now on no search by words finds anything."""

        async def nothing(reader: Reader, words: str, filters: Filters, k: int) -> list[Scored]:
            del reader, words, filters, k
            return []

        self.store.matching = nothing

    async def found(self, principal: Principal, words: str) -> list[str]:
        """The texts of passages that the words find."""
        return [each.passage.text for each in await self.matching(principal, words)]

    async def matching(self, principal: Principal, words: str) -> list[Scored]:
        reader = Reader(principal.tenant, principal.subject, principal.roles)
        return await self.store.matching(reader, words, Filters(), 50)


@dataclass(slots=True)
class HeldQueue:
    """Takes jobs and has none of them done."""

    jobs: list[Job] = field(default_factory=list[Job])

    async def submit(self, job: Job) -> None:
        self.jobs.append(job)


def library_over(
    store: KnowledgeStore, queue: Jobs | HeldQueue, embedder: PlayedEmbedder, **limits: int
) -> Library:
    config = Knowledge(document_bytes=limits.pop("document_bytes", 1_000_000))
    return Library(store, queue, config, Limits(**limits), embedder.model)


@asynccontextmanager
async def knowledge_base(
    folder: Path,
    *,
    store: KnowledgeStore | None = None,
    reader: FileReader | None = None,
    embedder: PlayedEmbedder | None = None,
    jobs_at: str = "",
    batch: int = 4,
    waits_s: Sequence[float] = (0.01, 0.01, 0.01),
) -> AsyncGenerator[KnowledgeBase]:
    """Started, and closed in the end."""
    jobs_at = jobs_at or jobs_url(folder)
    store = store or open_store(store_at(folder, jobs_at))
    embedder = embedder or PlayedEmbedder()
    work = Work(store, embedder, reader or PlainReader(), batch=batch, waits_s=waits_s)
    jobs = Jobs(jobs_at, roll_at(jobs_at), work, pace=QUICK)
    await store.start()
    try:
        await jobs.start()
        yield KnowledgeBase(store, embedder, library_over(store, jobs, embedder), jobs)
    finally:
        await jobs.close()
        await store.close()
