"""Somebody else's tool server and the sign-in service it names, over real HTTP. Both do as a test says."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from support.servers import serving

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)


@dataclass
class Grant:
    """One person's consent; its refresh tokens are a family."""

    account: str
    scopes: str
    resource: str
    client_id: str
    refresh: str = ""
    used: set[str] = field(default_factory=set[str])
    is_revoked: bool = False


@dataclass
class Issuer:
    """A sign-in service. Refresh tokens are good once: a second use revokes everything that came of the consent."""

    url: str = ""
    account: str = "ada@notes.example"
    """Who is signed in there, in every browser."""
    declines: bool = False
    gives_secret: bool = False
    """To those whom it registers."""
    says: dict[str, Any] = field(default_factory=dict[str, Any])
    """What its metadata says otherwise."""
    names_itself: str | None = None
    """What its answers give as `iss`; None: its own."""
    scopes_granted: str | None = None
    """None: what was asked for."""
    lifetime_s: int | None = 3_600
    refuses_refresh: bool = False
    loses_answers: int = 0
    """To so many questions for new tokens, after they were given."""
    hold: asyncio.Event | None = None
    """Answers for new tokens wait for it, after they were given."""
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one does."""
    refuses_with: str | None = None
    """The error that every question for tokens gets instead of an answer."""
    revocations_lost: int = 0
    """So many requests to revoke get no answer but 503."""
    forgot: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something is revoked."""
    is_away: bool = False
    """It answers no question for tokens, and does nothing."""
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Forms that came to the token endpoint."""
    authorized: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    revoked: list[str] = field(default_factory=list[str])
    registered: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tokens: dict[str, Grant] = field(default_factory=dict[str, Grant])
    _codes: dict[str, tuple[dict[str, str], Grant]] = field(
        default_factory=dict[str, tuple[dict[str, str], Grant]]
    )
    _refreshes: dict[str, Grant] = field(default_factory=dict[str, Grant])

    def refreshes(self) -> int:
        return sum(form["grant_type"] == "refresh_token" for form in self.asked)

    def forget_access_tokens(self) -> None:
        """As if they had run out."""
        self.tokens.clear()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
                Route("/register", self._register, methods=["POST"]),
            ]
        )

    async def _metadata(self, _: Request) -> JSONResponse:
        metadata = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "registration_endpoint": f"{self.url}/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
            **self.says,
        }
        return JSONResponse({name: value for name, value in metadata.items() if value is not None})

    async def _register(self, request: Request) -> JSONResponse:
        wanted = await request.json()
        self.registered.append(wanted)
        secret = {"client_secret": "told once"} if self.gives_secret else {}
        known = {**wanted, "client_id": f"client-{len(self.registered)}", **secret}
        return JSONResponse(known, 201)

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.authorized.append(query)
        answer = {"state": query["state"], "iss": self.names_itself or self.url}
        if self.declines:
            answer["error"] = "access_denied"
        else:
            code = secrets.token_urlsafe(8)
            scopes = query.get("scope", "") if self.scopes_granted is None else self.scopes_granted
            grant = Grant(self.account, scopes, query["resource"], query["client_id"])
            self._codes[code] = (query, grant)
            answer["code"] = code
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.asked.append(form)
        if self.is_away:
            return Response("", 503)
        if self.refuses_with is not None:
            return JSONResponse({"error": self.refuses_with}, 400)
        grant = self._grant_of(form)
        if grant is None or grant.resource != form.get("resource"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = self._give(grant)
        if self.loses_answers and form["grant_type"] == "refresh_token":
            self.loses_answers -= 1
            return Response("", 503)
        if self.hold is not None:
            self.held.set()
            await self.hold.wait()
        return JSONResponse(answer)

    def _grant_of(self, form: dict[str, str]) -> Grant | None:
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form)
        if form["code"] not in self._codes:
            return None
        query, grant = self._codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        is_proved = query.get("code_challenge") == base64.urlsafe_b64encode(digest).decode()[:-1]
        is_same = query.get("redirect_uri") == form["redirect_uri"]
        return grant if is_proved and is_same else None

    def _refreshed(self, form: dict[str, str]) -> Grant | None:
        grant = self._refreshes.get(form["refresh_token"])
        if grant is None or grant.is_revoked or self.refuses_refresh:
            return None
        if form["refresh_token"] in grant.used:
            grant.is_revoked = True
            return None
        grant.used.add(form["refresh_token"])
        return grant

    def _give(self, grant: Grant) -> dict[str, Any]:
        access, grant.refresh = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        self.tokens[access] = grant
        self._refreshes[grant.refresh] = grant
        answer = {
            "access_token": access,
            "refresh_token": grant.refresh,
            "token_type": "Bearer",
            "expires_in": self.lifetime_s,
            "scope": grant.scopes,
        }
        return {name: value for name, value in answer.items() if value is not None}

    async def _revoke(self, request: Request) -> Response:
        if self.revocations_lost:
            self.revocations_lost -= 1
            return Response("", 503)
        token = str((await request.form())["token"])
        self.revoked.append(token)
        grant = self._refreshes.get(token)
        if grant is not None:
            grant.is_revoked = True
        self.tokens.pop(token, None)
        self.forgot.set()
        return Response("")


@dataclass
class Notes:
    """A tool server with one tool that reads, and one that writes and needs more rights."""

    issuer: Issuer
    url: str = ""
    is_open: bool = False
    """It wants nobody to sign in."""
    resource: str | None = None
    """What its metadata says it is; None: the truth."""
    metadata_url: str | None = None
    """What its challenge says; None: the truth."""
    written: list[str] = field(default_factory=list[str])
    readers: list[str] = field(default_factory=list[str])
    """Whose token came with each request that was taken."""
    refuses_all_rights: bool = False
    _server: MCPServer = field(init=False)

    def __post_init__(self) -> None:
        self._server = _server(self)

    def app(self) -> ASGIApp:
        return _Protected(self, self._server.streamable_http_app())

    def describe(self, description: str) -> None:
        """Say something else of the tool that reads."""
        self._server.remove_tool("list_notes")
        _add_list(self._server, self, description)


@dataclass
class _Protected:
    notes: Notes
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._refusal(Request(scope))
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        notes = self.notes
        if request.url.path.startswith("/.well-known/oauth-protected-resource"):
            document = {
                "resource": notes.resource or f"{notes.url}/mcp",
                "authorization_servers": [notes.issuer.url],
                "scopes_supported": ["notes:read"],
            }
            return Response(json.dumps(document), media_type="application/json")
        if notes.is_open:
            return None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        grant = notes.issuer.tokens.get(token)
        if grant is None or grant.is_revoked:
            return self._challenge(401, "notes:read")
        needs = "notes:write" if request.headers.get("mcp-name") == "write_note" else "notes:read"
        if needs not in grant.scopes.split() or (
            notes.refuses_all_rights and needs == "notes:write"
        ):
            return self._challenge(403, needs)
        notes.readers.append(grant.account)
        return None

    def _challenge(self, status: int, scope: str) -> Response:
        metadata = (
            self.notes.metadata_url or f"{self.notes.url}/.well-known/oauth-protected-resource/mcp"
        )
        error = ', error="insufficient_scope"' if status == 403 else ""
        value = f'Bearer scope="{scope}", resource_metadata="{metadata}"{error}'
        return Response("", status, headers={"WWW-Authenticate": value})


def _server(notes: Notes) -> MCPServer:
    server = MCPServer("notes", subscriptions=False)

    _add_list(server, notes, "Lists notes.")

    @server.tool()
    async def write_note(text: str) -> str:
        """Writes a note."""
        notes.written.append(text)
        return f"Written: {text}"

    return server


def _add_list(server: MCPServer, notes: Notes, description: str) -> None:
    async def list_notes() -> list[str]:
        return notes.written

    server.add_tool(list_notes, description=description, annotations=READS)


@asynccontextmanager
async def third_party() -> AsyncGenerator[Notes]:
    """Both of them, on this machine."""
    issuer = Issuer()
    notes = Notes(issuer)
    async with serving(issuer.app()) as issuer_url, serving(notes.app()) as url:
        issuer.url, notes.url = issuer_url, url
        yield notes
