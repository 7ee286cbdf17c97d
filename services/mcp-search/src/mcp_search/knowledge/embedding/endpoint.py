"""An OpenAI-compatible endpoint for embeddings: `POST {url}/embeddings`.

https://platform.openai.com/docs/api-reference/embeddings/create
"""

from collections.abc import Sequence

import httpx
import numpy as np
from pydantic import BaseModel, Field, ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)
from tenacity.wait import wait_base

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.embedding.none import approximate_tokens
from mcp_search.knowledge.embedding.questions import QuestionVectors
from mcp_search.knowledge.embedding.unit import of_length_one
from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors

ATTEMPTS = 4
LONGEST_WAIT_S = 20.0
TIMEOUT_S = 60.0
TOO_MANY = 429


class _Row(BaseModel):
    index: int = Field(ge=0)
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Row]


class _TryAgain(Exception):
    """The endpoint is busy or broken for now. `after_s`: as it says itself."""

    def __init__(self, why: str, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.after_s = after_s


class _Wait(wait_base):
    """Longer each time and never all at once; not less than the endpoint asks for."""

    def __init__(self) -> None:
        self._grows = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.after_s if isinstance(error, _TryAgain) else 0.0
        return min(max(self._grows(retry_state), asked), LONGEST_WAIT_S)


class EndpointEmbedder:
    """The key is sent with each request and stands nowhere else: in no log, no text of an error."""

    def __init__(
        self,
        *,
        url: str,
        model: EmbeddingModel,
        max_tokens: int,
        key: str | None,
        batch: int,
        wait: wait_base | None = None,
    ) -> None:
        """`url` as vendors give it, up to `/v1`. `batch`: texts in a request."""
        self._model = model
        self._max_tokens = max_tokens
        self._batch = batch
        self._wait = wait or _Wait()
        self._questions = QuestionVectors()
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT_S,
            follow_redirects=False,  # the key would go where it is sent
            trust_env=False,
        )

    @property
    def model(self) -> EmbeddingModel:
        return self._model

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def count(self, text: str) -> int:
        """Rather too many: which tokenizer the model has is not known."""
        return approximate_tokens(text)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises KnowledgeAway."""
        parts = [
            await self._embed(texts[place : place + self._batch])
            for place in range(0, len(texts), self._batch)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self._model.dimension), np.float32)

    async def embed_query(self, text: str) -> Vectors:
        """Raises KnowledgeAway."""
        return await self._questions.get(text, lambda: self._embed([text]))

    async def close(self) -> None:
        await self._http.aclose()

    async def _embed(self, texts: Sequence[str]) -> Vectors:
        tries = AsyncRetrying(
            retry=retry_if_exception_type(_TryAgain),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            reraise=True,
        )
        try:
            answer: _Answer = await tries(self._ask, texts)
        except _TryAgain as error:
            raise KnowledgeAway(f"The endpoint for embeddings {error}.") from None
        return self._vectors(answer, len(texts))

    async def _ask(self, texts: Sequence[str]) -> _Answer:
        body = {"model": self._model.name, "input": list(texts), "encoding_format": "float"}
        try:
            response = await self._http.post("embeddings", json=body)
        except httpx.TransportError as error:
            raise _TryAgain(f"cannot be reached ({type(error).__name__})") from None
        if response.status_code == TOO_MANY or response.status_code >= 500:
            raise _TryAgain(f"answers {response.status_code}", _seconds(response))
        if not response.is_success:
            raise KnowledgeAway(
                f"The endpoint for embeddings refuses ({response.status_code}).",
                hint="Its url, model and key are in the configuration.",
            )
        try:
            return _Answer.model_validate_json(response.content)
        except ValidationError:
            raise KnowledgeAway(
                "The endpoint for embeddings gives an answer that is not one."
            ) from None

    def _vectors(self, answer: _Answer, wanted: int) -> Vectors:
        rows = sorted(answer.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(wanted)):
            raise KnowledgeAway("The endpoint for embeddings leaves texts out.")
        lengths = {len(row.embedding) for row in rows}
        if lengths != {self._model.dimension}:
            raise KnowledgeAway(
                f"The endpoint for embeddings gives {max(lengths)} numbers a text;"
                f" the configuration says {self._model.dimension}."
            )
        try:
            return of_length_one(np.array([row.embedding for row in rows]))
        except ValueError:
            raise KnowledgeAway(
                "The endpoint for embeddings gives a vector without a direction."
            ) from None


def _seconds(response: httpx.Response) -> float:
    """What `Retry-After` says in seconds; as a date it is not worth reading for waits this short."""
    said = response.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0.0
