"""What differs between the engines: who runs steps, and how vectors and words are kept and searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mcp_search.knowledge.model import EmbeddingModel
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store.steps import Steps, T
from mcp_search.knowledge.store.visible import Clause
from mcp_search.knowledge.store.words import Word


@dataclass(frozen=True, slots=True)
class Wording:
    """A chunk's words, folded."""

    chunk: int
    heading: str
    body: str


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk by its number, larger score first."""

    chunk: int
    score: float


class Engine(Protocol):
    """Runs steps. Its methods raise KnowledgeAway."""

    @property
    def index(self) -> "Index": ...

    async def start(self) -> None:
        """Make what is not there. Raises BadSetup."""
        ...

    async def close(self) -> None: ...

    async def read(self, steps: Steps[T]) -> T:
        """All of them see one state of the data."""
        ...

    async def write(self, steps: Steps[T]) -> T:
        """All of them or nothing."""
        ...


class Index(Protocol):
    """Steps that keep and search vectors and words."""

    def add_tenant(self, number: int) -> Steps[None]: ...

    def remove_tenant(self, number: int) -> Steps[None]:
        """One without collections."""
        ...

    def add_model(self, number: int, model: EmbeddingModel) -> Steps[None]: ...

    def add_words(self, tenant: int, wordings: Sequence[Wording]) -> Steps[None]: ...

    def add_vectors(
        self, model: int, version: int, chunks: Sequence[int], vectors: Vectors
    ) -> Steps[None]:
        """Of chunks of one version. Those that the chunks had are replaced."""
        ...

    def remove_words(self, tenant: int, version: int) -> Steps[None]: ...

    def remove_vectors(self, model: int, version: int) -> Steps[None]:
        """Of a model that has vectors."""
        ...

    def vectors(self, model: int, chunks: Sequence[int]) -> Steps[dict[int, Vectors]]:
        """One row each."""
        ...

    def near(self, versions: Clause, model: int, vector: Vectors, k: int) -> Steps[list[Found]]:
        """The k nearest chunks among those of the versions, by cosine similarity."""
        ...

    def matching(
        self, versions: Clause, tenant: int, words: Sequence[Word], k: int
    ) -> Steps[list[Found]]:
        """The k chunks among those of the versions that hold most of the words, by BM25."""
        ...
