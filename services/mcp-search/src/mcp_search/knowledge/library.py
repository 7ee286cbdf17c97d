"""What people may do with the organisation's documents. Each function takes the caller as verified.

What a person may not see reads as what is not there; what they see and may not change is said to be not theirs.
"""

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from mcp_search.config import Knowledge, Limits
from mcp_search.errors import NameTaken, NotThere, NotYours, RateLimited, TooMuch
from mcp_search.knowledge import access as rules
from mcp_search.knowledge.ingestion.work import Job
from mcp_search.knowledge.model import Collection, Document, EmbeddingModel, Passage, Reader
from mcp_search.knowledge.parsing.kinds import MEDIA_TYPES, hint_of, kind_of
from mcp_search.knowledge.parsing.trouble import NoText
from mcp_search.knowledge.ports import KnowledgeStore
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal
from shared.untrusted.characters import clean, clean_line

OWN = "My documents"
ANSWERS = "Answers"
MAX_NAME = 200
MAX_DESCRIPTION = 2_000
MAX_METADATA = 20
DAY = timedelta(days=1)


class Queue(Protocol):
    """Has the work on documents done (ingestion.jobs)."""

    async def submit(self, job: Job) -> None:
        """A job that was submitted before is not done again."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody adds, or a newer version of one."""

    name: str
    content: bytes
    collection: str = ""
    """Its id or name. Empty: the person's own."""
    document_id: str = ""
    """What it is a newer version of. Empty: a new document."""
    access: frozenset[str] | None = None
    """Narrows the collection's. None: as before, or as the collection's."""
    source_url: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    title: str = ""
    """Empty: as the file says."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an upload."""

    document: Document
    duplicate: bool
    """The collection has this content already: it is that document, and nothing was done."""


@dataclass(slots=True)
class Library:
    """Collections and documents."""

    store: KnowledgeStore
    queue: Queue
    config: Knowledge
    limits: Limits
    model: EmbeddingModel
    """Of new collections."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _adding: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary[tuple[str, str, str], asyncio.Lock]
    )
    """Held by those who add the same content; the uploads of other replicas do not wait for it."""

    # Collections

    async def collections(self, principal: Principal) -> list[Collection]:
        """Those the person may see, their own first."""
        reader = rules.reader_of(principal)
        found = [_as_shown(each) for each in await self.store.collections(reader)]
        return sorted(found, key=lambda each: (each.id != own_id(reader), each.name.casefold()))

    def may_edit(self, principal: Principal, collection: Collection) -> bool:
        """Add, change and remove in a collection that the person sees."""
        return rules.may_edit(rules.reader_of(principal), collection, self.config.editor_roles)

    async def collection(self, principal: Principal, named: str) -> Collection:
        """By id or name; the person's own when nothing is named. Raises NotThere."""
        reader = rules.reader_of(principal)
        if named == own_id(reader) or named.casefold() in {"", OWN.casefold()}:
            return await self._own(reader)
        for each in await self.collections(principal):
            if named == each.id or named.casefold() == each.name.casefold():
                return each
        raise NotThere(
            "There is no such collection.", hint="kb_list_collections names those there are."
        )

    async def make_collection(
        self,
        principal: Principal,
        name: str,
        *,
        description: str = "",
        access: Iterable[str] = ("everybody",),
        editors: Iterable[str] = (),
    ) -> Collection:
        """Raises NotYours, NameTaken, InvalidArguments."""
        reader = rules.reader_of(principal)
        self._require_editor(reader, "Only editors make collections.")
        collection = Collection(
            id=secrets.token_hex(16),
            tenant=reader.tenant,
            name=_collection_name(name),
            description=clean(description)[:MAX_DESCRIPTION],
            model=self.model,
            access=rules.checked_readers(reader, access),
            editors=rules.checked_keys(editors, "editors"),
        )
        await self.store.add_collection(collection)
        return collection

    async def change_collection(
        self,
        principal: Principal,
        collection_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        access: Iterable[str] | None = None,
        editors: Iterable[str] | None = None,
    ) -> Collection:
        """What is None stays. Raises NotThere, NotYours, NameTaken, InvalidArguments."""
        reader = rules.reader_of(principal)
        collection = await self._shared_collection(principal, collection_id)
        changed = replace(
            collection,
            name=collection.name if name is None else _collection_name(name),
            description=collection.description
            if description is None
            else clean(description)[:MAX_DESCRIPTION],
            access=collection.access if access is None else rules.checked_readers(reader, access),
            editors=collection.editors
            if editors is None
            else rules.checked_keys(editors, "editors"),
        )
        await self.store.change_collection(changed)
        return changed

    async def remove_collection(self, principal: Principal, collection_id: str) -> None:
        """With every document in it, those too that the person may not see. Raises NotThere, NotYours."""
        collection = await self._editable(principal, collection_id)
        await self.store.remove_collection(collection.tenant, collection.id)

    # Documents

    async def documents(
        self,
        principal: Principal,
        collection_id: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> list[Document]:
        """Newest first, from behind the document `after`. Raises NotThere."""
        reader = rules.reader_of(principal)
        wanted = None
        if collection_id is not None:
            wanted = (await self.collection(principal, collection_id)).id
        return await self.store.documents(reader, wanted, after, limit)

    async def document(self, principal: Principal, document_id: str) -> Document:
        """And where it stands. Raises NotThere."""
        document = await self.store.document(rules.reader_of(principal), document_id)
        if document is None:
            raise _no_document()
        return document

    async def add(self, principal: Principal, upload: Upload) -> Added:
        """Take a file in; it is read in the background.

        Raises NotThere, NotYours, TooMuch, RateLimited, InvalidArguments, Outpaced (another version came in between).
        """
        self._check_size(upload.content)
        old = None
        if upload.document_id:
            old, collection = await self._editable_document(principal, upload.document_id)
        else:
            collection = await self._editable(principal, upload.collection)
        return await self.add_to(principal, collection, upload, old)

    async def add_to(
        self,
        principal: Principal,
        collection: Collection,
        upload: Upload,
        old: Document | None,
        *,
        curated: bool = False,
    ) -> Added:
        """To a collection that was found to be the person's to change; `old` is what it replaces."""
        reader = rules.reader_of(principal)
        access = old.access if old else frozenset[str]()
        if upload.access is not None:
            access = rules.narrowed(reader, collection, upload.access)
        sha256 = await asyncio.to_thread(_sha256, upload.content)
        # One at a time: of two equal uploads at once, the second finds the first.
        key = (collection.tenant, collection.id, sha256)
        async with self._adding.setdefault(key, asyncio.Lock()):
            again = await self._same(reader, collection, sha256, old)
            if again is not None and again.state not in {"failed", "cancelled"}:
                return Added(again, duplicate=True)
            await self._count_upload(reader)
            old = old or again  # What failed is tried again as its own next version.
            document = _document(principal, collection, upload, access, sha256, old)
            document = replace(document, uploaded_at=self.now(), curated=curated)
            if old is not None and access != old.access:
                await self.store.change_access(reader.tenant, old.id, access)
            await self.store.add_document(document, upload.content)
        await self.queue.submit(Job(document.tenant, document.id, document.version))
        return Added(document, duplicate=False)

    async def cancel(self, principal: Principal, document_id: str) -> Document:
        """Call the work on the newest version off; an older one that is ready stays. Raises NotThere, NotYours."""
        document, _ = await self._editable_document(principal, document_id)
        version = (document.tenant, document.id, document.version)
        # The store lets none of it happen to a version that is ready, and takes no more from work under way.
        await self.store.note_state(*version, "cancelled", 0, "")
        changed = await self.document(principal, document_id)
        if (changed.version, changed.state) == (document.version, "cancelled"):
            await self.store.discard(*version)
        return changed

    async def remove_document(self, principal: Principal, document_id: str) -> None:
        """With everything of it; a question that it answered is open again. Raises NotThere, NotYours."""
        document, _ = await self._editable_document(principal, document_id)
        await self.store.remove_document(document.tenant, document.id)

    async def change_access(
        self, principal: Principal, document_id: str, access: Iterable[str]
    ) -> Document:
        """Of those who may read the collection, who may read the document; empty: all of them.

        Raises NotThere, NotYours, InvalidArguments.
        """
        document, collection = await self._editable_document(principal, document_id)
        wanted = rules.narrowed(rules.reader_of(principal), collection, access)
        await self.store.change_access(document.tenant, document.id, wanted)
        return replace(document, access=wanted)

    async def original(self, principal: Principal, document_id: str) -> tuple[Document, bytes]:
        """The newest file that was kept: those that failed were not. Raises NotThere."""
        document = await self.document(principal, document_id)
        for version in range(document.version, 0, -1):
            content = await self.store.original(document.tenant, document.id, version)
            if content is not None:
                return document, content
        raise NotThere("The file was not kept, since it could not be read.")

    async def passage_with_file(
        self, principal: Principal, passage_id: str
    ) -> tuple[Passage, Document, bytes]:
        """A passage, and the very file that it stands in. Raises NotThere."""
        reader = rules.reader_of(principal)
        found = await self.store.passages(reader, [passage_id])
        if not found:
            raise NotThere("There is no such passage.")
        [passage] = found
        document = await self.document(principal, passage.document_id)
        content = await self.store.original(reader.tenant, passage.document_id, passage.version)
        if content is None:
            raise NotThere("There is no such passage.")
        return passage, document, content

    async def span_in_page(self, principal: Principal, passage: Passage) -> tuple[int, int]:
        """Where on its page a passage is, in characters of the page's text."""
        reader = rules.reader_of(principal)
        for number, start, _ in await self.store.pages(reader, passage.document_id):
            if number == passage.page:
                return max(0, passage.start - start), passage.end - start
        return 0, 0

    # Rules

    def require_editor(self, principal: Principal, otherwise: str) -> None:
        """Raises NotYours with `otherwise`: the person has no role of an editor."""
        self._require_editor(rules.reader_of(principal), otherwise)

    async def _own(self, reader: Reader) -> Collection:
        """The person's own collection, made when it is first asked for."""
        for each in await self.store.collections(reader):
            if each.id == own_id(reader):
                return _as_shown(each)
        key = f"person:{reader.subject}"
        own = Collection(
            id=own_id(reader),
            tenant=reader.tenant,
            # Names are unique in a tenant, and this one is not shown.
            name=f"{OWN} {own_id(reader)}",
            description="",
            model=self.model,
            access=frozenset({key}),
            editors=frozenset({key}),
        )
        with contextlib.suppress(NameTaken):  # The person's other request was a moment earlier.
            await self.store.add_collection(own)
        return _as_shown(own)

    async def _editable(self, principal: Principal, named: str) -> Collection:
        collection = await self.collection(principal, named)
        if not self.may_edit(principal, collection):
            raise NotYours(
                "You may read this collection and not change it.",
                hint="Its editors may; your own documents go to My documents.",
            )
        return collection

    async def _shared_collection(self, principal: Principal, collection_id: str) -> Collection:
        collection = await self._editable(principal, collection_id)
        if collection.id == own_id(rules.reader_of(principal)):
            raise NotYours(
                "Everybody's own collection stays as it is.",
                hint="Documents for others belong to a collection that is shared.",
            )
        return collection

    async def _editable_document(
        self, principal: Principal, document_id: str
    ) -> tuple[Document, Collection]:
        document = await self.document(principal, document_id)
        for each in await self.store.collections(rules.reader_of(principal)):
            if each.id == document.collection_id:
                if self.may_edit(principal, each):
                    return document, each
                raise NotYours("You may read this document and not change it.")
        raise _no_document()

    def _require_editor(self, reader: Reader, otherwise: str) -> None:
        if not rules.is_editor(reader, self.config.editor_roles):
            raise NotYours(otherwise, hint="Somebody with the role of an editor can.")

    async def _same(
        self, reader: Reader, collection: Collection, sha256: str, old: Document | None
    ) -> Document | None:
        """The document of this content that the person sees; of a replacement, only what it replaces."""
        if old is not None:
            return old if old.sha256 == sha256 else None
        same = await self.store.same_content(collection.tenant, collection.id, sha256)
        return await self.store.document(reader, same.id) if same else None

    def _check_size(self, content: bytes) -> None:
        if len(content) > self.config.document_bytes:
            raise too_large(self.config.document_bytes)

    async def _count_upload(self, reader: Reader) -> None:
        now, most = self.now(), self.limits.uploads_a_day
        first = await self.store.count_upload(reader.tenant, reader.subject, now, now - DAY, most)
        if first is not None:
            raise RateLimited(
                f"You have uploaded {most} files within a day, which is the limit.",
                retry_after_s=(first + DAY - now).total_seconds(),
                limit=most,
            )


def own_id(reader: Reader) -> str:
    """Of the person's own collection: the same for every replica that makes it."""
    return _sha256(f"own\n{reader.tenant}\n{reader.subject}".encode())[:32]


def too_large(limit: int) -> TooMuch:
    """What an upload of more than `limit` octets is answered."""
    return TooMuch(
        f"The file is larger than {limit / 1024 / 1024:.0f} MB, which is the limit.",
        hint="Split it, or upload only the part that matters.",
        limit="document_bytes",
        value=limit,
    )


def shown_name(name: str) -> str:
    """A file's name without folders and what cannot be seen; it is shown, never opened."""
    return clean_line(name.replace("\\", "/").rpartition("/")[2], MAX_NAME) or "document"


def _as_shown(collection: Collection) -> Collection:
    own = rules.own_key(collection) is not None and collection.name.startswith(f"{OWN} ")
    return replace(collection, name=OWN) if own else collection


def _collection_name(name: str) -> str:
    cleaned = clean_line(name, MAX_NAME)
    if not cleaned:
        raise InvalidArguments("A collection needs a name.")
    if cleaned.casefold() == ANSWERS.casefold() or cleaned.casefold().startswith(OWN.casefold()):
        raise InvalidArguments(
            f"{cleaned} is a name the server uses itself.", hint="Choose another."
        )
    return cleaned


def _document(
    principal: Principal,
    collection: Collection,
    upload: Upload,
    access: frozenset[str],
    sha256: str,
    old: Document | None,
) -> Document:
    name = shown_name(upload.name)
    return Document(
        id=old.id if old else secrets.token_hex(16),
        tenant=principal.tenant,
        collection_id=collection.id,
        name=name,
        title=clean_line(upload.title, MAX_NAME),
        media_type=_media_type(upload.content, name),
        octets=len(upload.content),
        sha256=sha256,
        access=access,
        uploaded_by=principal.subject,
        uploaded_by_name=clean_line(principal.name, MAX_NAME) or principal.subject,
        uploaded_at=datetime.min.replace(tzinfo=UTC),
        state="queued",
        version=old.version + 1 if old else 1,
        source_url=upload.source_url,
        metadata=_metadata(upload.metadata),
    )


def _media_type(content: bytes, name: str) -> str:
    """Of what cannot be read, the work on it says why."""
    try:
        return MEDIA_TYPES[kind_of(content, hint_of(name))]
    except NoText:
        return "application/octet-stream"


def _metadata(given: Mapping[str, str]) -> dict[str, str]:
    if len(given) > MAX_METADATA:
        raise InvalidArguments(f"metadata has more than {MAX_METADATA} entries.")
    return {clean_line(name, 100): clean_line(value, 500) for name, value in given.items()}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _no_document() -> NotThere:
    return NotThere("There is no such document.", hint="kb_list_documents names those there are.")
