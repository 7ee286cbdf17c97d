"""No vectors at all: the knowledge base is searched by words."""

import math
from collections.abc import Sequence

import numpy as np

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors

MODEL = EmbeddingModel("none", 0)
OCTETS_A_TOKEN = 3
"""Fewer than there are of English, four, and as many as there are of Chinese: a count that is rather too high."""


def approximate_tokens(text: str) -> int:
    """For whoever has no tokenizer."""
    return math.ceil(len(text.encode("utf-8", "replace")) / OCTETS_A_TOKEN)


class NoEmbedder:
    """Gives rows without a number. The store asks for no vectors of this model."""

    @property
    def model(self) -> EmbeddingModel:
        return MODEL

    @property
    def max_tokens(self) -> int:
        """No limit in practice."""
        return 1_000_000

    def count(self, text: str) -> int:
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.empty((len(texts), 0), dtype=np.float32)

    async def embed_query(self, text: str) -> Vectors:
        return await self.embed([text])

    async def close(self) -> None: ...
