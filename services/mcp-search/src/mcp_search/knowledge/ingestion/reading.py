"""Reads files in a process of their own, and cuts their text for the embedder at hand."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_search.config import Knowledge
from mcp_search.knowledge.chunking import chunks
from mcp_search.knowledge.model import Chunk, Parsed
from mcp_search.knowledge.parsing.limits import Limits
from mcp_search.knowledge.parsing.process import parse
from mcp_search.knowledge.ports import Embedder


@dataclass(frozen=True, slots=True)
class ConfinedReader:
    """Implements work.FileReader within the configured limits."""

    config: Knowledge
    embedder: Embedder

    async def read(self, original: bytes, name: str) -> Parsed:
        """Raises UnreadableDocument, TooMuch, UnsupportedType."""
        return await parse(original, name, limits_of(self.config))

    async def cut(self, parsed: Parsed, title: str) -> Sequence[Chunk]:
        """In a thread: a long text takes seconds."""
        return await asyncio.to_thread(
            chunks,
            parsed,
            self.embedder.count,
            min(self.config.chunk_tokens, self.embedder.max_tokens),
            self.config.overlap_tokens,
            title=title,
        )


def limits_of(config: Knowledge) -> Limits:
    """What reading one file may cost."""
    return Limits(
        octets=config.document_bytes,
        pages=config.document_pages,
        cpu_s=round(config.parse_s),
        memory_bytes=config.parse_bytes,
    )
