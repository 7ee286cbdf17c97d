"""Steps that bring a file of an older version up to this one. Nothing of what is kept is lost or made anew."""

import numpy as np

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.store.sqlite.index import SqliteIndex
from mcp_search.knowledge.store.steps import Ask, Steps


def from_version_1(index: SqliteIndex) -> Steps[None]:
    """Vectors stood in a vec0 table of sqlite-vec for each model, which is to be loaded for this."""
    models = yield Ask("SELECT number, name, dimension FROM model WHERE dimension > 0")
    for number, name, dimension in models:
        yield Ask(
            "CREATE TABLE moved AS SELECT k.version, v.chunk, v.vector"
            f" FROM vectors_{number} v JOIN chunk k ON k.number = v.chunk"
        )
        yield Ask("CREATE INDEX moved_of_version ON moved (version)")
        yield Ask(f"DROP TABLE vectors_{number}")
        yield from index.add_model(number, EmbeddingModel(name, dimension))
        versions = yield Ask("SELECT DISTINCT version FROM moved")
        for (version,) in versions:
            rows = yield Ask(
                "SELECT chunk, vector FROM moved WHERE version = :version", {"version": version}
            )
            vectors = np.frombuffer(b"".join(octets for _, octets in rows), dtype="<f4")
            yield from index.add_vectors(
                number, version, [chunk for chunk, _ in rows], vectors.reshape(len(rows), dimension)
            )
        yield Ask("DROP TABLE moved")
