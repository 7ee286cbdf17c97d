"""A second look at the best hits: by their words here, or by somebody's cross-encoder over HTTP."""

from collections.abc import Sequence
from typing import Protocol

import httpx
from pydantic import BaseModel, ValidationError

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.judging import coverage
from mcp_search.knowledge.model import Passage

TIMEOUT_S = 5.0
"""For a model that looks at twenty passages; the order without it is good enough to wait no longer."""


class Reranker(Protocol):
    """Gives each passage a score, larger for better; scores are compared with one another only."""

    async def scores(self, query: str, passages: Sequence[Passage]) -> list[float]:
        """Raises KnowledgeAway."""
        ...

    async def close(self) -> None: ...


class LexicalReranker:
    """By the share of the question's words that a passage holds, title and headings counted. Needs nothing."""

    async def scores(self, query: str, passages: Sequence[Passage]) -> list[float]:
        """Equal ones keep their order."""
        return [coverage(query, [passage]) for passage in passages]

    async def close(self) -> None: ...


class _Result(BaseModel):
    index: int
    relevance_score: float


class _Answer(BaseModel):
    results: list[_Result]


class HttpReranker:
    """`POST {url}/rerank` as Cohere, Jina and vLLM have it: query and documents, answered by index and score."""

    def __init__(self, *, url: str, model: str, key: str | None) -> None:
        self._model = model
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT_S,
            follow_redirects=False,  # the key would go where it is sent
            trust_env=False,
        )

    async def scores(self, query: str, passages: Sequence[Passage]) -> list[float]:
        """Raises KnowledgeAway."""
        body = {
            "model": self._model,
            "query": query,
            "documents": [passage.text for passage in passages],
            "top_n": len(passages),
        }
        try:
            response = await self._http.post("rerank", json=body)
            response.raise_for_status()
            answer = _Answer.model_validate_json(response.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise KnowledgeAway(f"The reranker cannot be used ({type(error).__name__}).") from None
        scores = {one.index: one.relevance_score for one in answer.results}
        if scores.keys() != set(range(len(passages))):
            raise KnowledgeAway("The reranker leaves passages out.")
        return [scores[place] for place in range(len(passages))]

    async def close(self) -> None:
        await self._http.aclose()
