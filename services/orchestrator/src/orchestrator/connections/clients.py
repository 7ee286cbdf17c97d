"""As whom we ask an issuer: as an admin has registered us there, by our own document, or as the issuer registers us."""

import json

from mcp.client.auth.utils import should_use_client_metadata_url
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import ValidationError

from orchestrator.connections.discovery import GRANTS, Authority
from orchestrator.connections.exchange import BadIssuer, Client
from orchestrator.connections.models import OAuthClientRow
from orchestrator.connections.parts import CLIENT_NAME, ConnectionParts
from orchestrator.connections.queries import find_client, put_client
from shared.sealed import CannotOpen

SECRET_METHODS = ("client_secret_basic", "client_secret_post")


async def client_for(parts: ConnectionParts, server: str, authority: Authority) -> Client:
    """Who we are to this issuer and no other.

    Raises:
        BadIssuer: it knows us by no way that we have, or the secret that an admin has entered cannot be read any more.
        IssuerUnavailable, AddressRefused.
    """
    known = await known_client(parts, server, authority.issuer)
    if known is not None:
        return known
    document = parts.client_document
    if document is not None and should_use_client_metadata_url(authority.metadata, document):
        return Client(document)
    if authority.metadata.registration_endpoint is None:
        raise BadIssuer(
            "The sign-in service does not know Steward. An administrator can register Steward there by hand and "
            "enter the client id on the tools page."
        )
    return await _register(parts, server, authority)


async def known_client(parts: ConnectionParts, server: str, issuer: str) -> Client | None:
    """As we were registered there before. None also where the issuer can register us anew.

    Raises:
        BadIssuer: the secret that an admin has entered cannot be read any more.
    """
    async with parts.database.reading() as session:
        row = await find_client(session, server, issuer)
    if row is None:
        return None
    try:
        return Client(row.client_id, _opened(parts, row), row.auth_method)
    except CannotOpen:
        if row.is_registered:
            raise BadIssuer(
                "Steward cannot read its client secret any more. An administrator can enter it again on the tools page."
            ) from None
        return None


async def client_of(parts: ConnectionParts, server: str, issuer: str, client_id: str) -> Client:
    """The client that tokens were given to. Without its secret when that is gone or was replaced since.

    Raises:
        BadIssuer: see `known_client`.
    """
    known = await known_client(parts, server, issuer)
    return known if known is not None and known.client_id == client_id else Client(client_id)


async def drop_registration(
    parts: ConnectionParts, server: str, issuer: str, client_id: str
) -> bool:
    """The issuer does not take us for this client. True: the next sign-in is as another one, so it can help."""
    if client_id == parts.client_document:
        return False
    async with parts.database.writing() as session:
        row = await find_client(session, server, issuer)
        if row is None or row.client_id != client_id:
            return True
        if not row.is_registered:
            await session.delete(row)
        return not row.is_registered


def client_row(
    parts: ConnectionParts, server: str, issuer: str, client: Client, *, is_registered: bool
) -> OAuthClientRow:
    sealed = (
        None if client.secret is None else parts.sealer.seal(client.secret, _place(server, issuer))
    )
    return OAuthClientRow(
        server=server,
        issuer=issuer,
        client_id=client.client_id,
        sealed_secret=sealed,
        auth_method=client.auth_method,
        is_registered=is_registered,
    )


async def _register(parts: ConnectionParts, server: str, authority: Authority) -> Client:
    """RFC 7591."""
    offered = authority.metadata.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    wanted = next((m for m in ("none", *SECRET_METHODS) if m in offered), "none")
    status, body = await parts.exchange.post(
        str(authority.metadata.registration_endpoint),
        {
            "client_name": CLIENT_NAME,
            "client_uri": parts.public_url,
            "redirect_uris": [parts.redirect_uri],
            "grant_types": GRANTS,
            "response_types": ["code"],
            "token_endpoint_auth_method": wanted,
            "application_type": "web",
        },
    )
    client = _registered(body, wanted) if status in {200, 201} else None
    if client is None:
        raise BadIssuer(
            "The sign-in service did not register Steward. An administrator can register Steward there by hand and "
            "enter the client id on the tools page."
        )
    async with parts.database.writing() as session:
        row = client_row(parts, server, authority.issuer, client, is_registered=False)
        await put_client(session, row)
    return client


def _registered(body: bytes, wanted: str) -> Client | None:
    """The issuer may have chosen otherwise than we asked (RFC 7591, section 3.2.1); None: in a way we cannot use."""
    try:
        known = json.loads(body)
        info = OAuthClientInformationFull.model_validate(known)
    except (ValueError, ValidationError):
        return None
    method = info.token_endpoint_auth_method or wanted
    if method in SECRET_METHODS and info.client_secret:
        return Client(info.client_id, info.client_secret, method)
    return Client(info.client_id) if method == "none" else None


def _opened(parts: ConnectionParts, row: OAuthClientRow) -> str | None:
    if row.sealed_secret is None:
        return None
    return parts.sealer.open(row.sealed_secret, _place(row.server, row.issuer))


def _place(server: str, issuer: str) -> str:
    return f"{server} {issuer}"
