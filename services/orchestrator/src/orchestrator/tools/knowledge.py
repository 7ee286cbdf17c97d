"""The organisation's documents through our own search server: its hidden tools over MCP, its files over HTTP.

Files are passed on piece by piece and never held as a whole.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import quote

import httpx
import orjson
from pydantic import BaseModel, JsonValue, ValidationError

from orchestrator.tools.catalogue import Catalogue, CatalogueTool
from orchestrator.tools.host import SignInRefused
from orchestrator.tools.own_tools import KINDS, OwnServer, ask_own_tool, find_own_tool
from shared.errors import (
    ExpectedError,
    InvalidInput,
    NotFound,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.service_tokens import Principal
from shared.wire.knowledge import DocumentAdded, KnowledgeAbout

SEARCH_SERVER = OwnServer("search", "The knowledge base")
CALL_TIMEOUT_S = 15.0
FILE_TIMEOUT = httpx.Timeout(10.0, read=120.0, write=60.0)
"""Each for one piece; `read` is also how long a whole upload may be worked on before it is answered."""
MAX_SAID_BYTES = 64 * 1024
"""Of an answer that is no file."""
NOT_SIGNED_IN = 401
PIECE_BYTES = 64 * 1024
PASSED_ON = ("content-type", "content-disposition", "content-length", "x-passage-mark")
PROTECTED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}

Answer = TypeVar("Answer", bound=BaseModel)


class NoKnowledge(NotFound):
    """There is no knowledge base, or it has no such tool."""

    code: ClassVar[str] = "no_knowledge"


class DocumentTooLarge(InvalidInput):
    """More than the knowledge base takes."""

    code: ClassVar[str] = "limit_exceeded"
    status: ClassVar[int] = 413


class UnsupportedDocument(InvalidInput):
    """A file of a kind that cannot be read."""

    code: ClassVar[str] = "unsupported_type"
    status: ClassVar[int] = 415


_FILE_KINDS: dict[str, type[ExpectedError]] = {
    **KINDS,
    "limit_exceeded": DocumentTooLarge,
    "unsupported_type": UnsupportedDocument,
    "unreadable_document": InvalidInput,
}


@dataclass(slots=True)
class FileStream:
    """A file on its way: its headers are known, its octets come as they are asked for."""

    headers: dict[str, str]
    _response: httpx.Response

    async def close(self) -> None:
        """Give up what is left of it."""
        await self._response.aclose()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Ends, and lets go of the connection, when nobody asks for more."""
        try:
            async for piece in self._response.aiter_raw(PIECE_BYTES):
                yield piece
        finally:
            await self._response.aclose()


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """Asks the search server in a person's name."""

    catalogue: Catalogue
    http: httpx.AsyncClient

    async def about(self, person: Principal) -> KnowledgeAbout:
        """`available` is false when no server of ours has a knowledge base. Raises like `ask`."""
        try:
            tool = await self.tool("kb_about", person)
        except NoKnowledge:
            return KnowledgeAbout(available=False)
        return await self.ask(tool, person, {}, KnowledgeAbout)

    async def tool(self, name: str, person: Principal) -> CatalogueTool:
        """A tool of the search server. Raises NoKnowledge, Unavailable, Conflict."""
        tool = await find_own_tool(self.catalogue, person, SEARCH_SERVER, name)
        if tool is None:
            raise NoKnowledge("There is no knowledge base here.")
        return tool

    async def ask(
        self,
        tool: CatalogueTool,
        person: Principal,
        arguments: Mapping[str, JsonValue],
        shape: type[Answer],
    ) -> Answer:
        """Call it and read its answer. Raises like ask_own_tool."""
        return await ask_own_tool(
            self.catalogue,
            tool,
            person,
            dict(arguments),
            shape,
            label=SEARCH_SERVER.label,
            timeout_s=CALL_TIMEOUT_S,
            kinds=_FILE_KINDS,
        )

    async def upload(
        self,
        tool: CatalogueTool,
        person: Principal,
        query: Mapping[str, str | list[str]],
        octets: AsyncIterator[bytes],
        length: str | None,
    ) -> DocumentAdded:
        """Pass a file on while it comes. `length` is what its sender announces: the server refuses by it at once.

        Raises:
            DocumentTooLarge, UnsupportedDocument and others by what the server says; Unavailable; UpstreamFailed.
            Whatever `octets` raises: the server then keeps nothing.
        """
        headers = {"Content-Type": "application/octet-stream"}
        if length is not None:
            headers["Content-Length"] = length
        request = self.http.build_request(
            "PUT",
            self._address(tool, "/v1/documents"),
            params=query,
            headers=self._headers(tool, person) | headers,
            content=octets,
            timeout=FILE_TIMEOUT,
        )
        response = await self._send(request)
        said = await _read_bounded(response)
        if not response.is_success:
            raise _refusal(response, said)
        try:
            return DocumentAdded.model_validate_json(said)
        except ValidationError:
            raise UpstreamFailed("The knowledge base's answer cannot be read.") from None

    async def file(self, tool: CatalogueTool, person: Principal, path: str) -> FileStream:
        """`/v1/documents/ID/original` or the like. Raises like `upload`."""
        request = self.http.build_request(
            "GET",
            self._address(tool, path),
            headers=self._headers(tool, person) | {"Accept-Encoding": "identity"},
            timeout=FILE_TIMEOUT,
        )
        response = await self._send(request)
        if not response.is_success:
            raise _refusal(response, await _read_bounded(response))
        headers = {name: response.headers[name] for name in PASSED_ON if name in response.headers}
        return FileStream({**headers, **PROTECTED}, response)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self.http.send(request, stream=True)
        except httpx.TransportError as error:
            raise Unavailable(
                "The knowledge base cannot be reached. Try again in a moment."
            ) from error

    def _address(self, tool: CatalogueTool, path: str) -> str:
        """Files are beside MCP (docs/tool-conventions.md)."""
        return f"{tool.server.url.rstrip('/').removesuffix('/mcp')}{path}"

    def _headers(self, tool: CatalogueTool, person: Principal) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.catalogue.token_for(tool, person)}"}


def segment(identity: str) -> str:
    """An id as a part of a path."""
    return quote(identity, safe="")


async def _read_bounded(response: httpx.Response) -> bytes:
    """What it says, as far as it is short; the connection is given back or closed. Raises Unavailable."""
    said = bytearray()
    try:
        async for piece in response.aiter_bytes():
            said += piece
            if len(said) > MAX_SAID_BYTES:
                return b""
    except httpx.TransportError as error:
        raise Unavailable("The connection to the knowledge base broke off.") from error
    finally:
        await response.aclose()
    return bytes(said)


def _refusal(response: httpx.Response, said: bytes) -> ExpectedError:
    """In the server's own words, which are for people as well."""
    if response.status_code == NOT_SIGNED_IN:
        return SignInRefused("The knowledge base does not accept our sign-in.")
    try:
        body = cast("dict[str, Any]", orjson.loads(said))
        words = " ".join(str(body[name]) for name in ("message", "hint") if body.get(name))
        code = str(body.get("code"))
    except (orjson.JSONDecodeError, AttributeError, TypeError):
        words, code = "", ""
    words = words[:2_000] or f"The knowledge base refused (HTTP {response.status_code})."
    wait_s = response.headers.get("retry-after", "")
    if wait_s.isdecimal():
        return TooManyRequests(words, retry_after_s=float(wait_s))
    return _FILE_KINDS.get(code, UpstreamFailed)(words)
