"""Sends a person's token with requests to one server, and notes what the server wants instead."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx2
from mcp.client.auth.utils import (
    extract_field_from_www_auth,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
    union_scopes,
)
from sqlalchemy.exc import IntegrityError

from orchestrator.connections.addresses import MAX_URL_CHARACTERS
from orchestrator.connections.discovery import MAX_SCOPES_CHARACTERS
from orchestrator.connections.parts import ConnectionParts
from orchestrator.connections.queries import find_connection, new_connection
from orchestrator.connections.tokens import (
    Held,
    SignInNeeded,
    end_connection,
    held_token,
    renewed_token,
)
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server wants before it answers (RFC 6750, section 3; RFC 9728, section 5.1)."""

    scopes: str
    metadata_url: str | None
    more_rights: bool
    """It takes the token, but not for this."""


def challenge_of(response: httpx2.Response) -> Challenge | None:
    """None: the answer is no call for a sign-in."""
    more_rights = response.status_code == 403 and (
        extract_field_from_www_auth(response, "error") == "insufficient_scope"
    )
    if response.status_code != 401 and not more_rights:
        return None
    metadata_url = extract_resource_metadata_from_www_auth(response)
    if metadata_url is not None and len(metadata_url) > MAX_URL_CHARACTERS:
        metadata_url = None
    scopes = (extract_scope_from_www_auth(response) or "")[:MAX_SCOPES_CHARACTERS]
    return Challenge(scopes, metadata_url, more_rights)


class PersonAccess(httpx2.Auth):
    """One person's requests to one server.

    A token that is refused before its time is renewed once and the request, which was not carried out, is sent again.
    """

    def __init__(self, parts: ConnectionParts, server: str, person: Principal) -> None:
        self._parts = parts
        self._server = server
        self._person = person

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Raises SignInNeeded, IssuerUnavailable."""
        held = await held_token(self._parts, self._server, self._person)
        response = yield _with(request, held)
        challenge = challenge_of(response)
        if challenge is not None and not challenge.more_rights and held is not None:
            await self._note(challenge)
            held = await renewed_token(self._parts, self._server, self._person, held)
            response = yield _with(request, held)
            challenge = challenge_of(response)
            if challenge is not None and not challenge.more_rights and held is not None:
                await end_connection(self._parts, self._server, self._person, held)
        if challenge is not None:
            await self._note(challenge)
            raise SignInNeeded(self._server, more_rights=challenge.more_rights)

    async def _note(self, challenge: Challenge) -> None:
        """Keep what the next sign-in has to ask for."""
        try:
            await self._write(challenge)
        except IntegrityError:  # another request of the person's was first
            await self._write(challenge)

    async def _write(self, challenge: Challenge) -> None:
        async with self._parts.database.writing() as session:
            row = await find_connection(session, self._server, self._person)
            if row is None:
                session.add(row := new_connection(self._server, self._person))
            if challenge.metadata_url is not None:
                row.metadata_url = challenge.metadata_url
            if challenge.more_rights:
                both = union_scopes(row.wanted_scopes or None, challenge.scopes or None)
                row.wanted_scopes = (both or "")[:MAX_SCOPES_CHARACTERS]
            elif challenge.scopes:
                row.wanted_scopes = challenge.scopes


def _with(request: httpx2.Request, held: Held | None) -> httpx2.Request:
    if held is not None:
        request.headers["authorization"] = f"Bearer {held.access}"
    return request
