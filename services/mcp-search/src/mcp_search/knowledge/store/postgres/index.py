"""Vectors in a pgvector table for each model, words as tsvector; both are filtered while they are searched."""

import math
from collections.abc import Sequence

import numpy as np

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.engine import Found, Wording
from mcp_search.knowledge.store.steps import Ask, Steps, listed
from mcp_search.knowledge.store.visible import Clause
from mcp_search.knowledge.store.words import Word

EXACT_BELOW = 5_000
"""So many vectors are compared one by one: that is quick, exact, and never starved by those that may not be seen."""
MOST_DIMENSIONS = 2_000
"""That an index of single-precision vectors can have; those with more are kept in half precision."""
COMMON = 1_000
"""A word in more chunks than this finds none by itself while there are rarer ones, and still counts for those found."""


class PostgresIndex:
    """Implements engine.Index. Numbers of tables are the database's own, never a caller's."""

    def add_tenant(self, number: int) -> Steps[None]:
        del number
        yield from ()

    def remove_tenant(self, number: int) -> Steps[None]:
        del number
        yield from ()

    def add_model(self, number: int, model: EmbeddingModel) -> Steps[None]:
        if not model.dimension:
            return
        kind = "vector" if model.dimension <= MOST_DIMENSIONS else "halfvec"
        yield Ask(
            f"CREATE TABLE vectors_{number} (chunk BIGINT PRIMARY KEY REFERENCES chunk (number) ON DELETE CASCADE,"
            f" version BIGINT NOT NULL, vector {kind}({model.dimension}) NOT NULL)"
        )
        yield Ask(f"CREATE INDEX vectors_{number}_of_version ON vectors_{number} (version)")
        yield Ask(
            f"CREATE INDEX vectors_{number}_near ON vectors_{number} USING hnsw (vector {kind}_cosine_ops)"
        )

    def add_words(self, tenant: int, wordings: Sequence[Wording]) -> Steps[None]:
        yield Ask(
            "INSERT INTO wording (chunk, tenant, version, words) SELECT number, :tenant, version,"
            " to_tsvector('english', :heading) || to_tsvector('english', :body) FROM chunk WHERE number = :chunk",
            many=[
                {"chunk": one.chunk, "tenant": tenant, "heading": one.heading, "body": one.body}
                for one in wordings
            ],
        )

    def add_vectors(
        self, model: int, version: int, chunks: Sequence[int], vectors: Vectors
    ) -> Steps[None]:
        yield Ask(
            f"INSERT INTO vectors_{model} (chunk, version, vector) VALUES (:chunk, :version, :vector)"
            " ON CONFLICT (chunk) DO UPDATE SET vector = excluded.vector",
            many=[
                {
                    "chunk": chunk,
                    "version": version,
                    "vector": np.asarray(vector, dtype=np.float32),
                }
                for chunk, vector in zip(chunks, vectors, strict=True)
            ],
        )

    def remove_words(self, tenant: int, version: int) -> Steps[None]:
        yield Ask(
            "DELETE FROM wording WHERE tenant = :tenant AND version = :version",
            {"tenant": tenant, "version": version},
        )

    def remove_vectors(self, model: int, version: int) -> Steps[None]:
        yield Ask(f"DELETE FROM vectors_{model} WHERE version = :version", {"version": version})

    def vectors(self, model: int, chunks: Sequence[int]) -> Steps[dict[int, Vectors]]:
        names, values = listed("chunk", chunks)
        rows = yield Ask(
            f"SELECT chunk, vector::real[] FROM vectors_{model} WHERE chunk IN ({names})",
            values,
        )
        return {chunk: np.array(vector, dtype=np.float32).reshape(1, -1) for chunk, vector in rows}

    def near(self, versions: Clause, model: int, vector: Vectors, k: int) -> Steps[list[Found]]:
        values = {**versions.values, "vector": vector, "most": k}
        [(visible,)] = yield Ask(
            f"SELECT coalesce(sum(f.chunks), 0)::bigint FROM ({versions.sql}) f",
            versions.values,
        )
        seen = f"(x.version IN (SELECT f.version FROM ({versions.sql}) f))"
        if visible < EXACT_BELOW:
            ask = (
                f"WITH every AS MATERIALIZED (SELECT x.chunk, x.vector <=> :vector AS distance"
                f" FROM vectors_{model} x WHERE {seen})"
                " SELECT chunk, distance FROM every ORDER BY distance LIMIT :most"
            )
        else:
            # IS TRUE keeps the planner from making a join of it, which would read every vector.
            ask = (
                f"WITH nearest AS MATERIALIZED (SELECT x.chunk, x.vector <=> :vector AS distance"
                f" FROM vectors_{model} x WHERE {seen} IS TRUE ORDER BY x.vector <=> :vector LIMIT :most)"
                " SELECT chunk, distance FROM nearest ORDER BY distance"
            )
        rows = yield Ask(ask, values)
        return [Found(chunk, 1 - distance) for chunk, distance in rows]

    def matching(
        self, versions: Clause, tenant: int, words: Sequence[Word], k: int
    ) -> Steps[list[Found]]:
        weights = yield from _weights(versions, tenant, words)
        if not weights:
            return []
        rare = [word for word, (_, count) in weights.items() if count < COMMON] or [
            min(weights, key=lambda word: weights[word][1])
        ]
        values = {**versions.values, "number": tenant, "most": k}
        values |= {f"word_{place}": " ".join(word.parts) for place, word in enumerate(weights)}
        names = {word: f"word_{place}" for place, word in enumerate(weights)}
        asked = " || ".join(f"phraseto_tsquery('english', :{names[word]})" for word in rare)
        score = " + ".join(
            f"CASE WHEN w.words @@ phraseto_tsquery('english', :{names[word]}) THEN"
            f" {weight:.4f} * ts_rank(w.words, phraseto_tsquery('english', :{names[word]})) ELSE 0 END"
            for word, (weight, _) in weights.items()
        )
        rows = yield Ask(
            f"SELECT w.chunk, ({score}) / (1 + length(w.words) / 100.0) AS score FROM wording w"
            f" WHERE w.tenant = :number AND w.words @@ ({asked})"
            f" AND (w.version IN (SELECT f.version FROM ({versions.sql}) f)) IS TRUE"
            " ORDER BY score DESC, w.chunk LIMIT :most",
            values,
        )
        return [Found(chunk, score) for chunk, score in rows]


def _weights(
    versions: Clause, tenant: int, words: Sequence[Word]
) -> Steps[dict[Word, tuple[float, int]]]:
    """How much each word tells (inverse document frequency), and how many of the tenant's chunks have it, up to COMMON.

    Words of which there is nothing are left out.
    """
    counts = ", ".join(
        f"(SELECT count(*) FROM (SELECT 1 FROM wording WHERE tenant = :number"
        f" AND words @@ phraseto_tsquery('english', :word_{place}) LIMIT :common) x)"
        for place in range(len(words))
    )
    values = {f"word_{place}": " ".join(word.parts) for place, word in enumerate(words)}
    [(every, *found)] = yield Ask(
        f"SELECT (SELECT coalesce(sum(f.chunks), 0)::bigint FROM ({versions.sql}) f), {counts}",
        {**versions.values, **values, "number": tenant, "common": COMMON},
    )
    return {
        word: (math.log(1 + (max(every, count) - count + 0.5) / (count + 0.5)), count)
        for word, count in zip(words, found, strict=True)
        if count
    }
