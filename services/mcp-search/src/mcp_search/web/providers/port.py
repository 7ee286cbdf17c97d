"""What a provider of web search promises: hits, or why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

Recency = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for."""

    words: str
    max_results: int = 10
    """1 to 20."""
    recency: Recency | None = None
    """Not older than that."""
    region: str | None = None
    """A country, ISO 3166-1 alpha-2 in lower case."""
    language: str | None = None
    """ISO 639-1 in lower case."""
    include_domains: Sequence[str] = ()
    """Only these and what is below them."""
    exclude_domains: Sequence[str] = ()
    page: int = 1
    """From 1; of max_results each."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A page that was found. All of it was written by others, and is cleaned later (search.py)."""

    title: str
    url: str
    snippet: str
    published: date | None = None
    engines: tuple[str, ...] = ()
    """The search engines behind the provider, where it tells."""


Trouble = Literal[
    "key_refused",
    "format_disabled",
    "not_reachable",
    "too_slow",
    "not_understood",
    "server_error",
    "bad_request",
    "engines_failed",
]


class ProviderFailed(Exception):
    """The provider does not answer as it should. Carries nothing of its answer and nothing of ours."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


class Throttled(Exception):
    """The provider wants to be asked less."""

    def __init__(self, retry_after_s: float | None = None) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


class NotOffered(Exception):
    """The provider has no such thing, as a second page; nothing is wrong with it."""


class Provider(Protocol):
    """Searches the web."""

    @property
    def name(self) -> str: ...

    async def search(self, query: Query) -> list[Hit]:
        """In the provider's own order; empty when it found nothing. Raises ProviderFailed, Throttled, NotOffered."""
        ...

    async def close(self) -> None: ...
