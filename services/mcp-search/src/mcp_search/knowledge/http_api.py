"""Files over HTTP, which MCP has no good way for: uploads of any size, originals, pictures of pages."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import quote

import structlog
from mcp.server.transport_security import TransportSecurityMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from mcp_search.errors import KnowledgeAway, NotThere
from mcp_search.knowledge.ingestion.reading import limits_of
from mcp_search.knowledge.library import Library, Upload, too_large
from mcp_search.knowledge.model import Document
from mcp_search.knowledge.page_picture import page_picture
from shared.mcp_server import InvalidArguments, Problem, ToolServer, signed_in
from shared.scopes import KB_READ, KB_WRITE
from shared.service_tokens import Principal

WRITTEN_AT_ONCE = 1024 * 1024
MARK_HEADER = "X-Passage-Mark"
"""Where on the picture of its page a passage begins and ends, in heights of the picture: `0.4120 0.4655`."""
DOWNLOADED_AS_THEY_ARE = frozenset(
    {
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/csv",
        "text/markdown",
        "text/plain",
    }
)
"""HTML is not among them: a browser must never be told that a stranger's file is a page of this server."""
PROTECTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
STATUS: Mapping[str, int] = {
    "invalid_argument": 400,
    "permission_denied": 403,
    "not_found": 404,
    "conflict": 409,
    "limit_exceeded": 413,
    "unsupported_type": 415,
    "unreadable_document": 422,
    "rate_limited": 429,
    "upstream_unavailable": 503,
}

log = structlog.get_logger()

Serve = Callable[[Request], Awaitable[Response]]
Answer = Callable[[Request, Principal], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class HttpApi:
    """The routes beside `/mcp`. Who asks, the same tokens say as there."""

    library: Library
    caller: Callable[[], Principal | None]

    def add_to(self, server: ToolServer, guard: TransportSecurityMiddleware) -> None:
        """To be served beside MCP, behind the same guard: no web page's request gets to them (DNS rebinding)."""
        for path, method, scope, answer in (
            ("/v1/documents", "PUT", KB_WRITE, self._put),
            ("/v1/documents/{id}/original", "GET", KB_READ, self._original),
            ("/v1/passages/{id}/page.png", "GET", KB_READ, self._page),
        ):
            serve = _guarded(guard, server.needing(scope)(self._answering(answer)))
            server.custom_route(path, methods=[method])(serve)

    def _answering(self, answer: Answer) -> Serve:
        async def answered(request: Request) -> Response:
            try:
                return await answer(request, signed_in(self.caller()))
            except Problem as problem:
                return _problem(problem)
            except ClientDisconnect:
                log.info("upload_cut_off")
                return Response(status_code=400)  # Nobody is there to read it.

        return answered

    async def _put(self, request: Request, principal: Principal) -> Response:
        """The body is the file, as it is."""
        asked = request.query_params
        unknown = set(asked) - {"collection", "name", "document_id", "access"}
        if unknown:
            raise InvalidArguments(
                f"There is no parameter {min(unknown)[:50]}.",
                hint="There are collection, name, document_id and access.",
            )
        access = [key for each in asked.getlist("access") for key in each.split(",") if key]
        upload = Upload(
            name=asked.get("name", ""),
            content=await self._received(request),
            collection=asked.get("collection", ""),
            document_id=asked.get("document_id", ""),
            access=frozenset(access) if "access" in asked else None,
        )
        added = await self.library.add(principal, upload)
        shown = {"document": _shown(added.document), "duplicate": added.duplicate}
        return JSONResponse(shown, status_code=202)

    async def _received(self, request: Request) -> bytes:
        """The body, which waits in a file without a name: whatever cuts the upload off, nothing of it stays.

        Raises TooMuch as soon as more has come than is allowed, whatever Content-Length says; ClientDisconnect;
        KnowledgeAway: there is no room for the file.
        """
        most = self.library.config.document_bytes
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > most:
            raise too_large(most)
        try:
            return await _kept(request, most)
        except OSError as error:
            log.warning("upload_not_kept", reason=error.strerror)
            raise KnowledgeAway(
                "The server has no room for the file now.",
                hint="Try again later; its operator sees in the log what is missing.",
            ) from None

    async def _original(self, request: Request, principal: Principal) -> Response:
        document, content = await self.library.original(principal, request.path_params["id"])
        as_it_is = document.media_type in DOWNLOADED_AS_THEY_ARE
        media_type = document.media_type if as_it_is else "application/octet-stream"
        name = quote(document.name, safe="")
        return Response(
            content,
            headers={
                **PROTECTED,
                "Content-Type": media_type,
                "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            },
        )

    async def _page(self, request: Request, principal: Principal) -> Response:
        """The page with the passage marked."""
        passage, document, content = await self.library.passage_with_file(
            principal, request.path_params["id"]
        )
        if passage.page is None or document.media_type != "application/pdf":
            raise NotThere("The passage has no page that could be shown.")
        span = await self.library.span_in_page(principal, passage)
        picture = await page_picture(
            content, passage.page, span, limits=limits_of(self.library.config)
        )
        headers = {**PROTECTED, "Content-Type": "image/png"}
        if picture.mark is not None:
            headers[MARK_HEADER] = " ".join(f"{place:.4f}" for place in picture.mark)
        return Response(picture.png, headers=headers)


async def _kept(request: Request, most: int) -> bytes:
    with tempfile.TemporaryFile() as file:
        waiting = bytearray()
        received = 0
        async for part in request.stream():
            received += len(part)
            if received > most:
                raise too_large(most)
            waiting += part
            if len(waiting) >= WRITTEN_AT_ONCE:
                await asyncio.to_thread(file.write, waiting)
                waiting = bytearray()
        return await asyncio.to_thread(_whole, file, waiting)


def _guarded(guard: TransportSecurityMiddleware, serve: Serve) -> Serve:
    async def served(request: Request) -> Response:
        return await guard.validate_request(request) or await serve(request)

    return served


def _whole(file: IO[bytes], rest: bytearray) -> bytes:
    file.write(rest)
    file.seek(0)
    return file.read()


def _shown(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "collection_id": document.collection_id,
        "name": document.name,
        "media_type": document.media_type,
        "octets": document.octets,
        "sha256": document.sha256,
        "version": document.version,
        "state": document.state,
        "progress": document.progress,
        "reason": document.reason,
        "uploaded_at": document.uploaded_at.isoformat(),
    }


def _problem(problem: Problem) -> Response:
    data = problem.as_data()
    shown = {name: data[name] for name in ("code", "message", "hint") if name in data}
    headers: dict[str, str] = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    return _error(STATUS.get(problem.code, 400), shown, headers)


def _error(
    status: int, shown: dict[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse(shown, status_code=status, headers={**PROTECTED, **(headers or {})})
