"""The tools that add documents to the knowledge base and take them out, with what they would do as previews."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, cast
from urllib.parse import unquote, urlsplit

from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import BaseModel, Field

from mcp_search.errors import BadContent, NobodyToAsk, NotConfirmed, NotThere, NotYours, TooMuch
from mcp_search.knowledge.ingestion.work import Job
from mcp_search.knowledge.library import Upload, shown_name
from mcp_search.knowledge.model import Collection, Document
from mcp_search.parts import Parts
from mcp_search.results import Change, DeletedTold, JobTold, Preview, UploadTold
from mcp_search.tools import told
from mcp_search.tools.arguments import (
    ADDS,
    DELETES,
    HIDDEN_META,
    KNOWS,
    MAX_URL,
    NO_METADATA,
    PREVIEW_META,
    CollectionName,
    DocumentId,
)
from shared.asking import AskedByHost, NobodyAsks, can_be_asked, is_asked_by_host
from shared.mcp_server import InvalidArguments, note_in_audit
from shared.scopes import KB_READ, KB_WRITE, needs
from shared.service_tokens import Principal

MAX_UPLOAD = 1024 * 1024
"""Octets in an argument. Larger files go over HTTP, or come from an address."""

_WRITING = needs(KB_WRITE)
_Name = Annotated[
    str | None,
    Field(description="File name, such as travel.md. May be left out with url.", max_length=300),
]
_Content = Annotated[
    str | None,
    Field(description="The file's octets, at most 1 MB.", max_length=MAX_UPLOAD * 4 // 3 + 4),
]
_Url = Annotated[
    str | None,
    Field(description="Or a public address to fetch the file from.", max_length=MAX_URL),
]
_Collection = Annotated[
    CollectionName | None,
    Field(description="Its name or id. Unset: your own, which nobody else reads."),
]
_Metadata = Annotated[
    dict[str, Annotated[str, Field(max_length=500)]],
    Field(description="Facts to narrow searches by, such as year: 2026.", max_length=20),
]
_JobId = Annotated[
    str, Field(description="As kb_upload gives it.", pattern=r"^[0-9A-Za-z_-]{1,100}\.[0-9]{1,9}$")
]


class Yes(BaseModel):
    """What a person answers."""

    delete: bool = Field(description="Delete this document?")


def add_document_tools(server: MCPServer[Any], parts: Parts) -> None:
    """Add all of them, in the order in which they are of use."""
    _add_upload(server, parts)
    _add_status(server, parts)
    _add_delete(server, parts)


def _add_upload(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(
        title="Add a document",
        annotations=ADDS,
        meta=_WRITING | {PREVIEW_META: "preview_kb_upload"},
    )
    async def kb_upload(
        name: _Name = None,
        content_base64: _Content = None,
        url: _Url = None,
        collection: _Collection = None,
        metadata: _Metadata = NO_METADATA,
    ) -> UploadTold:
        """Add a document to the knowledge base: PDF, Word (DOCX), Markdown, text, CSV or HTML.

        It is read in the background: kb_job_status tells when it can be found. The same content in the same collection
        is one document, however often it is added. Larger files go over the server's HTTP API.
        """
        caller = parts.caller()
        offered = _offered(name, content_base64, url)
        kept_in = await _editable(parts, caller, collection)
        content = offered.content
        if offered.url:
            parts.fetcher()
            note_in_audit(hosts=[urlsplit(offered.url).hostname or ""])
            content = (await parts.web.fetch(offered.url)).body
        added = await parts.library.add(
            caller,
            Upload(offered.name, content, kept_in.id, source_url=offered.url, metadata=metadata),
        )
        note_in_audit(documents=[added.document.id], octets=len(content), duplicate=added.duplicate)
        return _uploaded(added.document, kept_in, is_duplicate=added.duplicate)

    @server.tool(
        title="Preview: Add a document", annotations=KNOWS, meta=_WRITING | {HIDDEN_META: True}
    )
    async def preview_kb_upload(
        name: _Name = None,
        content_base64: _Content = None,
        url: _Url = None,
        collection: _Collection = None,
        metadata: _Metadata = NO_METADATA,
    ) -> Preview:
        """What kb_upload would add, and who could read it. Nothing is added or fetched."""
        del metadata  # the dialog shows the arguments
        offered = _offered(name, content_base64, url)
        kept_in = await _editable(parts, parts.caller(), collection)
        size = "" if offered.url else f" ({_size(len(offered.content))})"
        return Preview(
            summary=f"Add {offered.name}{size} to {kept_in.name}",
            changes=[
                Change(item=offered.name, field="collection", old=None, new=kept_in.name),
                Change(item=offered.name, field="read by", old=None, new=_readers(kept_in)),
                *(
                    [Change(item=offered.name, field="fetched from", old=None, new=offered.url)]
                    if offered.url
                    else []
                ),
            ],
        )

    del kb_upload, preview_kb_upload  # registered by their decorators


@dataclass(frozen=True, slots=True)
class _Offered:
    """A file to add: its octets, or where they are."""

    name: str
    content: bytes = b""
    url: str = ""


def _offered(name: str | None, content_base64: str | None, url: str | None) -> _Offered:
    if (content_base64 is None) == (url is None):
        raise InvalidArguments("Give one of content_base64 and url.")
    if url is not None:
        return _Offered(shown_name(name or _name_in(url)), url=url)
    if not name:
        raise InvalidArguments("name: is required with content_base64.")
    try:
        content = base64.b64decode(content_base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise BadContent("content_base64 is not base64.", field="content_base64") from None
    if len(content) > MAX_UPLOAD:
        raise TooMuch(
            f"A file in an argument is at most {MAX_UPLOAD:,} bytes.",
            hint="Add a larger one over the server's HTTP API.",
            limit="upload_bytes",
            value=MAX_UPLOAD,
        )
    return _Offered(shown_name(name), content)


def _name_in(url: str) -> str:
    try:
        parts = urlsplit(url)
        return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.hostname or "page"
    except ValueError:
        return "page"


async def _editable(parts: Parts, caller: Principal, named: str | None) -> Collection:
    """Raises NotThere, NotYours: before anything is fetched."""
    collection = await parts.library.collection(caller, named or "")
    if not parts.library.may_edit(caller, collection):
        raise NotYours(
            "You may read this collection and not change it.",
            hint="Leave collection out: then it goes to your own.",
        )
    return collection


def _readers(collection: Collection) -> str:
    """In a person's words."""
    told_of = {"everybody": "everybody in your organisation"}
    names = [
        told_of.get(key) or key.replace("role:", "everybody with the role ").replace("person:", "")
        for key in sorted(collection.access)
    ]
    return ", ".join(names)


def _size(octets: int) -> str:
    return f"{octets:,} bytes" if octets < 10_000 else f"{octets / 1024:,.0f} KB"


def _uploaded(document: Document, collection: Collection, *, is_duplicate: bool) -> UploadTold:
    what = "was there already" if is_duplicate else "was added and is being read"
    return UploadTold(
        document_id=document.id,
        job_id=told.job_id(document),
        collection=collection.name,
        state=document.state,
        duplicate=is_duplicate,
        summary=f"{document.name} {what}, in {collection.name}.",
    )


def _add_status(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(title="How far a document is", annotations=KNOWS, meta=needs(KB_READ))
    async def kb_job_status(job_id: _JobId) -> JobTold:
        """Tell how far the work on an added document is: queued, parsing, embedding, ready; or failed, and why."""
        caller = parts.caller()  # Not counted as a question: whoever waits asks again and again.
        document_id, _, version = job_id.rpartition(".")
        document = await parts.library.document(caller, document_id)
        if int(version) > document.version:
            raise NotThere("There is no such job.")
        note_in_audit(documents=[document.id])
        is_newest = told.job_id(document) == Job(document.tenant, document.id, int(version)).id
        return JobTold(
            job_id=job_id,
            document_id=document.id,
            name=document.name,
            state=document.state if is_newest else "replaced",
            progress=document.progress if is_newest else 1.0,
            reason=document.reason if is_newest else "",
            warnings=list(document.warnings) if is_newest else [],
        )

    del kb_job_status  # registered by its decorator


def _add_delete(server: MCPServer[Any], parts: Parts) -> None:
    async def document_to_delete(document_id: DocumentId) -> Document:
        return await _deletable(parts, document_id)

    async def ask(
        ctx: Context[Any, Any], document: Annotated[Document, Resolve(document_to_delete)]
    ) -> AskedByHost | NobodyAsks | Elicit[Yes]:
        if is_asked_by_host(parts.caller(), parts.settings.confirming_issuers):
            return AskedByHost()
        if not can_be_asked(ctx):
            return NobodyAsks()
        return Elicit(_question(document), Yes)

    @server.tool(
        title="Delete a document",
        annotations=DELETES,
        meta=_WRITING | {PREVIEW_META: "preview_kb_delete_document"},
    )
    async def kb_delete_document(
        document_id: DocumentId,
        document: Annotated[Document, Resolve(document_to_delete)],
        answer: Annotated[ElicitationResult[Yes], Resolve(ask)],
    ) -> DeletedTold:
        """Delete a document with everything found in it, after the person's yes. It cannot be undone."""
        del document_id  # it named the document
        _require_yes(answer)
        await parts.library.remove_document(parts.caller(), document.id)
        note_in_audit(documents=[document.id])
        return DeletedTold(document_id=document.id, summary=f"{document.name} was deleted.")

    @server.tool(
        title="Preview: Delete a document", annotations=KNOWS, meta=_WRITING | {HIDDEN_META: True}
    )
    async def preview_kb_delete_document(document_id: DocumentId) -> Preview:
        """Which document kb_delete_document would delete. Nothing is deleted."""
        document = await _deletable(parts, document_id)
        names = await told.collections_of(parts.library, parts.caller())
        kept_in = names[document.collection_id].name if document.collection_id in names else ""
        return Preview(
            summary=f"Delete {document.name} from {kept_in}, for good",
            changes=[
                Change(item=document.name, field="document", old=_described(document), new=None)
            ],
        )

    del kb_delete_document, preview_kb_delete_document  # registered by their decorators


async def _deletable(parts: Parts, document_id: str) -> Document:
    """Raises NotThere, NotYours: nobody is asked about what could not be done."""
    caller = parts.caller()
    document = await parts.library.document(caller, document_id)
    names = await told.collections_of(parts.library, caller)
    collection = names.get(document.collection_id)
    if collection is None or not parts.library.may_edit(caller, collection):
        raise NotYours("You may read this document and not delete it.")
    return document


def _question(document: Document) -> str:
    """The document, for a person who decides on it. The same each time it is put."""
    return "\n".join(
        [
            "Delete this document for good?",
            "",
            f"Name: {document.name}",
            *([f"Title: {document.title}"] if document.title else []),
            _described(document),
            f"Version: {document.version}, {document.sha256[:16]}",
        ]
    )


def _described(document: Document) -> str:
    day = document.uploaded_at.date().isoformat()
    return f"{_size(document.octets)}, added by {document.uploaded_by_name} on {day}"


def _require_yes(answer: ElicitationResult[Yes]) -> None:
    given = cast("object", answer.data) if isinstance(answer, AcceptedElicitation) else None
    if isinstance(given, AskedByHost):
        return
    if isinstance(given, NobodyAsks):
        raise NobodyToAsk(
            "Not deleted: this client cannot ask the person, and nothing is deleted without their yes.",
            hint="Tell the person to delete it on the page of the knowledge base.",
        )
    if not isinstance(given, Yes) or not given.delete:
        raise NotConfirmed("Not deleted: the person did not say yes.", hint="Do not try again.")
