"""Where people sign in for a server: from its own word (RFC 9728) to its issuer's (RFC 8414, OpenID Connect)."""

from dataclasses import dataclass

from mcp.client.auth import OAuthFlowError
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    get_client_metadata_scopes,
    union_scopes,
    validate_metadata_issuer,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import ValidationError

from orchestrator.connections.exchange import BadIssuer, Exchange

GRANTS = ["authorization_code", "refresh_token"]
MAX_SCOPES_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs people in for a server, and for what."""

    resource: str
    protected: ProtectedResourceMetadata
    metadata: OAuthMetadata

    @property
    def issuer(self) -> str:
        return str(self.metadata.issuer)


async def discover(exchange: Exchange, server_url: str, metadata_url: str | None) -> Authority:
    """Find it. `metadata_url` is what the server named in its challenge, if anything.

    Raises:
        BadIssuer: there is none, it is somebody else's, or it does not protect codes (PKCE, RFC 7636).
        IssuerUnavailable, AddressRefused.
    """
    protected = await _protected_resource(exchange, server_url, metadata_url)
    resource = str(protected.resource)
    if not check_resource_allowed(resource_url_from_server_url(server_url), resource):
        raise BadIssuer(
            "The server describes the sign-in of another server, so it is not followed."
        )
    issuer = str(protected.authorization_servers[0])
    metadata = await _issuer_metadata(exchange, issuer, server_url)
    if "S256" not in (metadata.code_challenge_methods_supported or ()):
        raise BadIssuer("The sign-in service does not protect sign-ins (PKCE), so it is not used.")
    return Authority(resource, protected, metadata)


def scopes_to_ask(authority: Authority, wanted: str, held: str) -> str:
    """What to ask for: what the server's challenge says, else what it offers; with what is held already.

    The union keeps one act's rights when another needs more (MCP authorization, step-up).
    """
    chosen = get_client_metadata_scopes(
        wanted or None, authority.protected, authority.metadata, GRANTS
    )
    return (union_scopes(held or None, chosen) or "")[:MAX_SCOPES_CHARACTERS]


async def _protected_resource(
    exchange: Exchange, server_url: str, metadata_url: str | None
) -> ProtectedResourceMetadata:
    for url in build_protected_resource_metadata_discovery_urls(metadata_url, server_url):
        document = await exchange.find(url)
        if document is None:
            continue
        try:
            return ProtectedResourceMetadata.model_validate_json(document)
        except ValidationError:
            continue
    raise BadIssuer("The server wants a sign-in and does not say where people sign in.")


async def _issuer_metadata(exchange: Exchange, issuer: str, server_url: str) -> OAuthMetadata:
    for url in build_oauth_authorization_server_metadata_discovery_urls(issuer, server_url):
        document = await exchange.find(url)
        if document is None:
            continue
        try:
            metadata = OAuthMetadata.model_validate_json(document)
        except ValidationError:
            continue
        try:
            validate_metadata_issuer(metadata, issuer)
        except OAuthFlowError:
            raise BadIssuer(
                "The sign-in service calls itself by another name, so it is not used."
            ) from None
        return metadata
    raise BadIssuer("The sign-in service that the server names does not describe itself.")
