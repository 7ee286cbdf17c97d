"""How often a search finds the right section of Python's documentation: by words, by meaning, by both.

Run it with `make bench-retrieval`; method and figures are in docs/retrieval.md. The documentation is Debian's package
python3.11-doc at one version, taken with apt-get (which need not be root for that) and kept in var/bench.
"""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mcp_search.knowledge.chunking import OVERLAP_TOKENS, chunks
from mcp_search.knowledge.embedding.builtin import MODEL, BuiltinEmbedder
from mcp_search.knowledge.fusion import Weights, fuse, weights_of
from mcp_search.knowledge.judging import LOOKED_AT, closeness
from mcp_search.knowledge.model import (
    EVERYBODY,
    Block,
    Chunk,
    Collection,
    Document,
    Filters,
    Parsed,
    Passage,
    Reader,
    Scored,
)
from mcp_search.knowledge.parsing.process import parse
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.retrieval import Retrieval
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

PACKAGE, VERSION = "python3.11-doc", "3.11.2-6+deb12u9"
SHA256 = "5b3594189d6ef9a6963ce0347fd307a1cc67620ad697e144db366070e2e146be"
HTML = Path("usr/share/doc/python3.11/html")
KEPT = Path("var/bench")
SECTIONS = {
    "tutorial": "appetite classes controlflow datastructures errors floatingpoint inputoutput interpreter introduction"
    " modules stdlib stdlib2 venv",
    "howto": "argparse descriptor enum functional ipaddress logging-cookbook logging pyporting regex sockets sorting"
    " unicode urllib2",
    "faq": "design general library programming windows",
    "library": "argparse asyncio-dev asyncio-queue asyncio-subprocess asyncio-sync asyncio-task bisect collections"
    " concurrent.futures configparser contextlib copy csv dataclasses datetime decimal enum exceptions functools"
    " getpass glob hashlib heapq hmac http.server io ipaddress itertools json logging.handlers mmap multiprocessing"
    " os.path pathlib pdb pickle profile queue random secrets shelve shlex shutil signal smtplib sqlite3 statistics"
    " struct subprocess tempfile textwrap threading timeit tomllib tracemalloc urllib.parse uuid venv warnings weakref"
    " zipfile zoneinfo",
}
READER = Reader("bench", "ada", frozenset())
SEEN_CHARACTERS = 80
"""Of the right section that a passage must hold, or all of it."""
FIFTY = 50
WEIGHTS = (0.05, 0.1, 0.15, 0.2, 0.3)
KEEP = 0.97
"""Of the answerable questions: the threshold lets through so many."""

Ranking = Callable[["Asked"], list[Passage]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands."""

    page: str
    start: int
    end: int

    def is_in(self, passage: Passage) -> bool:
        """Whether the passage holds enough of it."""
        seen = min(passage.end, self.end) - max(passage.start, self.start)
        enough = min(SEEN_CHARACTERS, self.end - self.start, passage.end - passage.start)
        return passage.document_id == self.page and seen >= enough


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what each leg found."""

    kind: str
    text: str
    places: tuple[Place, ...]
    dense: list[Scored]
    keyword: list[Scored]

    @property
    def is_held_out(self) -> bool:
        """Half of the questions, by their text; weights are chosen by the others."""
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


def main() -> None:
    """Print the tables."""
    asyncio.run(_measure(_documentation(KEPT)))


def _documentation(kept: Path) -> Path:
    folder = kept / VERSION
    if not folder.exists():
        kept.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", f"{PACKAGE}={VERSION}"], cwd=kept, check=True)
        [package] = kept.glob(f"{PACKAGE}_*.deb")
        if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
            raise SystemExit(f"{package} is not the package that the questions were written for.")
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder / HTML


async def _measure(html: Path) -> None:
    embedder = BuiltinEmbedder(threads=2)
    with TemporaryDirectory(prefix="steward-bench-") as directory:
        store = open_store(f"sqlite:///{directory}/knowledge.db")
        await store.start()
        try:
            pages = await _fill(store, embedder, html)
            asked = [one async for one in _ask(store, embedder, pages)]
            _print_ranking(asked)
            _print_threshold(asked)
            await _print_whole(Retrieval(store, [embedder]), asked)
        finally:
            await store.close()
            await embedder.close()


async def _fill(store: SqlStore, embedder: BuiltinEmbedder, html: Path) -> dict[str, Parsed]:
    await store.add_collection(
        Collection(
            id="bench",
            tenant=READER.tenant,
            name="Python",
            description="",
            model=embedder.model,
            access=frozenset({EVERYBODY}),
            editors=frozenset(),
        )
    )
    pages: dict[str, Parsed] = {}
    count = 0
    for folder, names in SECTIONS.items():
        for name in names.split():
            page = f"{folder}/{name}.html"
            octets = (html / page).read_bytes()
            parsed = await parse(octets, page)
            cut = chunks(parsed, embedder.count, embedder.max_tokens, OVERLAP_TOKENS, title=page)
            await _add(store, page, octets, parsed, cut, await _vectors(embedder, cut))
            pages[page] = parsed
            count += len(cut)
    print(f"{len(pages)} pages, {count:,} chunks of {embedder.model.name}\n")
    return pages


async def _vectors(embedder: BuiltinEmbedder, cut: Sequence[Chunk]) -> Vectors:
    """Kept between runs by what was embedded: to embed takes minutes, the rest seconds."""
    texts = [chunk.embedded_text for chunk in cut]
    digest = hashlib.sha256("\0".join([embedder.model.name, *texts]).encode()).hexdigest()
    path = KEPT / f"vectors-{digest[:32]}.npy"
    if not path.exists():
        np.save(path, await embedder.embed(texts))
    return np.load(path)


async def _add(
    store: SqlStore,
    page: str,
    octets: bytes,
    parsed: Parsed,
    cut: Sequence[Chunk],
    vectors: Vectors,
) -> None:
    document = Document(
        id=page,
        tenant=READER.tenant,
        collection_id="bench",
        name=page,
        title="",
        media_type="text/html",
        octets=len(octets),
        sha256=hashlib.sha256(octets).hexdigest(),
        access=frozenset(),
        uploaded_by="ada",
        uploaded_by_name="Ada",
        uploaded_at=datetime.now(UTC),
        state="queued",
        version=1,
    )
    await store.add_document(document, b"")
    await store.stage(READER.tenant, page, 1, parsed, cut)
    await store.stage_vectors(READER.tenant, page, 1, [chunk.ordinal for chunk in cut], vectors)
    await store.publish(READER.tenant, page, 1)


async def _ask(
    store: SqlStore, embedder: BuiltinEmbedder, pages: dict[str, Parsed]
) -> AsyncIterator[Asked]:
    lines = (files("steward_dev.bench") / "retrieval_questions.tsv").read_text("utf-8").splitlines()
    for line in lines:
        if line.startswith("#"):
            continue
        kind, where, text = line.split("\t")
        vector = await embedder.embed_query(text)
        yield Asked(
            kind,
            text,
            tuple(_places(pages, where)),
            await store.near(READER, embedder.model, vector, Filters(), FIFTY),
            await store.matching(READER, text, Filters(), FIFTY),
        )


def _places(pages: dict[str, Parsed], where: str) -> Iterator[Place]:
    for one in filter(None, where.split(",")):
        page, heading = one.split("#")
        yield _section(page, pages[page], heading)


def _section(page: str, parsed: Parsed, heading: str) -> Place:
    """From the heading to the next one that is not below it."""
    if not heading:
        return Place(page, 0, len(parsed.text))
    headings = [block for block in parsed.blocks if block.kind == "heading"]
    for place, block in enumerate(headings):
        if parsed.text[block.start : block.end].startswith(heading):
            return Place(page, block.start, _end(parsed, block, headings[place + 1 :]))
    raise SystemExit(f"{page} has no heading {heading!r}.")


def _end(parsed: Parsed, section: Block, following: Sequence[Block]) -> int:
    ends = (block.start for block in following if len(block.headings) <= len(section.headings))
    return next(ends, len(parsed.text))


def _print_ranking(asked: Sequence[Asked]) -> None:
    answerable = [one for one in asked if one.places]
    groups = {
        "tuning half": [one for one in answerable if not one.is_held_out],
        "held-out half": [one for one in answerable if one.is_held_out],
        "identifiers": [one for one in answerable if one.kind == "identifier"],
        "all": answerable,
    }
    rankings: dict[str, Ranking] = {
        "keyword": lambda one: [found.passage for found in one.keyword],
        "dense": lambda one: [found.passage for found in one.dense],
        "RRF, k = 60": lambda one: _reciprocal(one, 60, 0.5),
        "RRF, k = 10, 0.7 / 0.3": lambda one: _reciprocal(one, 10, 0.7),
        **{f"cosine + {weight} × BM25": _convex(weight) for weight in WEIGHTS},
        "as shipped": lambda one: _fused(one, Weights().of(one.text)),
    }
    print("hit@1 / hit@5 / MRR@10\n")
    print("| way |" + "".join(f" {name} ({len(of)}) |" for name, of in groups.items()))
    print("| --- |" + " --- |" * len(groups))
    for name, ranking in rankings.items():
        print(f"| {name} |" + "".join(f" {_figures(ranking, of)} |" for of in groups.values()))


def _convex(weight: float) -> Ranking:
    return lambda one: _fused(one, weight)


def _fused(one: Asked, weight: float) -> list[Passage]:
    return [ranked.passage for ranked in fuse(one.dense, one.keyword, weight)]


def _reciprocal(one: Asked, k: int, dense_share: float) -> list[Passage]:
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for share, leg in ((dense_share, one.dense), (1 - dense_share, one.keyword)):
        for rank, found in enumerate(leg, start=1):
            passages[found.passage.id] = found.passage
            scores[found.passage.id] = scores.get(found.passage.id, 0.0) + share / (k + rank)
    return [passages[key] for key in sorted(scores, key=lambda key: -scores[key])]


def _figures(ranking: Ranking, asked: Sequence[Asked]) -> str:
    ranks = [_rank(ranking(one)[:10], one.places) for one in asked]
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    five = sum(0 < rank <= 5 for rank in ranks) / len(ranks)
    reciprocal = sum(1 / rank for rank in ranks if rank) / len(ranks)
    return f"{first:.2f} / {five:.2f} / {reciprocal:.3f}"


def _rank(passages: Sequence[Passage], places: Sequence[Place]) -> int:
    """From 1; 0 when it is not among them."""
    for rank, passage in enumerate(passages, start=1):
        if any(place.is_in(passage) for place in places):
            return rank
    return 0


def _print_threshold(asked: Sequence[Asked]) -> None:
    tuning = [_closeness(one) for one in asked if one.places and not one.is_held_out]
    threshold = float(np.quantile(tuning, 1 - KEEP))
    shipped = weights_of(MODEL.name).good_enough or 0.0
    print(
        "\n| threshold | answerable, tuning | answerable, held out | without an answer, refused |"
    )
    print("| --- | --- | --- | --- |")
    for name, threshold in (
        (f"{KEEP:.0%} of the tuning half", float(np.quantile(tuning, 1 - KEEP))),
        ("as shipped", shipped),
    ):
        through = [
            _share(
                _closeness(one) >= threshold
                for one in asked
                if one.places and one.is_held_out == half
            )
            for half in (False, True)
        ]
        refused = _share(_closeness(one) < threshold for one in asked if not one.places)
        print(f"| {name}: {threshold:.3f} | {through[0]} | {through[1]} | {refused} |")


def _share(outcomes: Iterable[bool]) -> str:
    every = list(outcomes)
    return f"{sum(every)} of {len(every)}"


def _closeness(one: Asked) -> float:
    ranked = fuse(one.dense, one.keyword, Weights().of(one.text))
    best = [found.passage for found in ranked[:LOOKED_AT]]
    return closeness(one.text, ranked[0].score, best)


async def _print_whole(retrieval: Retrieval, asked: Sequence[Asked]) -> None:
    """What a caller sees: threshold, near-duplicates and neighbours joined into one hit."""
    ranks: list[int] = []
    refused = 0
    for one in asked:
        found = await retrieval.search(READER, one.text, Filters(), top_k=5)
        if not one.places:
            refused += not found.found
            continue
        whole = [replace(hit.best, start=hit.start, end=hit.end) for hit in found.hits]
        ranks.append(_rank(whole, one.places))
    first = sum(rank == 1 for rank in ranks) / len(ranks)
    five = sum(rank > 0 for rank in ranks) / len(ranks)
    print(f"\nThe whole search, neighbours joined: hit@1 {first:.2f}, hit@5 {five:.2f}")
    print(f"Refused without an answer: {refused} of {len(asked) - len(ranks)}")


if __name__ == "__main__":
    main()
