"""What is done to one version of a document, step by step. A step that is done twice does no harm."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import structlog

from mcp_search.errors import KnowledgeAway, UnreadableDocument, VectorsMissing
from mcp_search.knowledge.ingestion.proof import is_found
from mcp_search.knowledge.model import Chunk, Collection, Document, Parsed
from mcp_search.knowledge.ports import Embedder, KnowledgeStore
from shared.mcp_server import Problem

Stage = Literal["read", "embed", "publish", "prove"]

WAITS_S = (1, 2, 4, 8, 15, 30, 60, 60, 120)
"""Between tries while the store or the embedder is away: five minutes in all."""
READ_SHARE = 0.2
"""Of a document's progress: reading is quick, embedding is not."""
EMBEDDED_SHARE = 0.95

log = structlog.get_logger()


class FileReader(Protocol):
    """Reads files and cuts their texts, away from the event loop."""

    async def read(self, original: bytes, name: str) -> Parsed:
        """Raises UnreadableDocument, TooMuch, UnsupportedType: with why, in a person's words."""
        ...

    async def cut(self, parsed: Parsed, title: str) -> Sequence[Chunk]: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A version of a document that is to be made findable."""

    tenant: str
    document_id: str
    version: int

    @property
    def id(self) -> str:
        """An upload that is repeated starts nothing twice: it has the same id."""
        return f"{self.document_id}.{self.version}"


@dataclass(frozen=True, slots=True)
class Work:
    """The steps, over what they need."""

    store: KnowledgeStore
    embedder: Embedder
    reader: FileReader
    batch: int = 64
    waits_s: Sequence[float] = WAITS_S

    async def step(self, stage: Stage, job: Job) -> bool:
        """Do it, and again while what it needs is away. True: go on, with `embed` do it once more.

        What goes wrong is noted with the document. Raises KnowledgeAway when not even that can be done.
        """
        try:
            return await self._patiently(partial(self._acts[stage], job))
        except KnowledgeAway as error:
            reason = f"{error.message} It was tried again for minutes. Upload the file once more."
        except Problem as error:
            reason = str(error)
        # The runner of background work: nobody is there to hear of it but the document and the log.
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("ingestion_crashed", stage=stage, document=job.id, reference=reference)
            reason = (
                f"Reading it broke off with an error of the server's own, logged as {reference}."
            )
        await self.fail(job, reason)
        return False

    async def fail(self, job: Job, reason: str) -> None:
        """Note why, and throw away what is there of the version. Raises KnowledgeAway."""
        await self._patiently(partial(self._fail, job, reason))

    async def embed_again(self, job: Job) -> bool:
        """Embed some of a ready version's chunks that the collection's new model has not seen. True: go on."""
        return await self._patiently(partial(self._embed_again, job))

    @property
    def _acts(self) -> dict[Stage, Callable[[Job], Awaitable[bool]]]:
        return {
            "read": self._read,
            "embed": self._embed,
            "publish": self._publish,
            "prove": self._prove,
        }

    async def _read(self, job: Job) -> bool:
        wanted = await self._wanted(job)
        if wanted is None:
            return False
        document, _ = wanted
        await self._note(job, "parsing", 0)
        original = await self.store.original(*_version(job))
        if original is None:
            return False  # It was removed a moment ago.
        parsed = await self.reader.read(original, document.name)
        chunks = await self.reader.cut(parsed, document.title or parsed.title or document.name)
        if not chunks:
            raise UnreadableDocument("There is no text in the file.", reason="empty")
        await self.store.stage(*_version(job), parsed, chunks)
        await self._note(job, "embedding", READ_SHARE)
        return await self._wanted(job) is not None

    async def _embed(self, job: Job) -> bool:
        wanted = await self._wanted(job)
        if wanted is None:
            return False
        document, collection = wanted
        if collection.model != self.embedder.model:
            # Another replica runs with another model. It may take this over; vectors of ours would be wrong there.
            raise KnowledgeAway("Its collection is embedded by another model than this server's.")
        last = await self._embed_batch(job)
        if last is None:
            return False
        done = (last + 1) / max(document.chunks, last + 1)
        progress = READ_SHARE + (EMBEDDED_SHARE - READ_SHARE) * done
        await self._note(job, "embedding", round(progress, 3))
        return await self._wanted(job) is not None

    async def _embed_again(self, job: Job) -> bool:
        found = await self.store.work(job.tenant, job.document_id)
        if found is None or found[1].model != self.embedder.model:
            return False
        return await self._embed_batch(job) is not None

    async def _embed_batch(self, job: Job) -> int | None:
        """The last chunk that got a vector; None when all have one, or none is to have one."""
        if not self.embedder.model.dimension:
            return None
        chunks = await self.store.staged_chunks(*_version(job), -1, self.batch)
        if not chunks:
            return None
        vectors = await self.embedder.embed([chunk.embedded_text for chunk in chunks])
        ordinals = [chunk.ordinal for chunk in chunks]
        await self.store.stage_vectors(*_version(job), ordinals, vectors)
        return chunks[-1].ordinal

    async def _publish(self, job: Job) -> bool:
        if await self._wanted(job) is None:
            return False
        try:
            await self.store.publish(*_version(job))
        except VectorsMissing:
            # The collection was given another model since.
            while await self._embed(job):
                pass
            await self.store.publish(*_version(job))
        return True

    async def _prove(self, job: Job) -> bool:
        wanted = await self._wanted(job)
        if wanted is None:
            return False
        if not await is_found(self.store, self.embedder, *wanted):
            raise UnreadableDocument(
                "It was read, but a search for a sentence of its own does not find it.",
                reason="not_found",
            )
        await self._note(job, "ready", 1)
        log.info("document_ready", document=job.id, tenant=job.tenant)
        return True

    async def _fail(self, job: Job, reason: str) -> None:
        if await self._wanted(job) is not None:
            await self.store.note_state(*_version(job), "failed", 0, reason)
            await self.store.discard(*_version(job))
            log.info("document_failed", document=job.id, tenant=job.tenant)

    async def _note(
        self, job: Job, state: Literal["parsing", "embedding", "ready"], progress: float
    ) -> None:
        await self.store.note_state(*_version(job), state, progress, "")

    async def _wanted(self, job: Job) -> tuple[Document, Collection] | None:
        """The document, while its newest version is this one and nobody has called the work off.

        What was staged after it was called off is thrown away here.
        """
        found = await self.store.work(job.tenant, job.document_id)
        if found is None:
            return None
        document = found[0]
        if document.version == job.version and document.state in {"queued", "parsing", "embedding"}:
            return found
        if document.version > job.version or document.state == "cancelled":
            await self.store.discard(*_version(job))
        return None

    async def _patiently(self, act: Callable[[], Awaitable[bool | None]]) -> bool:
        for wait_s in self.waits_s:
            try:
                return bool(await act())
            except KnowledgeAway as error:
                log.warning("ingestion_waits", wait_s=wait_s, reason=error.message)
            await asyncio.sleep(wait_s)
        return bool(await act())


def _version(job: Job) -> tuple[str, str, int]:
    return job.tenant, job.document_id, job.version
