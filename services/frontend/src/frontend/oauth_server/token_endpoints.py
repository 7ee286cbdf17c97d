"""Ending tokens (RFC 7009), and telling what one is good for (RFC 7662)."""

from dataclasses import dataclass
from typing import Any

from frontend.oauth_server import access_tokens, queries
from frontend.oauth_server.asked import Asked
from frontend.oauth_server.clients import METHODS, SECRET_METHODS, Client
from frontend.oauth_server.framework import (
    IntrospectionEndpoint,
    InvalidRequest,
    RevocationEndpoint,
)
from frontend.oauth_server.queries import Consent
from frontend.oauth_server.server import AgentServer, hashed


def register(server: AgentServer) -> None:
    """Have the server answer both."""
    server.register_endpoint(Introspection)
    server.register_endpoint(Revocation)


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token that is good for something now."""

    consent: Consent
    family_id: str
    facts: dict[str, Any]
    """For who may ask about it (RFC 7662 section 2.2)."""

    def check_client(self, client: Client) -> bool:
        return self.consent.client_id == client.client_id

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class _TokenEndpoint:
    """What revocation and introspection have in common."""

    server: AgentServer

    def check_params(self, request: Asked, _: Client) -> None:
        """A hint of what the token is may be left unread (RFC 7009 section 2.1); we look it up as both."""
        if not request.fields.get("token"):
            raise InvalidRequest("Which token?")

    def query_token(self, token: str, _: str | None) -> LiveToken | None:
        server = self.server
        access = access_tokens.read(server.key, server.settings.issuer, token, server.now)
        if access is not None:
            consent = queries.consent_of_family(server.session, access.family_id, server.now)
            facts = {**access.claims, "token_type": "Bearer"}
            return self._live(consent, access.family_id, facts)
        refresh = queries.find_refresh_token(server.session, hashed(token), server.now)
        if refresh is None or refresh.used_at is not None:
            return None
        consent = refresh.consent
        facts = {
            "iss": server.settings.issuer,
            "aud": consent.resource,
            "sub": consent.person_id,
            "client_id": consent.client_id,
            "scope": refresh.get_scope(),
        }
        return self._live(consent, refresh.family_id, facts)

    def _live(
        self, consent: Consent | None, family_id: str, facts: dict[str, Any]
    ) -> LiveToken | None:
        if consent is None or queries.person_of(self.server.session, consent) is None:
            return None
        return LiveToken(consent, family_id, facts)


class Revocation(_TokenEndpoint, RevocationEndpoint):
    """RFC 7009. Either token ends both: there is nothing else that an access token hangs on."""

    CLIENT_AUTH_METHODS = METHODS

    def revoke_token(self, token: LiveToken, _: Asked) -> None:
        queries.end_family(self.server.session, token.family_id)


class Introspection(_TokenEndpoint, IntrospectionEndpoint):
    """RFC 7662, for clients with a secret: about tokens of their own, and for tool servers that they stand for."""

    CLIENT_AUTH_METHODS = SECRET_METHODS

    def check_permission(self, token: LiveToken, client: Client, _: Asked) -> bool:
        return token.check_client(client) or token.consent.resource in client.introspects

    def introspect_token(self, token: LiveToken) -> dict[str, Any]:
        return {"active": True, **token.facts}
