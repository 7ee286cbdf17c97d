"""Makers for tests of the knowledge base: readers, collections, documents and what stands in them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from mcp_search.knowledge.model import (
    EVERYBODY,
    Chunk,
    Collection,
    Document,
    EmbeddingModel,
    Page,
    Parsed,
    Reader,
)
from mcp_search.knowledge.ports import KnowledgeStore, Vectors

MODEL = EmbeddingModel("test-model", 8)
STARTED_AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def reader(tenant: str = "acme", subject: str = "ada", *roles: str) -> Reader:
    return Reader(tenant, subject, frozenset(roles))


def collection(
    identity: str = "handbook",
    tenant: str = "acme",
    *,
    access: Sequence[str] = (EVERYBODY,),
    name: str = "",
    model: EmbeddingModel = MODEL,
) -> Collection:
    return Collection(
        id=identity,
        tenant=tenant,
        name=name or identity.title(),
        description="",
        model=model,
        access=frozenset(access),
        editors=frozenset({"role:owner"}),
    )


@dataclass(frozen=True)
class Written:
    """A document by the paragraphs that stand in it; each is a chunk."""

    id: str
    paragraphs: tuple[str, ...]
    tenant: str = "acme"
    collection_id: str = "handbook"
    access: frozenset[str] = frozenset()
    version: int = 1
    media_type: str = "text/plain"
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    uploaded_at: datetime = STARTED_AT
    curated: bool = False
    gap: str = "\n\n"

    @property
    def text(self) -> str:
        return self.gap.join(self.paragraphs)

    @property
    def original(self) -> bytes:
        return self.text.encode("utf-8", "replace")

    @property
    def document(self) -> Document:
        return Document(
            id=self.id,
            tenant=self.tenant,
            collection_id=self.collection_id,
            name=f"{self.id}.txt",
            title=self.title,
            media_type=self.media_type,
            octets=len(self.original),
            sha256=hashlib.sha256(self.original).hexdigest(),
            access=self.access,
            uploaded_by="ada",
            uploaded_by_name="Ada",
            uploaded_at=self.uploaded_at,
            state="queued",
            version=self.version,
            metadata=self.metadata,
            curated=self.curated,
        )

    @property
    def parsed(self) -> Parsed:
        return Parsed(self.text, (), (Page(1, 0, len(self.text)),), warnings=("A note.",))

    @property
    def chunks(self) -> list[Chunk]:
        made: list[Chunk] = []
        start = 0
        for ordinal, paragraph in enumerate(self.paragraphs):
            end = start + len(paragraph)
            made.append(Chunk(ordinal, start, end, 1, ("Chapter",), f"{self.id} > {paragraph}"))
            start = end + len(self.gap)
        return made


def vector(text: str, dimension: int = MODEL.dimension) -> Vectors:
    """The same for the same words, whatever their order: a direction for each word, added up."""
    total = np.full(dimension, 0.01, dtype=np.float32)
    for word in text.lower().replace(".", " ").replace("?", " ").split():
        seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:4], "big")
        total += np.random.default_rng(seed).standard_normal(dimension, dtype=np.float32)
    return (total / np.linalg.norm(total)).astype(np.float32)


async def stage(store: KnowledgeStore, written: Written) -> None:
    """Everything but publishing."""
    await store.add_document(written.document, written.original)
    await store.stage(written.tenant, written.id, written.version, written.parsed, written.chunks)
    vectors = np.stack([vector(paragraph) for paragraph in written.paragraphs])
    ordinals = [chunk.ordinal for chunk in written.chunks]
    await store.stage_vectors(written.tenant, written.id, written.version, ordinals, vectors)


async def publish(store: KnowledgeStore, *all_written: Written) -> None:
    """Add the documents so that they are found."""
    for written in all_written:
        await stage(store, written)
        await store.publish(written.tenant, written.id, written.version)


def later(minutes: int) -> datetime:
    return STARTED_AT + timedelta(minutes=minutes)
