"""A second look at the best hits: by their words here, or by somebody's cross-encoder over HTTP."""

from collections.abc import Sequence
from typing import Protocol

from mcp_search.knowledge.model import Passage


class Reranker(Protocol):
    """Gives each passage a score, larger for better; scores are compared with one another only."""

    async def scores(self, query: str, passages: Sequence[Passage]) -> list[float]: ...
