"""Vectors in a vec0 table for each model, with the tenant as partition key; words in an FTS5 table for each tenant."""

from collections.abc import Sequence

import numpy as np

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.engine import Found, Wording
from mcp_search.knowledge.store.steps import Ask, Steps, listed
from mcp_search.knowledge.store.visible import Clause
from mcp_search.knowledge.store.words import Word

HEADING_WEIGHT = 1.0
"""Of a word in the title and headings, against one in the text."""
COMMON = 1_000
"""A word in more chunks than this tells little, and is not looked for beside rarer ones."""
MOST_NEAR = 4_096
"""sqlite-vec gives no more."""


class SqliteIndex:
    """Implements engine.Index. Numbers of tables are the file's own, never a caller's."""

    def add_tenant(self, number: int) -> Steps[None]:
        yield Ask(
            f"CREATE VIRTUAL TABLE words_{number} USING fts5 (heading, body, content = '',"
            " contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2')"
        )

    def add_model(self, number: int, model: EmbeddingModel) -> Steps[None]:
        if model.dimension:
            # Of vectors of length 1 the nearest by L2 are the nearest by cosine, and L2 is what sqlite-vec does fast.
            yield Ask(
                f"CREATE VIRTUAL TABLE vectors_{number} USING vec0 (chunk INTEGER PRIMARY KEY,"
                f" tenant TEXT PARTITION KEY, vector FLOAT[{model.dimension}] DISTANCE_METRIC=L2)"
            )

    def add_words(self, tenant: int, wordings: Sequence[Wording]) -> Steps[None]:
        yield Ask(
            f"INSERT INTO words_{tenant} (rowid, heading, body) VALUES (:chunk, :heading, :body)",
            many=[
                {"chunk": one.chunk, "heading": one.heading, "body": one.body} for one in wordings
            ],
        )

    def add_vectors(
        self, tenant: str, model: int, chunks: Sequence[int], vectors: Vectors
    ) -> Steps[None]:
        yield Ask(
            f"DELETE FROM vectors_{model} WHERE chunk = :chunk",
            many=[{"chunk": chunk} for chunk in chunks],
        )
        yield Ask(
            f"INSERT INTO vectors_{model} (chunk, tenant, vector) VALUES (:chunk, :tenant, :vector)",
            many=[
                {"chunk": chunk, "tenant": tenant, "vector": _octets(vector)}
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )

    def remove_words(self, tenant: int, version: int) -> Steps[None]:
        yield Ask(
            f"DELETE FROM words_{tenant} WHERE rowid IN"
            " (SELECT number FROM chunk WHERE version = :version)",
            {"version": version},
        )

    def remove_vectors(self, model: int, version: int) -> Steps[None]:
        rows = yield Ask(
            "SELECT k.number FROM chunk k JOIN embedded e ON e.chunk = k.number"
            " WHERE k.version = :version AND e.model = :model",
            {"version": version, "model": model},
        )
        if rows:
            yield Ask(
                f"DELETE FROM vectors_{model} WHERE chunk = :chunk",
                many=[{"chunk": chunk} for (chunk,) in rows],
            )

    def vectors(self, model: int, chunks: Sequence[int]) -> Steps[dict[int, Vectors]]:
        names, values = listed("chunk", chunks)
        rows = yield Ask(
            f"SELECT chunk, vector FROM vectors_{model} WHERE chunk IN ({names})",
            values,
        )
        return {chunk: np.frombuffer(octets, dtype="<f4").reshape(1, -1) for chunk, octets in rows}

    def near(self, versions: Clause, model: int, vector: Vectors, k: int) -> Steps[list[Found]]:
        rows = yield Ask(
            f"SELECT chunk, distance FROM vectors_{model} WHERE vector MATCH :vector AND k = :most"
            " AND tenant = :tenant AND chunk IN"
            f" (SELECT x.number FROM ({versions.sql}) f JOIN chunk x ON x.version = f.version)"
            " ORDER BY distance",
            {**versions.values, "vector": _octets(vector), "most": min(k, MOST_NEAR)},
        )
        return [Found(chunk, 1 - distance * distance / 2) for chunk, distance in rows]

    def matching(
        self, versions: Clause, tenant: int, words: Sequence[Word], k: int
    ) -> Steps[list[Found]]:
        table = f"words_{tenant}"
        wanted = yield from _telling(table, words)
        if not wanted:
            return []
        rows = yield Ask(
            f"SELECT w.rowid, -bm25({table}, {HEADING_WEIGHT}, 1.0) AS score FROM {table} w"
            # In this order: FTS5 finds the rows, then each is looked up.
            " CROSS JOIN chunk x ON x.number = w.rowid"
            f" WHERE {table} MATCH :match AND x.version IN (SELECT f.version FROM ({versions.sql}) f)"
            " ORDER BY score DESC, w.rowid LIMIT :most",
            {**versions.values, "match": _match(wanted), "most": k},
        )
        return [Found(chunk, score) for chunk, score in rows]


def _telling(table: str, words: Sequence[Word]) -> Steps[list[Word]]:
    """Without the common ones, unless there are no others: each of their many chunks would be scored for little."""
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH :word_{place} LIMIT :common))"
        for place in range(len(words))
    )
    values = {f"word_{place}": _match([word]) for place, word in enumerate(words)}
    [found] = yield Ask(f"SELECT {counts}", {**values, "common": COMMON})
    known = [(count, word) for count, word in zip(found, words, strict=True) if count]
    rare = [word for count, word in known if count < COMMON]
    return rare or [word for _, word in known[:1]]


def _match(words: Sequence[Word]) -> str:
    """Any of the words; each in quotes, so that none is taken for the query language (folding left no quotes)."""
    return " OR ".join('"' + " ".join(word.parts) + '"' for word in words)


def _octets(vector: Vectors) -> bytes:
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()
