"""What the parts of the knowledge base promise each other. Each has more than one way of being done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mcp_search.knowledge.model import (
    Chunk,
    Collection,
    Document,
    EmbeddingModel,
    Filters,
    Gap,
    Parsed,
    Passage,
    Reader,
    Scored,
    State,
)

Vectors = NDArray[np.float32]
"""One row a text, each of length 1."""


class Embedder(Protocol):
    """Turns texts into vectors. Never blocks the event loop; is cut off by its own limits, not by ours."""

    @property
    def model(self) -> EmbeddingModel: ...

    @property
    def max_tokens(self) -> int:
        """More than this of a text is not seen; chunks are cut below it."""
        ...

    def count(self, text: str) -> int:
        """How many of its tokens the text has."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises KnowledgeAway: the model or its service cannot be used."""
        ...

    async def embed_query(self, text: str) -> Vectors:
        """One row. Kept for an hour."""
        ...

    async def close(self) -> None: ...


class KnowledgeStore(Protocol):
    """Keeps collections, documents, text, vectors, gaps. Its methods raise KnowledgeAway when it cannot be used.

    Whoever calls has decided whether a change is allowed (knowledge/library.py); that reads find nothing of another
    tenant, and nothing the reader may not see, is the store's own word: it stands in each query.
    """

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def changes(self, tenant: str) -> int:
        """Grows with everything that may change what searches of the tenant find, by whichever process it is done."""
        ...

    # Collections
    async def collections(self, reader: Reader) -> list[Collection]: ...

    async def add_collection(self, collection: Collection) -> None:
        """Raises NameTaken."""
        ...

    async def change_collection(self, collection: Collection) -> None:
        """Name, description, access, editors, model (its vectors are then those of the new one). Raises NameTaken."""
        ...

    async def remove_collection(self, tenant: str, collection_id: str) -> None:
        """With everything in it."""
        ...

    async def remove_tenant(self, tenant: str) -> bool:
        """A collection of the tenant with everything in it, or all the rest. Whether nothing is left."""
        ...

    # Documents
    async def documents(
        self, reader: Reader, collection_id: str | None, after: str, limit: int
    ) -> list[Document]:
        """Newest first, from behind the document `after` (empty: the first page)."""
        ...

    async def document(self, reader: Reader, document_id: str) -> Document | None: ...

    async def same_content(self, tenant: str, collection_id: str, sha256: str) -> Document | None:
        """The document in the collection whose newest version has this content."""
        ...

    async def add_document(self, document: Document, original: bytes) -> None:
        """A new document, or a newer version of one (same id, version one higher; `access` stays as it is).

        Raises NotThere (the collection), Outpaced (another version came first).
        """
        ...

    async def note_state(
        self,
        tenant: str,
        document_id: str,
        version: int,
        state: State,
        progress: float,
        reason: str,
    ) -> None:
        """Nothing happens when a newer version was added, or the document was removed.

        What is ready, failed or cancelled stays so, and what is published is cancelled no more.
        """
        ...

    async def original(self, tenant: str, document_id: str, version: int) -> bytes | None: ...

    async def stage(
        self, tenant: str, document_id: str, version: int, parsed: Parsed, chunks: Sequence[Chunk]
    ) -> None:
        """Keep what a version says, unseen by searches; what was staged before for it is replaced. Raises NotThere."""
        ...

    async def staged_chunks(
        self, tenant: str, document_id: str, version: int, after: int, limit: int
    ) -> list[Chunk]:
        """Those still without a vector of the collection's model, by ordinal, from behind `after` (-1: the first)."""
        ...

    async def stage_vectors(
        self, tenant: str, document_id: str, version: int, ordinals: Sequence[int], vectors: Vectors
    ) -> None:
        """Raises NotThere; VectorsMissing when they are not of the collection's model."""
        ...

    async def publish(self, tenant: str, document_id: str, version: int) -> None:
        """In one transaction: the version is what searches find, older ones are gone with text and vectors.

        Its state stays: whoever published it looks first whether it is found. Raises VectorsMissing while
        `staged_chunks` gives any (unless the model has dimension 0), NotThere: removed, called off or outpaced.
        """
        ...

    async def remove_document(self, tenant: str, document_id: str) -> None:
        """With originals, text, vectors, of all versions."""
        ...

    async def change_access(
        self, tenant: str, document_id: str, access: frozenset[str]
    ) -> None: ...

    async def text(
        self, reader: Reader, document_id: str, start: int, end: int
    ) -> tuple[Document, str] | None:
        """A part of the ready version's text, and the document as that version is."""
        ...

    async def pages(self, reader: Reader, document_id: str) -> list[tuple[int, int, int]]:
        """Number, start and end of each page of the ready version."""
        ...

    # Passages
    async def near(
        self, reader: Reader, model: EmbeddingModel, vector: Vectors, filters: Filters, k: int
    ) -> list[Scored]:
        """The k passages of this model's collections whose vectors are nearest, best first."""
        ...

    async def matching(self, reader: Reader, words: str, filters: Filters, k: int) -> list[Scored]:
        """The k passages that hold most of the words, best first. `words` is a person's text, not a query language."""
        ...

    async def passages(self, reader: Reader, ids: Sequence[str]) -> list[Passage]:
        """Those of the ids that the reader may see, in their order."""
        ...

    async def neighbours(
        self, reader: Reader, document_id: str, first: int, last: int
    ) -> list[Passage]:
        """Passages by ordinal, both ends included."""
        ...

    async def vectors_of(self, reader: Reader, ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of passages (one row each), for checking citations."""
        ...

    # Gaps
    async def note_gap(
        self, tenant: str, question: str, at: datetime, asked_as: str = ""
    ) -> None: ...

    async def gaps(self, tenant: str, state: str, limit: int) -> list[Gap]: ...

    async def settle_gap(self, tenant: str, gap_id: str, state: str, answer_id: str) -> None:
        """Raises NotThere."""
        ...

    async def count_upload(
        self, tenant: str, subject: str, at: datetime, since: datetime, most: int
    ) -> datetime | None:
        """Count one more of this person's; where there were `most` since then, it is not: when the first of them was.

        All replicas count together. Two of them at the same moment may count one too many.
        """
        ...

    # Work under way, of all tenants, whoever may read what it is about
    async def work(self, tenant: str, document_id: str) -> tuple[Document, Collection] | None:
        """A document by its newest version, and its collection."""
        ...

    async def discard(self, tenant: str, document_id: str, version: int) -> None:
        """File, text and vectors of a version that came to nothing are gone; what became of it is still told."""
        ...

    async def unfinished(self) -> list[tuple[str, str, int]]:
        """Tenant, document and version of the newest versions that are neither ready, failed nor cancelled."""
        ...

    async def unembedded(self) -> list[tuple[str, str, int]]:
        """Of the versions that are found and lack vectors of their collection's model, which is another now."""
        ...

    async def of_other_models(self, model: EmbeddingModel) -> list[Collection]:
        """The collections that have another model than this."""
        ...
