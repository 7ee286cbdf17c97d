"""The store of the knowledge base, over either engine."""

from collections.abc import Sequence
from datetime import datetime

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
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.store import catalog, documents, gaps, passages, uploads, versions, work
from mcp_search.knowledge.store.engine import Engine


class SqlStore:
    """Implements ports.KnowledgeStore; what each method promises stands there."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened before `start`."""
        self._engine = engine

    async def start(self) -> None:
        """Raises BadSetup: the store cannot be reached, or is not one of this version."""
        await self._engine.start()

    async def close(self) -> None:
        await self._engine.close()

    async def changes(self, tenant: str) -> int:
        return await self._engine.read(catalog.changes(tenant))

    async def collections(self, reader: Reader) -> list[Collection]:
        return await self._engine.read(catalog.collections(reader))

    async def add_collection(self, collection: Collection) -> None:
        await self._engine.write(catalog.add_collection(self._engine.index, collection))

    async def change_collection(self, collection: Collection) -> None:
        await self._engine.write(catalog.change_collection(self._engine.index, collection))

    async def remove_collection(self, tenant: str, collection_id: str) -> None:
        await self._engine.write(
            catalog.remove_collection(self._engine.index, tenant, collection_id)
        )

    async def remove_tenant(self, tenant: str) -> bool:
        return await self._engine.write(catalog.remove_tenant(self._engine.index, tenant))

    async def documents(
        self, reader: Reader, collection_id: str | None, after: str, limit: int
    ) -> list[Document]:
        return await self._engine.read(documents.documents(reader, collection_id, after, limit))

    async def document(self, reader: Reader, document_id: str) -> Document | None:
        return await self._engine.read(documents.document(reader, document_id))

    async def same_content(self, tenant: str, collection_id: str, sha256: str) -> Document | None:
        return await self._engine.read(documents.same_content(tenant, collection_id, sha256))

    async def add_document(self, document: Document, original: bytes) -> None:
        await self._engine.write(documents.add_document(document, original))

    async def note_state(
        self,
        tenant: str,
        document_id: str,
        version: int,
        state: State,
        progress: float,
        reason: str,
    ) -> None:
        await self._engine.write(
            documents.note_state(tenant, document_id, version, state, progress, reason)
        )

    async def original(self, tenant: str, document_id: str, version: int) -> bytes | None:
        return await self._engine.read(documents.original(tenant, document_id, version))

    async def stage(
        self, tenant: str, document_id: str, version: int, parsed: Parsed, chunks: Sequence[Chunk]
    ) -> None:
        await self._engine.write(
            versions.stage(self._engine.index, tenant, document_id, version, parsed, chunks)
        )

    async def staged_chunks(
        self, tenant: str, document_id: str, version: int, after: int, limit: int
    ) -> list[Chunk]:
        return await self._engine.read(
            versions.staged_chunks(tenant, document_id, version, after, limit)
        )

    async def stage_vectors(
        self, tenant: str, document_id: str, version: int, ordinals: Sequence[int], vectors: Vectors
    ) -> None:
        await self._engine.write(
            versions.stage_vectors(
                self._engine.index, tenant, document_id, version, ordinals, vectors
            )
        )

    async def publish(self, tenant: str, document_id: str, version: int) -> None:
        await self._engine.write(versions.publish(self._engine.index, tenant, document_id, version))

    async def discard(self, tenant: str, document_id: str, version: int) -> None:
        await self._engine.write(versions.discard(self._engine.index, tenant, document_id, version))

    async def work(self, tenant: str, document_id: str) -> tuple[Document, Collection] | None:
        return await self._engine.read(work.work(tenant, document_id))

    async def unfinished(self) -> list[tuple[str, str, int]]:
        return await self._engine.read(work.unfinished())

    async def unembedded(self) -> list[tuple[str, str, int]]:
        return await self._engine.read(work.unembedded())

    async def of_other_models(self, model: EmbeddingModel) -> list[Collection]:
        return await self._engine.read(work.of_other_models(model))

    async def remove_document(self, tenant: str, document_id: str) -> None:
        await self._engine.write(documents.remove_document(self._engine.index, tenant, document_id))

    async def change_access(self, tenant: str, document_id: str, access: frozenset[str]) -> None:
        await self._engine.write(documents.change_access(tenant, document_id, access))

    async def text(
        self, reader: Reader, document_id: str, start: int, end: int
    ) -> tuple[Document, str] | None:
        return await self._engine.read(documents.text(reader, document_id, start, end))

    async def pages(self, reader: Reader, document_id: str) -> list[tuple[int, int, int]]:
        return await self._engine.read(documents.pages(reader, document_id))

    async def near(
        self, reader: Reader, model: EmbeddingModel, vector: Vectors, filters: Filters, k: int
    ) -> list[Scored]:
        return await self._engine.read(
            passages.near(self._engine.index, reader, model, vector, filters, k)
        )

    async def matching(self, reader: Reader, words: str, filters: Filters, k: int) -> list[Scored]:
        return await self._engine.read(
            passages.matching(self._engine.index, reader, words, filters, k)
        )

    async def passages(self, reader: Reader, ids: Sequence[str]) -> list[Passage]:
        return await self._engine.read(passages.passages(reader, ids))

    async def neighbours(
        self, reader: Reader, document_id: str, first: int, last: int
    ) -> list[Passage]:
        return await self._engine.read(passages.neighbours(reader, document_id, first, last))

    async def vectors_of(self, reader: Reader, ids: Sequence[str]) -> dict[str, Vectors]:
        return await self._engine.read(passages.vectors_of(self._engine.index, reader, ids))

    async def note_gap(self, tenant: str, question: str, at: datetime, asked_as: str = "") -> None:
        await self._engine.write(gaps.note_gap(tenant, question, at, asked_as))

    async def gaps(self, tenant: str, state: str, limit: int) -> list[Gap]:
        return await self._engine.read(gaps.gaps(tenant, state, limit))

    async def settle_gap(self, tenant: str, gap_id: str, state: str, answer_id: str) -> None:
        await self._engine.write(gaps.settle_gap(tenant, gap_id, state, answer_id))

    async def count_upload(
        self, tenant: str, subject: str, at: datetime, since: datetime, most: int
    ) -> datetime | None:
        return await self._engine.write(uploads.count_upload(tenant, subject, at, since, most))
