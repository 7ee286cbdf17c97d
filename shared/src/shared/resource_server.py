"""A tool server as OAuth sees it: where agents sign in, whose tokens count, what each allows (RFC 9728, RFC 6750)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import structlog
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.shared.inbound import MCP_METHOD_HEADER, MCP_NAME_HEADER, decode_header_value
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import NotSignedIn, Unavailable
from shared.scopes import REMOVAL, Resource, allows, in_order, within_roles, words_of
from shared.service_tokens import Principal, TokenVerifier

METADATA_PATH = "/.well-known/oauth-protected-resource"
METADATA_MAX_AGE_S = 3_600
REMOVAL_PATH = "/v1/tenant"
"""DELETE has a server delete what it keeps of the tenant that the token names."""
RETRY_AFTER_S = 5
LOOKS = frozenset(
    {
        "completion/complete",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
    }
)
"""Methods beside `tools/call` that tell what the server keeps."""

log = structlog.get_logger()

tokens_refused = Counter(
    "tool_server_tokens_refused_total", "Requests with no token that counts.", ["reason"]
)
scopes_refused = Counter(
    "tool_server_scopes_refused_total", "Requests whose token does not allow them.", ["scope"]
)


class VerifiedToken(AccessToken):
    """The SDK's token with the caller it was verified to name."""

    principal: Principal


ScopesOf = Callable[[str], frozenset[str] | None]
"""What a call of a tool needs, by the tool's name; None: there is no such tool, or it does not say."""


@dataclass(frozen=True, slots=True)
class ResourceServer:
    """What one tool server asks of tokens. Without a verifier it is open: over stdio, or on a loopback address."""

    resource: Resource
    scopes_of: ScopesOf
    verifier: TokenVerifier | None = None

    @property
    def metadata_path(self) -> str:
        """Of a resource with a path: the well-known path before it (RFC 9728 section 3.1)."""
        path = urlsplit(self._url).path
        return METADATA_PATH + (path if path != "/" else "")

    @property
    def metadata_url(self) -> str:
        parts = urlsplit(self._url)
        return f"{parts.scheme}://{parts.netloc}{self.metadata_path}"

    def metadata(self) -> dict[str, Any]:
        """RFC 9728 section 2.

        Only authorization servers for other agents are named, and only the scopes to ask for first: others are asked
        for when a call needs them (MCP 2026-07-28, authorization, scope minimization).
        """
        servers = self.verifier.authorization_servers if self.verifier else frozenset[str]()
        return {
            "resource": self._url,
            "resource_name": self.resource.name,
            "scopes_supported": sorted(self.resource.base),
            "bearer_methods_supported": ["header"],
            **({"authorization_servers": sorted(servers)} if servers else {}),
        }

    def lacking(self, granted: Collection[str], method: str = "", tool: str = "") -> frozenset[str]:
        """All that a request needs, when it is not granted; else nothing.

        A look needs one of the base scopes, and anything else one that is of use here, so that a token without any
        learns nothing. So does the call of a tool that does not exist, before MCP says so.
        """
        needed = self.scopes_of(tool) if method == "tools/call" else None
        if needed:
            return frozenset() if allows(granted, needed) else needed
        of_use = self.resource.base if method in LOOKS else self.resource.all
        is_granted = any(allows(of_use, [scope]) for scope in granted)
        return frozenset() if is_granted else self.resource.base

    def may_remove(self, principal: Principal) -> bool:
        """Whether it is a service of ours that deletes, and no agent, whatever its token says."""
        agents = self.verifier.authorization_servers if self.verifier else frozenset[str]()
        return principal.scopes == frozenset({REMOVAL}) and principal.issuer not in agents

    @property
    def _url(self) -> str:
        return self.verifier.audience if self.verifier else ""

    def challenge(self, scopes: Collection[str], **facts: str) -> str:
        """The value of WWW-Authenticate (RFC 6750 section 3, RFC 9728 section 5.1)."""
        told = {**facts, "scope": in_order(scopes), "resource_metadata": self.metadata_url}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())


def insufficient(what: str, scopes: Collection[str]) -> str:
    """Why a token is not enough, for people and models alike. ASCII without quotes."""
    words = " ".join(words_of(scope) for scope in sorted(scopes))
    return f"The sign-in does not allow {what}. It needs {in_order(scopes)}: {words}"


class RequireToken:
    """ASGI middleware: lets only those in whose token counts here and allows what they ask.

    Answers 401 without such a token, 403 when it does not allow the request, 503 when the issuer's keys cannot be
    had. A request of older protocols does not say in its headers which tool it calls: for those `ToolServer` answers
    the same inside the protocol.
    """

    def __init__(self, app: ASGIApp, server: ResourceServer, open_paths: Collection[str]) -> None:
        self._app = app
        self._inner = AuthContextMiddleware(app)
        self._server = server
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            token = await self._verified(headers)
        except NotSignedIn as error:
            answer = self._not_signed_in(headers, error)
        except Unavailable as error:
            answer = _no_keys(error)
        else:
            answer = self._refusal(token.principal, scope["path"], headers)
            if answer is None:
                scope["user"] = AuthenticatedUser(token)
                await self._inner(scope, receive, send)
                return
        await answer(scope, receive, send)

    async def _verified(self, headers: Headers) -> VerifiedToken:
        verifier = self._server.verifier
        token = bearer_token(headers.getlist("authorization"))
        if verifier is None or token is None:
            raise NotSignedIn("A bearer token is needed.")
        named = await verifier.verify(token)
        principal = replace(named, scopes=within_roles(named.scopes, named.roles))
        return VerifiedToken(
            token=token,
            client_id=principal.client or principal.issuer,
            scopes=sorted(principal.scopes),
            expires_at=principal.expires_at_s,
            resource=verifier.audience,
            # What is sealed for a person, and a session of theirs, is of one tenant.
            subject=f"{principal.tenant}/{principal.subject}",
            claims={"iss": principal.issuer},
            principal=principal,
        )

    def _not_signed_in(self, headers: Headers, error: NotSignedIn) -> Response:
        # Nothing is wrong with a request that brings no token, so no error is named (RFC 6750 section 3.1).
        is_refused = "authorization" in headers
        facts = {"error": "invalid_token", "error_description": error.message} if is_refused else {}
        if is_refused:
            log.warning("token_refused", reason=error.message)
        tokens_refused.labels("invalid" if is_refused else "none").inc()
        return _refused(
            401,
            error.code,
            error.message,
            self._server.challenge(self._server.resource.base, **facts),
        )

    def _refusal(self, principal: Principal, path: str, headers: Headers) -> Response | None:
        """None when the token allows the request, as far as its headers say what it is."""
        if path == REMOVAL_PATH:
            return None if self._server.may_remove(principal) else _no_remover()
        method = headers.get(MCP_METHOD_HEADER, "")
        tool = decode_header_value(headers.get(MCP_NAME_HEADER)) or ""
        scopes = self._server.lacking(principal.scopes, method, tool)
        if not scopes:
            return None
        what = tool if self._server.scopes_of(tool) else "this"
        return refuse_scopes(self._server, principal, what, scopes)


def refuse_scopes(
    server: ResourceServer, principal: Principal, what: str, scopes: Collection[str]
) -> Response:
    """403 `insufficient_scope`: an agent may ask its person for the scopes, and try again (RFC 6750 section 3.1)."""
    note_scopes_refused(principal, what, scopes)
    words = insufficient(what, scopes)
    challenge = server.challenge(scopes, error="insufficient_scope", error_description=words)
    return _refused(403, "insufficient_scope", words, challenge)


def note_scopes_refused(principal: Principal, what: str, scopes: Collection[str]) -> None:
    """In the log and the metrics."""
    log.warning(
        "scope_refused",
        what=what,
        scope=in_order(scopes),
        person=principal.subject,
        tenant=principal.tenant,
        client=principal.client,
        issuer=principal.issuer,
    )
    for scope in scopes:
        scopes_refused.labels(scope).inc()


def bearer_token(headers: Collection[str]) -> str | None:
    """The token that the Authorization headers bring. None: there is none, or more than one header."""
    if len(headers) != 1:
        return None
    scheme, _, token = next(iter(headers)).partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _refused(status: int, code: str, message: str, challenge: str) -> Response:
    return JSONResponse(
        {"code": code, "message": message},
        status_code=status,
        headers={"WWW-Authenticate": challenge, "Cache-Control": "no-store"},
    )


def _no_remover() -> Response:
    """No challenge: there is nothing that an agent could ask its person for."""
    message = "Only Steward itself deletes this, when its time is over."
    return JSONResponse({"code": "permission_denied", "message": message}, status_code=403)


def _no_keys(error: Unavailable) -> Response:
    """To be tried again: a 401 would have people sign in once more, for nothing."""
    log.warning("issuer_keys_unavailable")
    return JSONResponse(
        {"code": "upstream_unavailable", "message": error.message},
        status_code=503,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
