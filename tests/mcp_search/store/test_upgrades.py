"""A store that an older version made is taken over with what is in it; one of a newer version is left alone."""

from typing import Any

import apsw
import psycopg
import pytest
from support.knowledge import STARTED_AT

from mcp_search.knowledge.store.opening import open_store
from shared.errors import BadSetup

FIRST = "ALTER TABLE gap DROP COLUMN asked_as"
"""From the second version's tables to the first's."""


def _set_back(url: str, version: int, *statements: str) -> None:
    if url.startswith("sqlite"):
        connection: Any = apsw.Connection(url.removeprefix("sqlite:///"))  # as in the engine
        for statement in (*statements, f"PRAGMA user_version = {version}"):
            connection.execute(statement)
        connection.close()
        return
    with psycopg.connect(url, options="-c search_path=knowledge", autocommit=True) as connection:
        for statement in (*statements, f"UPDATE schema_version SET version = {version}"):
            connection.execute(statement.encode())


async def _made(url: str) -> None:
    store = open_store(url)
    await store.start()
    await store.note_gap("acme", "Where is the key?", STARTED_AT)
    await store.close()


async def test_a_store_of_the_first_version_is_brought_up_to_date_once(store_url: str) -> None:
    await _made(store_url)
    _set_back(store_url, 1, FIRST)
    for _ in range(2):
        store = open_store(store_url)
        await store.start()
        [gap] = await store.gaps("acme", "open", 5)
        assert (gap.question, gap.asked_as) == ("Where is the key?", "")
        await store.close()


async def test_a_store_of_a_newer_version_is_refused(store_url: str) -> None:
    await _made(store_url)
    _set_back(store_url, 99)
    with pytest.raises(BadSetup):
        await open_store(store_url).start()
