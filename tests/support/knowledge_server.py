"""A search server for tests: passages to cite, a check of citations, what pages ask, files over HTTP. Real MCP."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shared.mcp_server import Problem, ToolServer
from shared.scopes import RESOURCES

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
HIDDEN = {"io.steward/hidden": True}
Json = dict[str, Any]

LEAVE, TRAVEL = "leave22222", "travel2222"
DOCUMENT = "d0c0000000000000000000000000000a"
PDF = b"%PDF-1.7 " + b"x" * 200_000
PNG = b"\x89PNG\r\n\x1a\n picture"


def passage(id_: str, **changes: Any) -> Json:
    """A passage as companions tell it."""
    return {
        "id": id_,
        "document_id": DOCUMENT,
        "title": "Holiday handbook",
        "name": "handbook.pdf",
        "page": 3,
        "headings": ["Leave", "Days"],
        "start": 100,
        "end": 160,
        "quote": "Every full-time employee has 30 days of paid leave.",
        "curated": False,
        **changes,
    }


def document(**changes: Any) -> Json:
    """A document as companions tell it."""
    return {
        "id": DOCUMENT,
        "collection_id": "c1",
        "name": "handbook.pdf",
        "media_type": "application/pdf",
        "octets": len(PDF),
        "state": "ready",
        "uploaded_at": "2026-11-20T08:15:00+00:00",
        **changes,
    }


class NotThere(Problem):
    code: ClassVar[str] = "not_found"


class NotYours(Problem):
    code: ClassVar[str] = "permission_denied"


@dataclass
class KnowledgeServer:
    """What the tools answer, and what they were called with."""

    passages: list[Json] = field(default_factory=lambda: [passage(LEAVE)])
    sentences: list[Json] = field(default_factory=list[Json])
    """What the check says."""
    checked: Any = None
    """What the check answers instead."""
    refuses: Problem | None = None
    """What pages' tools answer instead."""
    waits: asyncio.Event | None = None
    """Before the check answers."""
    began: asyncio.Event = field(default_factory=asyncio.Event)
    """The check was called."""
    hidden: bool = True
    reads: ToolAnnotations = field(default_factory=lambda: READS)
    """What the check says of itself."""
    search: ToolAnnotations = field(default_factory=lambda: READS)
    """What the search says of itself."""
    has_knowledge: bool = True
    says_kind: Any = "search"
    """Where a result of the web says that it comes from."""
    calls: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    beside: list[Json] = field(default_factory=list[Json])
    """What each search was told beside its arguments."""
    requests: list[Request] = field(default_factory=list[Request])
    received: list[bytes] = field(default_factory=list[bytes])
    """Pieces of uploads, as they came."""
    cut_off: asyncio.Event = field(default_factory=asyncio.Event)
    """An upload's sender went away."""
    answers_files: Response | None = None
    """What file routes answer instead."""

    def app(self) -> Starlette:
        server = ToolServer(
            "search", caller=lambda: None, resource=RESOURCES["mcp-search"], subscriptions=False
        )
        self._add_search(server)
        if self.has_knowledge:
            self._add_reading(server)
            self._add_changing(server)
        app = server.streamable_http_app()
        app.router.routes += [
            Route("/v1/documents", self._put, methods=["PUT"]),
            Route("/v1/documents/{id}/original", self._original),
            Route("/v1/passages/{id}/page.png", self._page),
        ]
        return app

    @property
    def asked(self) -> list[str]:
        """Names of the tools that were called."""
        return [name for name, _ in self.calls]

    def _answered(self, tool: str, said: Json, /, **arguments: Any) -> CallToolResult:
        self.calls.append((tool, {k: v for k, v in arguments.items() if v is not None}))
        if self.refuses:
            raise self.refuses
        text = TextContent(type="text", text="see the structured content")
        return CallToolResult(content=[text], structured_content=said)

    def _add_search(self, server: Any) -> None:
        @server.tool(annotations=self.search, meta={"io.steward/citations": "kb_check_citations"})
        async def kb_search(ctx: Context[Any, Any], query: str) -> CallToolResult:
            """Passages of the organisation's documents."""
            self.beside.append(dict(ctx.request_context.meta or {}))
            return self._answered("kb_search", {"passages": self.passages}, query=query)

        @server.tool(annotations=READS)
        async def web_search(query: str) -> CallToolResult:
            """The web."""
            origin = {"kind": self.says_kind, "source": "duckduckgo", "trusted": True}
            return self._answered("web_search", {"results": [], "origin": origin}, query=query)

        @server.tool(annotations=self.reads, meta={"io.steward/hidden": self.hidden})
        async def kb_check_citations(text: str) -> CallToolResult:
            """Which sentences are supported by what they cite."""
            self.began.set()
            if self.waits:
                await self.waits.wait()
            said = {"passages": self.passages, "sentences": self.sentences}
            return self._answered("kb_check_citations", self.checked or said, text=text)

        del kb_search, web_search, kb_check_citations

    def _add_reading(self, server: Any) -> None:
        def tool() -> Any:
            return server.tool(annotations=READS, meta=HIDDEN)

        @tool()
        async def kb_about() -> CallToolResult:
            """What there is."""
            about = {"available": True, "editor": True, "document_bytes": 50, "kinds": [".pdf"]}
            return self._answered("kb_about", about)

        @tool()
        async def kb_collections() -> CallToolResult:
            """Collections."""
            one = {"id": "c1", "name": "Handbook", "documents": 1}
            return self._answered("kb_collections", {"collections": [one]})

        @tool()
        async def kb_documents(
            limit: int,
            collection_id: str | None = None,
            document_id: str | None = None,
            name: str | None = None,
            cursor: str | None = None,
        ) -> CallToolResult:
            """Documents."""
            return self._answered(
                "kb_documents",
                {"documents": [document()], "next_cursor": "page-2"},
                limit=limit,
                collection_id=collection_id,
                document_id=document_id,
                name=name,
                cursor=cursor,
            )

        @tool()
        async def kb_open_passage(passage_id: str) -> CallToolResult:
            """A passage in its document."""
            if passage_id != LEAVE:
                self.calls.append(("kb_open_passage", {"passage_id": passage_id}))
                raise NotThere("There is no such passage.")
            opened = {
                "passage": passage(LEAVE),
                "document": document(),
                "text": "x" * 300,
                "text_start": 0,
                "page_image": True,
            }
            return self._answered("kb_open_passage", opened, passage_id=passage_id)

        @tool()
        async def kb_gaps(state: str) -> CallToolResult:
            """Questions without an answer."""
            gap = {
                "id": "g1",
                "question": "May I bring my dog?",
                "asked": 2,
                "first_asked_at": "2026-11-20T08:15:00+00:00",
                "last_asked_at": "2026-11-21T08:15:00+00:00",
                "state": state,
            }
            return self._answered("kb_gaps", {"gaps": [gap]}, state=state)

        del kb_about, kb_collections, kb_documents, kb_open_passage, kb_gaps

    def _add_changing(self, server: Any) -> None:
        def tool() -> Any:
            return server.tool(annotations=WRITES, meta=HIDDEN)

        def collection(**changes: Any) -> Json:
            return {"id": "c1", "name": "Handbook", "documents": 0, **changes}

        @server.tool(annotations=WRITES)
        async def kb_upload(name: str) -> CallToolResult:
            """For models."""
            raise NotImplementedError(name)

        @tool()
        async def kb_make_collection(
            name: str, description: str, access: list[str], editors: list[str]
        ) -> CallToolResult:
            """A new collection."""
            given = {"description": description, "access": access, "editors": editors}
            return self._answered("kb_make_collection", collection(name=name), name=name, **given)

        @tool()
        async def kb_change_collection(
            collection_id: str,
            name: str | None = None,
            description: str | None = None,
            access: list[str] | None = None,
            editors: list[str] | None = None,
        ) -> CallToolResult:
            """Another name."""
            return self._answered(
                "kb_change_collection",
                collection(),
                collection_id=collection_id,
                name=name,
                description=description,
                access=access,
                editors=editors,
            )

        @tool()
        async def kb_remove_collection(collection_id: str) -> CallToolResult:
            """Gone."""
            return self._answered("kb_remove_collection", {}, collection_id=collection_id)

        @tool()
        async def kb_change_document(document_id: str, access: list[str]) -> CallToolResult:
            """Who may read it."""
            answer = document(access=access)
            return self._answered(
                "kb_change_document", answer, document_id=document_id, access=access
            )

        @tool()
        async def kb_cancel_document(document_id: str) -> CallToolResult:
            """No more work."""
            answer = document(state="cancelled")
            return self._answered("kb_cancel_document", answer, document_id=document_id)

        @tool()
        async def kb_remove_document(document_id: str) -> CallToolResult:
            """Gone."""
            return self._answered("kb_remove_document", {}, document_id=document_id)

        @tool()
        async def kb_answer_gap(
            gap_id: str, answer: str, question: str | None = None
        ) -> CallToolResult:
            """An answer."""
            given = {"gap_id": gap_id, "answer": answer, "question": question}
            return self._answered("kb_answer_gap", document(curated=True), **given)

        @tool()
        async def kb_change_answer(document_id: str, question: str, answer: str) -> CallToolResult:
            """Another answer."""
            given = {"document_id": document_id, "question": question, "answer": answer}
            return self._answered("kb_change_answer", document(curated=True), **given)

        @tool()
        async def kb_dismiss_gap(gap_id: str) -> CallToolResult:
            """No answer needed."""
            return self._answered("kb_dismiss_gap", {}, gap_id=gap_id)

        del kb_upload, kb_make_collection, kb_change_collection, kb_remove_collection
        del kb_change_document, kb_cancel_document, kb_remove_document
        del kb_answer_gap, kb_change_answer, kb_dismiss_gap

    async def _put(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answers_files is not None:
            return self.answers_files
        try:
            async for piece in request.stream():
                self.received.append(piece)
                self.began.set()
        except ClientDisconnect:
            self.cut_off.set()
            return Response(status_code=400)
        return JSONResponse({"document": document(state="queued"), "duplicate": False}, 202)

    async def _original(self, request: Request) -> Response:
        self.requests.append(request)
        if self.answers_files is not None:
            return self.answers_files
        if request.path_params["id"] != DOCUMENT:
            return JSONResponse({"code": "not_found", "message": "There is no such document."}, 404)

        async def pieces() -> AsyncGenerator[bytes]:
            for start in range(0, len(PDF), 50_000):
                yield PDF[start : start + 50_000]

        headers = {"Content-Disposition": "inline; filename=handbook.pdf"}
        return StreamingResponse(pieces(), media_type="application/pdf", headers=headers)

    async def _page(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answers_files or Response(PNG, media_type="image/png")
