"""The organisation's documents over HTTP: collections, documents, cited passages, open questions.

The person's click asks; no model sees any of it. What is opened and what is changed is audited before it happens,
with a digest of what was asked; lists are not: pages ask for them again and again.
"""

import re
from typing import Annotated, TypeVar, cast

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, JsonValue
from starlette.requests import ClientDisconnect

from orchestrator.audit.canonical import digest
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.deps import Caller, Db, Now
from orchestrator.policy.rules import Policy
from orchestrator.tools.catalogue import CatalogueTool
from orchestrator.tools.knowledge import FileStream, KnowledgeBase, segment
from orchestrator.tools.own_tools import require_allowed
from shared.errors import NotFound, UpstreamFailed
from shared.wire.knowledge import (
    AccessKey,
    AnswerChange,
    CollectionChange,
    CollectionList,
    CollectionShown,
    DocumentAdded,
    DocumentChange,
    DocumentPage,
    DocumentShown,
    GapAnswer,
    GapList,
    KnowledgeAbout,
    NewCollection,
    PassageOpened,
)

DOCUMENTS_OF_A_PAGE = 50
MAX_DOCUMENT_BYTES = 2**30
"""The outermost bound; the knowledge base's own is lower, as a rule, and is what people are told."""
PICTURE = "image/png"
_PASSAGE = re.compile(r"[a-z2-7]{10}")

log = structlog.get_logger()
router = APIRouter(prefix="/v1/knowledge", tags=["knowledge"])


def _knowledge(request: Request) -> KnowledgeBase:
    return cast(KnowledgeBase, request.app.state.knowledge)


def _policy(request: Request) -> Policy:
    return cast(Policy, request.app.state.policy)


Knowledge = Annotated[KnowledgeBase, Depends(_knowledge)]
Rules = Annotated[Policy, Depends(_policy)]
Id = Annotated[str, Path(min_length=1, max_length=64)]
Name = Annotated[str, Query(max_length=200)]

Answer = TypeVar("Answer", bound=BaseModel)


class _Nothing(BaseModel):
    """Done, and there is nothing to say."""


class _Visitor:
    """Whoever makes one request, and all that is needed to act on their behalf."""

    def __init__(
        self, caller: Caller, knowledge: Knowledge, rules: Rules, db: Db, now: Now
    ) -> None:
        self._caller, self._knowledge, self._rules = caller, knowledge, rules
        self._db, self._now = db, now

    async def look(self, tool: str, shape: type[Answer], **arguments: JsonValue) -> Answer:
        """Ask for a list. Members that are None are left out."""
        found, given = await self._allowed(tool, arguments)
        return await self._knowledge.ask(found, self._caller, given, shape)

    async def act(
        self,
        kind: AuditKind,
        tool: str,
        shape: type[Answer],
        target: str = "",
        **arguments: JsonValue,
    ) -> Answer:
        """Judge, note and make a call. Members that are None are left out."""
        found, given = await self._allowed(tool, arguments)
        await self._note(kind, found, target, given)
        return await self._knowledge.ask(found, self._caller, given, shape)

    async def upload(self, request: Request, query: dict[str, str | list[str]]) -> DocumentAdded:
        """Judge and note it as `kb_upload`, then pass it on."""
        found, given = await self._allowed("kb_upload", cast("dict[str, JsonValue]", query))
        target = str(query.get("document_id", ""))
        await self._note(AuditKind.KNOWLEDGE_CHANGED, found, target, given)
        length = request.headers.get("content-length")
        return await self._knowledge.upload(found, self._caller, query, request.stream(), length)

    async def file(self, path: str, target: str) -> FileStream:
        """Judge and note it as `kb_open_passage`, then open it."""
        found, given = await self._allowed("kb_open_passage", {"path": path})
        await self._note(AuditKind.KNOWLEDGE_READ, found, target, given)
        return await self._knowledge.file(found, self._caller, path)

    async def _allowed(
        self, tool: str, arguments: dict[str, JsonValue]
    ) -> tuple[CatalogueTool, dict[str, JsonValue]]:
        given: dict[str, JsonValue] = {
            name: value for name, value in arguments.items() if value is not None
        }
        found = await self._knowledge.tool(tool, self._caller)
        require_allowed(found, given, self._caller, self._rules)
        return found, given

    async def _note(
        self, kind: AuditKind, tool: CatalogueTool, target: str, arguments: dict[str, JsonValue]
    ) -> None:
        async with self._db.writing() as session:
            await record(
                session,
                self._caller.tenant,
                kind,
                self._now,
                person=self._caller.subject,
                body={
                    "server": tool.server.key,
                    "tool": tool.tool.name,
                    "definition_hash": tool.definition_hash,
                    "target": target,
                    "arguments_sha256": digest(arguments),
                    "session": self._caller.session,
                },
            )


Visitor = Annotated[_Visitor, Depends(_Visitor)]
READ, CHANGED = AuditKind.KNOWLEDGE_READ, AuditKind.KNOWLEDGE_CHANGED


@router.get("")
async def about(caller: Caller, knowledge: Knowledge) -> KnowledgeAbout:
    """Whether there is a knowledge base, and what you may do in it."""
    return await knowledge.about(caller)


@router.get("/collections")
async def list_collections(visitor: Visitor) -> CollectionList:
    """Those that you may see, your own first."""
    return await visitor.look("kb_collections", CollectionList)


@router.post("/collections", status_code=status.HTTP_201_CREATED)
async def make_collection(visitor: Visitor, wish: NewCollection) -> CollectionShown:
    """For editors. 409 when the name is taken."""
    return await visitor.act(CHANGED, "kb_make_collection", CollectionShown, **wish.model_dump())


@router.patch("/collections/{collection_id}")
async def change_collection(
    visitor: Visitor, collection_id: Id, change: CollectionChange
) -> CollectionShown:
    """Its name, description, readers or editors. What is left out stays."""
    return await visitor.act(
        CHANGED,
        "kb_change_collection",
        CollectionShown,
        collection_id,
        collection_id=collection_id,
        **change.model_dump(),
    )


@router.delete("/collections/{collection_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_collection(visitor: Visitor, collection_id: Id) -> None:
    """With every document in it."""
    await visitor.act(
        CHANGED, "kb_remove_collection", _Nothing, collection_id, collection_id=collection_id
    )


@router.get("/documents")
async def list_documents(
    visitor: Visitor,
    collection_id: Annotated[str | None, Query(max_length=64)] = None,
    document_id: Annotated[str | None, Query(max_length=64)] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = DOCUMENTS_OF_A_PAGE,
) -> DocumentPage:
    """The newest first, of one collection or of all, with a part of the name or with any."""
    return await visitor.look(
        "kb_documents",
        DocumentPage,
        collection_id=collection_id or None,
        document_id=document_id or None,
        name=name or None,
        cursor=cursor or None,
        limit=limit,
    )


@router.put(
    "/documents",
    status_code=status.HTTP_202_ACCEPTED,
    max_body_size=MAX_DOCUMENT_BYTES,
    response_model=DocumentAdded,
)
async def upload(
    request: Request,
    visitor: Visitor,
    name: Name,
    collection: Name = "",
    document_id: Annotated[str, Query(max_length=64)] = "",
    access: Annotated[list[AccessKey] | None, Query(max_length=50)] = None,
) -> DocumentAdded | Response:
    """Take a file in; the body is the file, as it is. It is read in the background; `documents` says how far.

    `collection` is an id or a name (empty: your own), `document_id` what it is a newer version of, `access` who may
    read it, of those who may read the collection. 413 and 415 when it is too large or of a kind that cannot be read.
    """
    query: dict[str, str | list[str]] = {"name": name}
    if collection:
        query["collection"] = collection
    if document_id:
        query["document_id"] = document_id
    if access is not None:
        query["access"] = access
    try:
        return await visitor.upload(request, query)
    except ClientDisconnect:
        log.info("upload_cut_off")
        return Response(status_code=status.HTTP_400_BAD_REQUEST)  # nobody is there to read it


@router.patch("/documents/{document_id}")
async def change_document(
    visitor: Visitor, document_id: Id, change: DocumentChange
) -> DocumentShown:
    """Who may read it, of those who may read its collection; an empty list: all of them."""
    return await visitor.act(
        CHANGED,
        "kb_change_document",
        DocumentShown,
        document_id,
        document_id=document_id,
        access=cast("JsonValue", change.access),
    )


@router.post("/documents/{document_id}/cancel")
async def cancel_document(visitor: Visitor, document_id: Id) -> DocumentShown:
    """Call the work on its newest version off."""
    return await visitor.act(
        CHANGED, "kb_cancel_document", DocumentShown, document_id, document_id=document_id
    )


@router.delete("/documents/{document_id}", status_code=status.HTTP_204_NO_CONTENT)
async def remove_document(visitor: Visitor, document_id: Id) -> None:
    """With its file, its text and all that was made of it."""
    await visitor.act(CHANGED, "kb_remove_document", _Nothing, document_id, document_id=document_id)


@router.get("/documents/{document_id}/original", response_class=StreamingResponse)
async def read_original(visitor: Visitor, document_id: Id) -> StreamingResponse:
    """The file as it was uploaded, to be saved and never to be shown as a page."""
    stream = await visitor.file(f"/v1/documents/{segment(document_id)}/original", document_id)
    if not stream.headers.get("content-disposition", "").startswith("attachment"):
        stream.headers["content-disposition"] = "attachment"
    return StreamingResponse(stream.pieces(), headers=stream.headers)


@router.get("/passages/{passage_id}")
async def open_passage(visitor: Visitor, passage_id: Id) -> PassageOpened:
    """A cited passage in its document. 404 when it is gone, or not for you to see."""
    _require_passage(passage_id)
    return await visitor.act(
        READ, "kb_open_passage", PassageOpened, passage_id, passage_id=passage_id
    )


@router.get("/passages/{passage_id}/page.png", response_class=StreamingResponse)
async def draw_page(visitor: Visitor, passage_id: Id) -> StreamingResponse:
    """The page that it is on, with the passage marked. 404 where documents have no pages."""
    _require_passage(passage_id)
    stream = await visitor.file(f"/v1/passages/{passage_id}/page.png", passage_id)
    if stream.headers.get("content-type") != PICTURE:
        await stream.close()
        raise UpstreamFailed("The knowledge base's answer is not a picture.")
    return StreamingResponse(stream.pieces(), headers=stream.headers)


@router.get("/gaps")
async def list_gaps(
    visitor: Visitor,
    state: Annotated[str, Query(pattern="^(open|answered|dismissed)$")] = "open",
) -> GapList:
    """Questions that nobody could answer, those asked most often first. For editors."""
    return await visitor.look("kb_gaps", GapList, state=state)


@router.post("/gaps/{gap_id}/answer")
async def answer_gap(visitor: Visitor, gap_id: Id, answer: GapAnswer) -> DocumentShown:
    """Write an answer, which is found from then on. For editors."""
    return await visitor.act(
        CHANGED, "kb_answer_gap", DocumentShown, gap_id, gap_id=gap_id, **answer.model_dump()
    )


@router.put("/answers/{document_id}")
async def change_answer(visitor: Visitor, document_id: Id, change: AnswerChange) -> DocumentShown:
    """Write a curated answer anew; until the new one is ready, the old one is found. For editors."""
    return await visitor.act(
        CHANGED,
        "kb_change_answer",
        DocumentShown,
        document_id,
        document_id=document_id,
        **change.model_dump(),
    )


@router.post("/gaps/{gap_id}/dismiss", status_code=status.HTTP_204_NO_CONTENT)
async def dismiss_gap(visitor: Visitor, gap_id: Id) -> None:
    """It needs no answer. For editors."""
    await visitor.act(CHANGED, "kb_dismiss_gap", _Nothing, gap_id, gap_id=gap_id)


def _require_passage(passage_id: str) -> None:
    """What cannot be an id is like what is not there."""
    if not _PASSAGE.fullmatch(passage_id):
        raise NotFound("There is no such passage.")
