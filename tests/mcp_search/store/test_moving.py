"""Files of the knowledge base that an older version made."""

from pathlib import Path
from typing import Any

import apsw
import sqlite_vec
from support.knowledge import MODEL, Written, collection, publish, reader, vector

from mcp_search.knowledge.model import EmbeddingModel, Filters
from mcp_search.knowledge.store.opening import open_store

PRIVATE = Written("private", ("The disk of the board.",), access=frozenset({"person:grace"}))
OPEN = Written("open", ("The disk is full.", "Call the desk.", "The disk was replaced."))
WORDS_ALONE = EmbeddingModel("none", 0)


async def test_vectors_of_version_1_are_found_as_before_and_by_whom_they_were(
    tmp_path: Path,
) -> None:
    path = tmp_path / "knowledge.db"
    store = open_store(f"sqlite:///{path}")
    await store.start()
    await store.add_collection(collection())
    await store.add_collection(collection("words-alone", model=WORDS_ALONE))
    await publish(store, OPEN, PRIVATE)
    question, anything = vector("The disk was replaced."), Filters()
    before = await store.near(reader(), MODEL, question, anything, 10)
    await store.close()
    _as_version_1(path)

    again = open_store(f"sqlite:///{path}")
    await again.start()
    found = await again.near(reader(), MODEL, question, anything, 10)
    assert found == before
    assert [one.passage.document_id for one in found] == ["open"] * 3
    grace = await again.near(reader("acme", "grace"), MODEL, question, anything, 10)
    assert {one.passage.document_id for one in grace} == {"open", "private"}
    await again.remove_document("acme", "open")
    assert await again.near(reader(), MODEL, question, anything, 10) == []
    await again.close()


def _as_version_1(path: Path) -> None:
    """As its tables were: vectors were kept otherwise, and of gaps one thing less."""
    connection: Any = apsw.Connection(str(path))  # apsw leaves its types half open
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    for (model,) in list(connection.execute("SELECT number FROM model WHERE dimension > 0")):
        vectors = list(connection.execute(f"SELECT chunk, vector FROM vectors_{model}"))
        connection.execute(f"DROP TABLE vectors_{model}; DROP TABLE signs_{model}")
        connection.execute(
            f"CREATE VIRTUAL TABLE vectors_{model} USING vec0 (chunk INTEGER PRIMARY KEY,"
            f" tenant TEXT PARTITION KEY, vector FLOAT[{MODEL.dimension}] DISTANCE_METRIC=L2)"
        )
        connection.executemany(
            f"INSERT INTO vectors_{model} (chunk, tenant, vector) VALUES (?, 'acme', ?)", vectors
        )
    connection.execute("ALTER TABLE gap DROP COLUMN asked_as; PRAGMA user_version = 1")
    connection.close()
