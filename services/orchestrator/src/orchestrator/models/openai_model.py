"""A model behind any OpenAI-compatible server.

The openai library brings its client, sign-in and errors. The stream is read as raw bytes: its typed chunks
cost several times what the whole relay does (docs/performance.md).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import openai
import structlog
from openai import AsyncOpenAI, DefaultAioHttpClient
from openai._response import AsyncAPIResponse
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from orchestrator.models.chunks import ChunkReader
from orchestrator.models.port import (
    Message,
    ModelBusy,
    ModelKeyRefused,
    ModelRefused,
    ModelUnavailable,
    ReplyCut,
    ReplyEnd,
    ToolForModel,
)
from orchestrator.settings import ModelSettings, Settings
from shared.errors import ExpectedError

CONNECT_TIMEOUT_S = 10.0
LONGEST_RETRY_WAIT_S = 15.0
"""A provider that asks for a longer wait than this is reported instead."""
AFTER_LAST_CHUNK_S = 2.0
"""How long usage and `[DONE]` may lag behind the finish reason; some servers send neither."""
MAX_CONNECTIONS = 1_000

log = structlog.get_logger()
_backoff = wait_random_exponential(multiplier=0.3, max=4)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a reply may keep us waiting, and how often we ask."""

    token_timeout_s: float
    reply_timeout_s: float
    attempts: int


def create_client(settings: ModelSettings, token_timeout_s: float) -> AsyncOpenAI:
    """One per process: its connection pool and TLS context are the expensive part."""
    return AsyncOpenAI(
        api_key=settings.api_key.get_secret_value(),
        base_url=settings.base_url,
        max_retries=0,  # tenacity retries, and only before the first token
        http_client=DefaultAioHttpClient(
            timeout=httpx2.Timeout(
                None, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S, read=token_timeout_s
            ),
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100),
        ),
    )


class OpenAIModel:
    """Implements the model port."""

    def __init__(self, client: AsyncOpenAI, name: str, patience: Patience) -> None:
        self._client = client
        self._name = name
        self._patience = patience

    @classmethod
    def from_settings(cls, settings: Settings) -> "OpenAIModel":
        model = settings.model()
        patience = Patience(
            settings.token_timeout_s, settings.reply_timeout_s, settings.model_attempts
        )
        return cls(create_client(model, settings.token_timeout_s), model.model, patience)

    @property
    def name(self) -> str:
        return self._name

    async def close(self) -> None:
        await self._client.close()

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolForModel]
    ) -> AsyncGenerator[str | ReplyEnd]:
        reader = ChunkReader()
        try:
            async with asyncio.timeout(self._patience.reply_timeout_s) as deadline:
                response = await self._open(_request(self._name, messages, tools))
                try:
                    async for data in response.iter_bytes():
                        was_complete = reader.is_complete
                        if text := reader.feed(data):
                            yield text
                        if reader.is_done:
                            break
                        if reader.is_complete and not was_complete:
                            loop = asyncio.get_running_loop()
                            deadline.reschedule(loop.time() + AFTER_LAST_CHUNK_S)
                finally:
                    await response.close()
        except (httpx2.HTTPError, TimeoutError) as error:
            if not reader.is_complete:
                raise ReplyCut("The model's answer broke off.") from error
        if not reader.is_complete:
            raise ReplyCut("The model's answer broke off.")
        yield reader.end()

    async def _open(self, request: dict[str, Any]) -> AsyncAPIResponse[Any]:
        """The response, its status checked; asks again while that can help."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._patience.attempts),
            retry=retry_if_exception(_may_pass),
            wait=_wait_s,
            before_sleep=_log_retry,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._send(request)
        except openai.APIError as error:
            raise _as_expected(error) from error
        raise AssertionError("tenacity either returns or raises")

    async def _send(self, request: dict[str, Any]) -> AsyncAPIResponse[Any]:
        create: Any = self._client.chat.completions.with_streaming_response.create
        return cast("AsyncAPIResponse[Any]", await create(**request).__aenter__())


def _request(
    name: str, messages: Sequence[Message], tools: Sequence[ToolForModel]
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "model": name,
        "messages": list(messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if tools:
        request["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                },
            }
            for tool in tools
        ]
    return request


def _retry_after_s(error: BaseException | None) -> float | None:
    """What the provider asks us to wait (RFC 9110 section 10.2.3, seconds form), None when it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, openai.RateLimitError):
        is_out_of_money = error.code == "insufficient_quota"
        return not is_out_of_money and (_retry_after_s(error) or 0) <= LONGEST_RETRY_WAIT_S
    return isinstance(error, openai.APIConnectionError | openai.InternalServerError)


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_s = _retry_after_s(error)
    return asked_s if asked_s is not None and asked_s <= LONGEST_RETRY_WAIT_S else _backoff(state)


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("model_retried", attempt=state.attempt_number, error=type(error).__name__)


def _as_expected(error: openai.APIError) -> ExpectedError:
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return ModelKeyRefused(
            f"The model provider refused the key ({error.status_code}). "
            "Check OPENAI_API_KEY and OPENAI_BASE_URL, then restart."
        )
    if isinstance(error, openai.RateLimitError):
        wait_s = _retry_after_s(error)
        when = f"in {wait_s:.0f} s" if wait_s else "later"
        why = (
            "the account's quota is used up"
            if error.code == "insufficient_quota"
            else "it limits our rate"
        )
        return ModelBusy(
            f"The model provider answers no more for now: {why} (429). Try again {when}."
        )
    if isinstance(error, openai.APIConnectionError):
        return ModelUnavailable(
            "The model provider cannot be reached, or does not answer in time. "
            "Check OPENAI_BASE_URL, or try again in a moment."
        )
    if isinstance(error, openai.InternalServerError):
        return ModelUnavailable(
            f"The model provider has a problem of its own ({error.status_code}). Try again in a moment."
        )
    status = f" ({error.status_code})" if isinstance(error, openai.APIStatusError) else ""
    return ModelRefused(f"The model provider refused the request{status}: {error.message[:300]}")
