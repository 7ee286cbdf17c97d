"""A second look at the best hits: by their words here, or by somebody's cross-encoder over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import httpx
from pydantic import BaseModel, ValidationError

from mcp_search.config import Reranking
from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.judging import coverage
from mcp_search.knowledge.model import Passage

MAX_ANSWER = 1024 * 1024
"""Octets."""
TIMEOUT_S = 5.0
"""In all, for a model that looks at twenty passages; the order without it is good enough to wait no longer."""


class Reranker(Protocol):
    """Gives each passage a score, larger for better; scores are compared with one another only."""

    async def scores(self, query: str, passages: Sequence[Passage]) -> list[float]:
        """Raises KnowledgeAway."""
        ...

    async def close(self) -> None: ...


def make_reranker(wanted: Reranking) -> Reranker | None:
    """Which one the configuration asks for. Raises BadSetup when the key is not where it is said to be."""
    match wanted.kind:
        case "none":
            return None
        case "lexical":
            return LexicalReranker()
        case "http":
            key = wanted.key.read("The key of the reranker") if wanted.key else None
            return HttpReranker(url=str(wanted.url), model=wanted.model, key=key)


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
            headers={
                "Accept-Encoding": "identity",
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
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
            async with asyncio.timeout(TIMEOUT_S):
                answer = _Answer.model_validate_json(await self._asked(body))
        except (TimeoutError, httpx.HTTPError, ValidationError) as error:
            raise KnowledgeAway(f"The reranker cannot be used ({type(error).__name__}).") from None
        scores = {one.index: one.relevance_score for one in answer.results}
        if scores.keys() != set(range(len(passages))):
            raise KnowledgeAway("The reranker leaves passages out.")
        return [scores[place] for place in range(len(passages))]

    async def _asked(self, body: Mapping[str, object]) -> bytes:
        """As it comes: nothing that is packed is asked for."""
        async with self._http.stream("POST", "rerank", json=body) as response:
            response.raise_for_status()
            answer = bytearray()
            async for octets in response.aiter_raw():
                answer += octets
                if len(answer) > MAX_ANSWER:
                    raise KnowledgeAway("The reranker's answer is too large.")
        return bytes(answer)

    async def close(self) -> None:
        await self._http.aclose()
