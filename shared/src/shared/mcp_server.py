"""What every Steward tool server needs around the MCP SDK: verified callers, health routes, a clean stop."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared import health
from shared.errors import NotSignedIn, Unavailable
from shared.service_tokens import Principal, TokenVerifier

STOP_WITHIN_S = 3


@dataclass(frozen=True, slots=True)
class SdkVerifier:
    """Our token verifier in the shape the SDK asks for. A refused token is None, which the SDK answers with 401."""

    verifier: TokenVerifier

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            principal = await self.verifier.verify(token)
        except (NotSignedIn, Unavailable):
            return None
        return AccessToken(
            token=token,
            client_id=principal.issuer,
            scopes=sorted(principal.scopes),
            expires_at=principal.expires_at_s,
            resource=self.verifier.audience,
            subject=principal.subject,
            claims={
                "iss": principal.issuer,
                "tenant": principal.tenant,
                "roles": sorted(principal.roles),
                "name": principal.name,
            },
        )


def auth_settings(resource_url: str, issuers: Sequence[str]) -> AuthSettings:
    """The SDK's settings of a protected server. Plain strings: its URL type adds a slash that breaks discovery."""
    return AuthSettings.model_validate(
        {
            "issuer_url": next(iter(issuers), resource_url),
            "resource_server_url": resource_url,
            "validate_token_resource": True,
        }
    )


def current_principal(otherwise: Principal | None) -> Principal | None:
    """Who calls: from the verified token, else the one given (stdio, where the local user is the caller)."""
    token = get_access_token()
    if token is None:
        return otherwise
    claims = cast("Mapping[str, Any]", token.claims or {})
    return Principal(
        subject=token.subject or "",
        tenant=str(claims.get("tenant", "")),
        roles=frozenset(cast("list[str]", claims.get("roles", []))),
        scopes=frozenset(token.scopes),
        name=str(claims.get("name", "")),
        issuer=str(claims.get("iss", "")),
    )


def transport_security(hosts: Sequence[str]) -> TransportSecuritySettings:
    """Accept requests for these Host headers only, and none that a web page sends (DNS rebinding)."""
    return TransportSecuritySettings(allowed_hosts=list(hosts), allowed_origins=[])


def add_operations(
    server: MCPServer, problems: Callable[[], Awaitable[Mapping[str, str | None]]]
) -> None:
    """Add `/live`, `/ready` and `/metrics`; `problems` says what the server cannot work without."""

    @server.custom_route("/live", methods=["GET"])
    async def live(_: Request) -> Response:
        return JSONResponse(health.LIVE)

    @server.custom_route("/ready", methods=["GET"])
    async def ready(_: Request) -> Response:
        status, body = health.readiness(await problems())
        return JSONResponse(body, status_code=status)

    @server.custom_route("/metrics", methods=["GET"])
    async def metrics(_: Request) -> Response:
        body, content_type = health.metrics()
        return Response(body, media_type=content_type)

    del live, ready, metrics  # registered by their decorators


def serve_http(app: Any, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; open requests get a few seconds to end."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        timeout_keep_alive=75,
    )
