"""Vectors in tables for each model, with their signs in rows apart; words in an FTS5 table for each tenant."""

import json
from collections.abc import Sequence

import numpy as np

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.engine import Found, Wording
from mcp_search.knowledge.store.sqlite.signs import likeliest, numbers_of, signs_of
from mcp_search.knowledge.store.steps import Ask, Steps, listed
from mcp_search.knowledge.store.visible import Clause
from mcp_search.knowledge.store.words import Word

HEADING_WEIGHT = 1.0
"""Of a word in the title and headings, against one in the text."""
COMMON = 1_000
"""A word in more chunks than this tells little, and is not looked for beside rarer ones."""
LIKELY = 1_000
"""Vectors that are compared by all of their numbers, at least: the nearest 50 by angle are among the likeliest 1,000 by
signs (docs/retrieval.md). Where there are no more, all are compared."""
LIKELY_EACH = 20
"""The same for each that is wanted, where many are."""


class SqliteIndex:
    """Implements engine.Index. Numbers of tables are the file's own, never a caller's."""

    def add_tenant(self, number: int) -> Steps[None]:
        yield Ask(
            f"CREATE VIRTUAL TABLE words_{number} USING fts5 (heading, body, content = '',"
            " contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2')"
        )

    def remove_tenant(self, number: int) -> Steps[None]:
        yield Ask(f"DROP TABLE words_{number}")

    def add_model(self, number: int, model: EmbeddingModel) -> Steps[None]:
        if model.dimension:
            yield Ask(
                f"CREATE TABLE vectors_{number} (chunk INTEGER PRIMARY KEY REFERENCES chunk (number)"
                " ON DELETE CASCADE, vector BLOB NOT NULL)"
            )
            # A row for each time that vectors were added: read by the hundred, where those of chunks would be by the
            # ten thousand.
            yield Ask(
                f"CREATE TABLE signs_{number} (number INTEGER PRIMARY KEY, version INTEGER NOT NULL"
                " REFERENCES version (number) ON DELETE CASCADE, chunks BLOB NOT NULL, signs BLOB NOT NULL)"
            )
            yield Ask(f"CREATE INDEX signs_{number}_of_version ON signs_{number} (version)")

    def add_words(self, tenant: int, wordings: Sequence[Wording]) -> Steps[None]:
        yield Ask(
            f"INSERT INTO words_{tenant} (rowid, heading, body) VALUES (:chunk, :heading, :body)",
            many=[
                {"chunk": one.chunk, "heading": one.heading, "body": one.body} for one in wordings
            ],
        )

    def add_vectors(
        self, model: int, version: int, chunks: Sequence[int], vectors: Vectors
    ) -> Steps[None]:
        yield Ask(
            f"INSERT INTO vectors_{model} (chunk, vector) VALUES (:chunk, :vector)"
            " ON CONFLICT (chunk) DO UPDATE SET vector = excluded.vector",
            many=[
                {"chunk": chunk, "vector": _octets(vector)}
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )
        # Signs of a vector that was replaced stay till the version goes: they make it likely, and no more than that.
        yield Ask(
            f"INSERT INTO signs_{model} (version, chunks, signs) VALUES (:version, :chunks, :signs)",
            {
                "version": version,
                "chunks": numbers_of(np.asarray(chunks)),
                "signs": signs_of(vectors),
            },
        )

    def remove_words(self, tenant: int, version: int) -> Steps[None]:
        yield Ask(
            f"DELETE FROM words_{tenant} WHERE rowid IN"
            " (SELECT number FROM chunk WHERE version = :version)",
            {"version": version},
        )

    def remove_vectors(self, model: int, version: int) -> Steps[None]:
        values = {"version": version}
        yield Ask(
            f"DELETE FROM vectors_{model} WHERE chunk IN"
            " (SELECT number FROM chunk WHERE version = :version)",
            values,
        )
        yield Ask(f"DELETE FROM signs_{model} WHERE version = :version", values)

    def vectors(self, model: int, chunks: Sequence[int]) -> Steps[dict[int, Vectors]]:
        names, values = listed("chunk", chunks)
        rows = yield Ask(
            f"SELECT chunk, vector FROM vectors_{model} WHERE chunk IN ({names})",
            values,
        )
        return {chunk: np.frombuffer(octets, dtype="<f4").reshape(1, -1) for chunk, octets in rows}

    def near(self, versions: Clause, model: int, vector: Vectors, k: int) -> Steps[list[Found]]:
        signs = yield Ask(
            f"SELECT s.chunks, s.signs FROM ({versions.sql}) f"
            f" JOIN signs_{model} s ON s.version = f.version",
            versions.values,
        )
        likely = likeliest(signs, vector, max(LIKELY, LIKELY_EACH * k))
        # Of vectors of length 1 the nearest by L2 are the nearest by cosine.
        rows = yield Ask(
            f"SELECT chunk, vec_distance_L2(vector, :vector) AS distance FROM vectors_{model}"
            " WHERE chunk IN (SELECT value FROM json_each(:likely)) ORDER BY distance, chunk LIMIT :most",
            {"vector": _octets(vector), "likely": json.dumps(likely), "most": k},
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
