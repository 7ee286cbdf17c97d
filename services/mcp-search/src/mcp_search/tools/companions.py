"""Hidden tools for a host's own pages: documents, the citation panel, cited sentences (docs/tool-conventions.md).

A person's click is their yes, so those that change something answer only hosts that are known to ask their people.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from pydantic import BaseModel, Field

from mcp_search.errors import NobodyToAsk, NotThere
from mcp_search.knowledge.access import is_editor, reader_of
from mcp_search.knowledge.citations.checker import MAX_ANSWER
from mcp_search.knowledge.model import Collection, Document, Gap, Passage
from mcp_search.parts import Parts
from mcp_search.tools.arguments import CHANGES, DELETES, HIDDEN_META, KNOWS, DocumentId, Identity
from mcp_search.tools.knowledge import CHECK_TOOL
from mcp_search.tools.told import collections_of
from shared.asking import is_asked_by_host
from shared.mcp_server import note_in_audit
from shared.scopes import KB_READ, KB_WRITE, needs
from shared.service_tokens import Principal
from shared.wire.knowledge import (
    AccessKey,
    CitationsJudged,
    CollectionList,
    CollectionShown,
    DocumentPage,
    DocumentShown,
    GapList,
    GapShown,
    KnowledgeAbout,
    PassageOpened,
    PassageShown,
    SentenceChecked,
)

KINDS = (".pdf", ".docx", ".md", ".txt", ".csv", ".html")
MAX_QUOTE = 4_000
MAX_SHOWN = 60_000
"""Characters of a document around an opened passage."""
MAX_LINE = 2_000
MAX_LOOKED_THROUGH = 5_000
"""Documents, for a part of a name."""
STEP = 200
EVERYBODY = ["everybody"]
NOBODY: list[AccessKey] = []
_READING = needs(KB_READ) | {HIDDEN_META: True}
_WRITING = needs(KB_WRITE) | {HIDDEN_META: True}
_Keys = Annotated[list[AccessKey], Field(max_length=50)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Description = Annotated[str, Field(max_length=2_000)]


class Nothing(BaseModel):
    """It was done; there is no more to say."""


def add_companions(server: MCPServer[Any], parts: Parts) -> None:
    """Add all of them. Those of pages only where a host with pages is configured."""
    _add_citations(server, parts)
    _add_passage(server, parts)
    if parts.settings.confirming_issuers:
        _add_looks(server, parts)
        _add_collections(server, parts)
        _add_documents(server, parts)
        _add_gaps(server, parts)


def _clicker(parts: Parts) -> Principal:
    """The caller, whose host showed them what they do. Raises Refused, NobodyToAsk."""
    caller = parts.caller()
    if not is_asked_by_host(caller, parts.settings.confirming_issuers):
        raise NobodyToAsk(
            "This is for the pages of a host that asks its people.",
            hint="Use kb_upload and kb_delete_document.",
        )
    return caller


def _add_citations(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(name=CHECK_TOOL, title="Check citations", annotations=KNOWS, meta=_READING)
    async def check_citations(
        text: Annotated[str, Field(max_length=MAX_ANSWER)],
    ) -> CitationsJudged:
        """Say which sentences of an answer are supported by the passages that they cite as [^id]."""
        checked = await parts.citations.check_answer(text, reader_of(parts.asker()))
        note_in_audit(sentences=len(checked.checks), passages=len(checked.passages))
        return CitationsJudged(
            passages=[_passage(one) for one in checked.passages],
            sentences=[
                SentenceChecked(
                    start=one.sentence.start,
                    end=one.sentence.end,
                    passages=list(one.sentence.cites),
                    support=one.support,
                    judged_by=one.judged_by,
                )
                for one in checked.checks
            ],
        )

    del check_citations  # registered by its decorator


def _passage(one: Passage) -> PassageShown:
    return PassageShown(
        id=one.id,
        document_id=one.document_id,
        title=_line(one.title or one.name),
        name=_line(one.name),
        page=one.page,
        headings=[_line(heading) for heading in one.headings[:20]],
        start=one.start,
        end=one.end,
        quote=one.text[:MAX_QUOTE],
        curated=one.curated,
    )


def _line(text: str) -> str:
    return text[:MAX_LINE]


def _add_passage(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(title="Open a passage", annotations=KNOWS, meta=_READING)
    async def kb_open_passage(
        passage_id: Annotated[str, Field(pattern="^[a-z2-7]{10}$")],
    ) -> PassageOpened:
        """A passage in its document, with as much of the text around it as a panel shows."""
        caller = parts.asker()
        reader = reader_of(caller)
        found = await parts.store.passages(reader, [passage_id])
        if not found:
            raise NotThere("There is no such passage.")
        [passage] = found
        note_in_audit(documents=[passage.document_id])
        start = max(0, passage.start - MAX_SHOWN // 2)
        read = await parts.store.text(reader, passage.document_id, start, start + MAX_SHOWN)
        if read is None:
            raise NotThere("There is no such passage.")
        document, text = read
        return PassageOpened(
            passage=_passage(passage),
            document=_document(
                parts, caller, document, await collections_of(parts.library, caller)
            ),
            text=text,
            text_start=start,
            whole=start == 0 and len(text) == document.characters,
            page_image=passage.page is not None and document.media_type == "application/pdf",
        )

    del kb_open_passage  # registered by its decorator


def _document(
    parts: Parts, caller: Principal, one: Document, collections: Mapping[str, Collection]
) -> DocumentShown:
    kept_in = collections.get(one.collection_id)
    return DocumentShown(
        id=one.id,
        collection_id=one.collection_id,
        name=_line(one.name),
        title=_line(one.title),
        media_type=one.media_type,
        octets=one.octets,
        state=one.state,
        progress=one.progress,
        reason=_line(one.reason),
        warnings=[_line(warning) for warning in one.warnings[:100]],
        pages=one.pages,
        chunks=one.chunks,
        uploaded_by_name=_line(one.uploaded_by_name),
        uploaded_at=one.uploaded_at,
        access=sorted(one.access),
        curated=one.curated,
        editable=kept_in is not None and parts.library.may_edit(caller, kept_in),
    )


def _collection(parts: Parts, caller: Principal, one: Collection) -> CollectionShown:
    return CollectionShown(
        id=one.id,
        name=_line(one.name),
        description=one.description[:MAX_LINE],
        documents=one.documents,
        access=sorted(one.access),
        editable=parts.library.may_edit(caller, one),
        model=one.model.name,
    )


def _add_looks(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(title="About the knowledge base", annotations=KNOWS, meta=_READING)
    async def kb_about() -> KnowledgeAbout:
        """Whether there is a knowledge base, its limits, and what waits for an editor."""
        caller = parts.caller()
        editor = is_editor(reader_of(caller), parts.config.knowledge.editor_roles)
        return KnowledgeAbout(
            available=True,
            editor=editor,
            document_bytes=parts.config.knowledge.document_bytes,
            kinds=list(KINDS),
            open_gaps=len(await parts.answers.gaps(caller, "open", 500)) if editor else 0,
        )

    @server.tool(title="Collections", annotations=KNOWS, meta=_READING)
    async def kb_collections() -> CollectionList:
        """The collections that the person may read, their own first."""
        caller = parts.caller()
        found = await parts.library.collections(caller)
        return CollectionList(
            collections=[_collection(parts, caller, one) for one in found[:1_000]]
        )

    @server.tool(title="Documents", annotations=KNOWS, meta=_READING)
    async def kb_documents(
        collection_id: Identity | None = None,
        document_id: Identity | None = None,
        name: Annotated[str | None, Field(max_length=200)] = None,
        cursor: Annotated[str | None, Field(max_length=200)] = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 50,
    ) -> DocumentPage:
        """Documents and how far each is, the newest first; by a part of their names; or one."""
        caller = parts.caller()
        collections = await collections_of(parts.library, caller)
        if document_id is not None:
            found, more = [await parts.library.document(caller, document_id)], None
        else:
            found, more = await _named(
                parts, caller, collection_id, name or "", cursor or "", limit
            )
        return DocumentPage(
            documents=[_document(parts, caller, one, collections) for one in found],
            next_cursor=more,
        )

    del kb_about, kb_collections, kb_documents  # registered by their decorators


async def _named(
    parts: Parts, caller: Principal, collection_id: str | None, name: str, after: str, limit: int
) -> tuple[list[Document], str | None]:
    """Up to `limit` whose name or title has this part, and where to go on."""
    wanted = name.casefold()
    found: list[Document] = []
    for _ in range(0, MAX_LOOKED_THROUGH, STEP):
        step = await parts.library.documents(caller, collection_id, after, STEP)
        for place, one in enumerate(step):
            if wanted in one.name.casefold() or wanted in one.title.casefold():
                found.append(one)
            after = one.id
            if len(found) == limit:
                is_last = place + 1 == len(step) and len(step) < STEP
                return found, None if is_last else after
        if len(step) < STEP:
            return found, None
    return found, after


def _add_collections(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(title="Make a collection", annotations=CHANGES, meta=_WRITING)
    async def kb_make_collection(
        name: _Name,
        description: _Description = "",
        access: _Keys = EVERYBODY,
        editors: _Keys = NOBODY,
    ) -> CollectionShown:
        """For editors."""
        caller = _clicker(parts)
        made = await parts.library.make_collection(
            caller, name, description=description, access=access, editors=editors
        )
        return _collection(parts, caller, made)

    @server.tool(title="Change a collection", annotations=CHANGES, meta=_WRITING)
    async def kb_change_collection(
        collection_id: Identity,
        name: _Name | None = None,
        description: _Description | None = None,
        access: _Keys | None = None,
        editors: _Keys | None = None,
    ) -> CollectionShown:
        """What is not given stays."""
        caller = _clicker(parts)
        changed = await parts.library.change_collection(
            caller,
            collection_id,
            name=name,
            description=description,
            access=access,
            editors=editors,
        )
        return _collection(parts, caller, changed)

    @server.tool(title="Remove a collection", annotations=DELETES, meta=_WRITING)
    async def kb_remove_collection(collection_id: Identity) -> Nothing:
        """With every document in it."""
        await parts.library.remove_collection(_clicker(parts), collection_id)
        return Nothing()

    del kb_make_collection, kb_change_collection, kb_remove_collection  # registered by decorators


def _add_documents(server: MCPServer[Any], parts: Parts) -> None:
    async def shown(caller: Principal, one: Document) -> DocumentShown:
        note_in_audit(documents=[one.id])
        return _document(parts, caller, one, await collections_of(parts.library, caller))

    @server.tool(title="Change who may read a document", annotations=CHANGES, meta=_WRITING)
    async def kb_change_document(document_id: DocumentId, access: _Keys) -> DocumentShown:
        """Of those who may read its collection. Empty: all of them."""
        caller = _clicker(parts)
        return await shown(caller, await parts.library.change_access(caller, document_id, access))

    @server.tool(title="Stop the work on a document", annotations=CHANGES, meta=_WRITING)
    async def kb_cancel_document(document_id: DocumentId) -> DocumentShown:
        """An older version that is ready stays."""
        caller = _clicker(parts)
        return await shown(caller, await parts.library.cancel(caller, document_id))

    @server.tool(title="Remove a document", annotations=DELETES, meta=_WRITING)
    async def kb_remove_document(document_id: DocumentId) -> Nothing:
        """With everything found in it."""
        note_in_audit(documents=[document_id])
        await parts.library.remove_document(_clicker(parts), document_id)
        return Nothing()

    del kb_change_document, kb_cancel_document, kb_remove_document  # registered by decorators


def _add_gaps(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(title="Questions without an answer", annotations=KNOWS, meta=_READING)
    async def kb_gaps(
        state: Literal["open", "answered", "dismissed"] = "open",
    ) -> GapList:
        """For editors: those asked most often first."""
        found = await parts.answers.gaps(parts.caller(), state, 500)
        return GapList(gaps=[_gap(one) for one in found])

    @server.tool(title="Answer a question", annotations=CHANGES, meta=_WRITING)
    async def kb_answer_gap(
        gap_id: Identity,
        answer: Annotated[str, Field(min_length=1, max_length=20_000)],
        question: Annotated[str | None, Field(min_length=1, max_length=400)] = None,
    ) -> DocumentShown:
        """For editors: the answer is a document of its own, found from then on."""
        caller = _clicker(parts)
        if question is None:
            question = await _asked(parts, caller, gap_id)
        document = await parts.answers.write(caller, question, answer, gap_id)
        return _document(parts, caller, document, await collections_of(parts.library, caller))

    @server.tool(title="Change an answer", annotations=CHANGES, meta=_WRITING)
    async def kb_change_answer(
        document_id: DocumentId,
        question: Annotated[str, Field(min_length=1, max_length=400)],
        answer: Annotated[str, Field(min_length=1, max_length=20_000)],
    ) -> DocumentShown:
        """For editors: until the new answer is ready, the old one is found."""
        caller = _clicker(parts)
        document = await parts.answers.edit(caller, document_id, question, answer)
        return _document(parts, caller, document, await collections_of(parts.library, caller))

    @server.tool(title="Dismiss a question", annotations=CHANGES, meta=_WRITING)
    async def kb_dismiss_gap(gap_id: Identity) -> Nothing:
        """For editors: it needs no answer."""
        await parts.answers.dismiss(_clicker(parts), gap_id)
        return Nothing()

    del kb_gaps, kb_answer_gap, kb_change_answer, kb_dismiss_gap  # registered by their decorators


async def _asked(parts: Parts, caller: Principal, gap_id: str) -> str:
    """In the words it was asked in."""
    for gap in await parts.answers.gaps(caller, "", 500):
        if gap.id == gap_id:
            return gap.question
    raise NotThere("There is no such question.")


def _gap(one: Gap) -> GapShown:
    return GapShown(
        id=one.id,
        question=_line(one.question),
        asked_as=_line(one.asked_as),
        asked=one.asked,
        first_asked_at=one.first_asked_at,
        last_asked_at=one.last_asked_at,
        state=one.state,
        answer_id=one.answer_id,
    )
