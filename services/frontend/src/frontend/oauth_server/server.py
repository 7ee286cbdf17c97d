"""The protocol's server, by Authlib: which request is which, who the client is, and how errors are told.

Written here and not taken from Authlib: one token for one resource (RFC 8707, which it leaves open), access tokens
(its generator has a clock and an audience of its own), and that a code or a refresh token is used up in the very
transaction that makes what comes of it, so that of two replicas one wins.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent
from frontend.oauth_server import access_tokens, queries
from frontend.oauth_server import rights as rules
from frontend.oauth_server.asked import Asked
from frontend.oauth_server.clients import Client
from frontend.oauth_server.framework import (
    AuthorizationServer,
    InvalidGrant,
    IssuerParameter,
    Refused,
)
from frontend.oauth_server.queries import Consent, StoredToken
from frontend.settings import Settings
from shared.key_file import KeyFile
from shared.sealed import CannotOpen, Sealer


@dataclass(frozen=True, slots=True)
class Event:
    """A security event, to be recorded when the transaction is over."""

    kind: SecurityEvent
    consent: Consent | None
    facts: dict[str, str]


class AgentServer(AuthorizationServer):
    """Authlib's server for one request, in one transaction."""

    def __init__(
        self,
        settings: Settings,
        key: KeyFile,
        sealer: Sealer,
        session: Session,
        now: datetime,
        find_client: Callable[[str], Client | None],
    ) -> None:
        untyped: Any = super()
        untyped.__init__()
        self.settings = settings
        self.session = session
        self.now = now
        self.events: list[Event] = []
        self.key = key
        self._sealer = sealer
        self._find_client = find_client
        self._issuer = _Issuer(settings.issuer)
        self.register_extension(self._issuer)

    def create_oauth2_request(self, request: Asked) -> Asked:
        return request

    def query_client(self, client_id: str) -> Client | None:
        return self._find_client(client_id)

    def handle_error_response(self, request: Asked, error: Refused) -> Response:
        was_asked = error.error == "access_denied"
        self.note(
            SecurityEvent.AGENT_DENIED if was_asked else SecurityEvent.AGENT_REFUSED,
            error=str(error.error),
            client=request.fields.get("client_id", ""),
        )
        untyped: Any = super()
        response: Response = untyped.handle_error_response(request, error)
        return response

    def tell_client(self, request: Asked, error: Refused) -> Response:
        """Send the browser back with an error, from before anybody was asked. The address is verified."""
        response = self.handle_error_response(request, error)
        self._issuer.add_issuer_parameter(self, response)
        return response

    def note(self, kind: SecurityEvent, consent: Consent | None = None, **facts: str) -> None:
        if consent is not None:
            facts = {"client": consent.client_id, "server": consent.resource, **facts}
        self.events.append(Event(kind, consent, facts))

    def standing(self, consent: Consent, person: Person, rights: Iterable[str]) -> tuple[str, ...]:
        """What of it holds today: the server may be gone, or the role lower. Raises InvalidGrant: nothing."""
        resource = self.settings.resources.get(consent.resource)
        known = () if resource is None else resource.scopes
        found = rules.standing(rights, known, person.roles)
        if not found:
            raise InvalidGrant("Nothing of what was agreed to holds any more.")
        return found

    def tokens(
        self,
        consent: Consent,
        person: Person,
        rights: tuple[str, ...],
        family_id: str,
        refresh: str,
    ) -> dict[str, Any]:
        """The answer that hands them over (RFC 6749 section 5.1)."""
        queries.mark_used(self.session, consent.consent_id, self.now)
        access_token = access_tokens.issue(
            self.key,
            self.settings.issuer,
            consent=consent,
            person=person,
            rights=rights,
            family_id=family_id,
            now=self.now,
        )
        return {
            "token_type": "Bearer",
            "access_token": access_token,
            "expires_in": access_tokens.LIFETIME_S,
            "refresh_token": refresh,
            "scope": " ".join(rights),
        }

    def new_refresh_token(self, consent: Consent, family_id: str, rights: tuple[str, ...]) -> str:
        token = secrets.token_urlsafe(32)
        expires_at = self.now + timedelta(days=self.settings.agent_days)
        queries.add_refresh_token(
            self.session, hashed(token), consent.consent_id, family_id, rights, expires_at
        )
        return token

    def successor_of(self, token: StoredToken) -> str:
        """The refresh token that replaces this one: a new one, or the one that was told before.

        Raises InvalidGrant when it cannot be told again.
        """
        if token.successor is None:
            successor = self.new_refresh_token(token.consent, token.family_id, token.rights)
            sealed = self._sealer.seal(successor, token.token_hash)
            queries.rotate(self.session, token, sealed, self.now)
            return successor
        try:
            return self._sealer.open(token.successor, token.token_hash)
        except CannotOpen:
            raise InvalidGrant from None


class _Issuer(IssuerParameter):
    """RFC 9207."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        return self._issuer


def hashed(secret: str) -> str:
    """Codes and tokens are kept as SHA-256 only: each has 256 bits or more, which nobody guesses."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
