"""A library over a real store, whose jobs nobody does: what people may do needs no file to be read."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from support.taking_in import HeldQueue, PlayedEmbedder, library_over, store_url

from mcp_search.knowledge.library import Library
from mcp_search.knowledge.store.opening import open_store


@pytest.fixture
def queue() -> HeldQueue:
    return HeldQueue()


@pytest.fixture
async def library(tmp_path: Path, queue: HeldQueue) -> AsyncGenerator[Library]:
    """Of an empty knowledge base, with room for three uploads a day and a thousand octets."""
    store = open_store(store_url(tmp_path))
    await store.start()
    yield library_over(store, queue, PlayedEmbedder(), uploads_a_day=6, document_bytes=1_000)
    await store.close()
