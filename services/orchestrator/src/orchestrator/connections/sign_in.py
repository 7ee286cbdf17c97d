"""A person's way to an issuer and back: begun on one replica, ended on any (OAuth 2.1, code with PKCE)."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlencode

from mcp.client.auth import PKCEParameters
from mcp.shared.auth import OAuthToken
from pydantic import ValidationError

from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.connections.clients import client_for, client_of, drop_registration
from orchestrator.connections.discovery import Authority, discover, scopes_to_ask
from orchestrator.connections.exchange import (
    ANSWER_WITHIN_S,
    BadIssuer,
    Client,
    IssuerRefused,
    IssuerUnavailable,
)
from orchestrator.connections.models import ConnectionRow, RemoteServerRow, SignInRow
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import (
    ConnectionState,
    find_connection,
    get_server,
    new_connection,
    remove_outdated_sign_ins,
    take_sign_in,
)
from orchestrator.connections.tokens import Tokens, ends_at, sealed
from shared.errors import ExpectedError, InvalidInput
from shared.sealed import CannotOpen
from shared.service_tokens import Principal

LIFETIME = timedelta(minutes=10)
"""How long a person may take at the issuer."""
BEGIN_AGAIN = "This sign-in is not yours, is over, or was begun too long ago. Begin it again."


class SignInMixedUp(InvalidInput):
    """The answer fits no sign-in that this person began in this session."""

    code: ClassVar[str] = "sign_in_mixed_up"


class SignInDeclined(ExpectedError):
    """The person, or the issuer, said no."""

    code: ClassVar[str] = "sign_in_declined"
    status: ClassVar[int] = 403


@dataclass(frozen=True, slots=True)
class Callback:
    """What the browser brought back (RFC 6749, section 4.1.2; RFC 9207)."""

    state: str
    code: str | None = None
    error: str | None = None
    issuer: str | None = None


async def begin(parts: ConnectionParts, server: str, person: Principal) -> str:
    """Where to send the person's browser.

    Raises:
        NotFound: no such server in the person's tenant, or it is switched off.
        BadIssuer, IssuerUnavailable, AddressRefused.
    """
    async with parts.database.reading() as session:
        row = await get_server(session, server, person.tenant)
        connection = await find_connection(session, server, person)
    if not row.is_enabled:
        raise InvalidInput("This server is switched off. An administrator can switch it on.")
    authority, client = await _found(parts, row, connection)
    endpoint = str(authority.metadata.authorization_endpoint)
    parts.guard.target(endpoint)
    scopes = _scopes(authority, connection)
    state, pkce = secrets.token_urlsafe(32), PKCEParameters.generate()
    await _store(parts, row, person, authority, client, scopes, state, pkce.code_verifier)
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": parts.redirect_uri,
        "state": state,
        "code_challenge": pkce.code_challenge,
        "code_challenge_method": "S256",
        "resource": authority.resource,
    }
    if scopes:
        query["scope"] = scopes
    if "offline_access" in scopes.split():
        query["prompt"] = "consent"  # OpenID Connect Core, section 11
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


async def finish(parts: ConnectionParts, person: Principal, callback: Callback) -> str:
    """Take the answer up and keep the tokens; gives the server. A state counts once.

    Raises:
        SignInMixedUp: the state is unknown, used, too old, another person's or session's, or the answer is another
            issuer's.
        SignInDeclined: the person or the issuer said no.
        IssuerRefused, IssuerUnavailable, BadIssuer: the code was not taken.
    """
    now = parts.now()
    async with parts.database.writing() as session:
        row = await take_sign_in(session, _hash(callback.state), person)
    if row is None or row.expires_at <= now:
        raise SignInMixedUp(BEGIN_AGAIN)
    _check_issuer(row, callback.issuer)
    if callback.error is not None or not callback.code:
        raise SignInDeclined("Nobody was signed in: it was declined there.")
    answer = await _exchange(parts, row, callback.code)
    await _keep(parts, row, person, answer)
    return row.server


async def _found(
    parts: ConnectionParts, server: RemoteServerRow, connection: ConnectionRow | None
) -> tuple[Authority, Client]:
    """Whom to ask, and as whom: several questions, in the time of one."""
    metadata_url = None if connection is None else connection.metadata_url
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            authority = await discover(parts.exchange, server.url, metadata_url)
            return authority, await client_for(parts, server.key, authority)
    except TimeoutError:
        raise IssuerUnavailable(
            "The sign-in service takes too long to answer. Try again later."
        ) from None


def _scopes(authority: Authority, connection: ConnectionRow | None) -> str:
    """What is held counts only at the issuer that gave it."""
    if connection is None:
        return scopes_to_ask(authority, "", "")
    held = connection.scopes if connection.issuer == authority.issuer else ""
    return scopes_to_ask(authority, connection.wanted_scopes, held)


async def _store(
    parts: ConnectionParts,
    server: RemoteServerRow,
    person: Principal,
    authority: Authority,
    client: Client,
    scopes: str,
    state: str,
    verifier: str,
) -> None:
    metadata, now = authority.metadata, parts.now()
    state_hash = _hash(state)
    revocation = metadata.revocation_endpoint
    row = SignInRow(
        state_hash=state_hash,
        tenant_id=person.tenant,
        owner_id=person.subject,
        session=person.session,
        server=server.key,
        issuer=authority.issuer,
        says_issuer=bool(metadata.authorization_response_iss_parameter_supported),
        token_endpoint=str(metadata.token_endpoint),
        revocation_endpoint=None if revocation is None else str(revocation),
        resource=authority.resource,
        client_id=client.client_id,
        scopes=scopes,
        sealed_verifier=parts.sealer.seal(verifier, state_hash),
        expires_at=now + LIFETIME,
    )
    async with parts.database.writing() as session:
        await remove_outdated_sign_ins(session, now)
        session.add(row)


def _check_issuer(row: SignInRow, said: str | None) -> None:
    """RFC 9207, section 2.4: compared as it is, letter by letter."""
    if said is None and not row.says_issuer:
        return
    if said != row.issuer:
        raise SignInMixedUp(
            "The answer is from another sign-in service than you were sent to. Begin again."
        )


async def _exchange(parts: ConnectionParts, row: SignInRow, code: str) -> OAuthToken:
    client = await client_of(parts, row.server, row.issuer, row.client_id)
    try:
        verifier = parts.sealer.open(row.sealed_verifier, row.state_hash)
    except CannotOpen:
        raise SignInMixedUp(BEGIN_AGAIN) from None
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": parts.redirect_uri,
        "code_verifier": verifier,
        "resource": row.resource,
    }
    try:
        answer = await parts.exchange.submit(row.token_endpoint, client, fields)
    except IssuerRefused as refusal:
        if refusal.is_about_us:  # or every sign-in after this one would end like it
            await drop_registration(parts, row.server, row.issuer, row.client_id)
        raise
    try:
        return OAuthToken.model_validate(answer)
    except ValidationError:
        raise BadIssuer("The sign-in service answered with no token.") from None


async def _keep(
    parts: ConnectionParts, signed: SignInRow, person: Principal, answer: OAuthToken
) -> None:
    """The person's one connection to the server: what was there before is replaced."""
    now = parts.now()
    async with parts.database.writing() as session:
        server = await get_server(session, signed.server, person.tenant)
        row = await find_connection(session, server.key, person)
        if row is None:
            session.add(row := new_connection(server.key, person))
        tokens = Tokens(access=answer.access_token, refresh=answer.refresh_token)
        row.state = ConnectionState.ACTIVE
        row.issuer = signed.issuer
        row.token_endpoint = signed.token_endpoint
        row.revocation_endpoint = signed.revocation_endpoint
        row.resource = signed.resource
        row.client_id = signed.client_id
        # An answer without scopes grants what was asked for (RFC 6749, section 5.1).
        row.scopes = signed.scopes if answer.scope is None else answer.scope
        row.sealed_tokens = sealed(parts, row.connection_id, tokens)
        row.token_expires_at = ends_at(answer, now)
        row.generation += 1
        row.refresh_until = row.refreshed_at = None
        row.wanted_scopes = row.problem = ""
        row.connected_at = row.last_used_at = now
        await record(
            session,
            person.tenant,
            AuditKind.CONNECTED,
            now,
            person=person.subject,
            body={
                "server": server.key,
                "url": server.url,
                "issuer": row.issuer,
                "scopes": row.scopes,
                "connection_id": row.connection_id,
                "name": person.name,
                "session": person.session,
            },
        )


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
