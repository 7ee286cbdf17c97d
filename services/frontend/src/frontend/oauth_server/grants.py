"""Codes and refresh tokens: what makes them good, and what they are good for."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent
from frontend.oauth_server import queries
from frontend.oauth_server import rights as rules
from frontend.oauth_server.asked import Asked
from frontend.oauth_server.clients import METHODS, Client
from frontend.oauth_server.framework import (
    AuthorizationCodeGrant,
    CodeChallenge,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    RefreshTokenGrant,
)
from frontend.oauth_server.queries import Consent, StoredCode, StoredToken
from frontend.oauth_server.server import AgentServer, hashed
from shared.scopes import within_roles

CODE_LIFETIME = timedelta(seconds=60)
GRACE = timedelta(seconds=60)
"""Whoever lost the answer to a refresh asks again with the old token, and is told the same new one, within this time
and as long as the new one was not used. It is the same one and not another, so that a thief who does this is found out
by the next refresh of either."""


def register(server: AgentServer) -> None:
    """Have the server answer both."""
    server.register_grant(CodeGrant, [Pkce(required=True), OneResource()])
    server.register_grant(RefreshGrant)


class Pkce(CodeChallenge):
    """S256 and nothing else, for every client (OAuth 2.1 section 4.1.1)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar[list[str]] = ["S256"]

    def validate_code_challenge(self, grant: "CodeGrant", redirect_uri: str) -> None:
        asked = grant.request.fields
        if (
            asked.get("code_challenge_method") != "S256"
            or len(asked.get("code_challenge", "")) != 43
        ):
            raise InvalidRequest("A code_challenge with the method S256 is required.")
        untyped: Any = super()
        untyped.validate_code_challenge(grant, redirect_uri)


class OneResource:
    """The tool server that a token is for (RFC 8707): named when a person is asked, and the same one afterwards."""

    def __call__(self, grant: "CodeGrant") -> None:
        grant.register_hook("after_validate_authorization_request_payload", self._check_asked)
        grant.register_hook("after_validate_token_request", self._check_redeemed)

    def _check_asked(self, grant: "CodeGrant", _: object) -> None:
        resource = grant.server.settings.resources.get(grant.request.fields.get("resource", ""))
        if resource is None:
            raise InvalidTarget("The resource must be the address of one of the tool servers here.")
        person: Person = grant.request.user
        known = within_roles(resource.scopes, person.roles)
        rights = rules.offered(grant.request.fields.get("scope"), known)
        if not rights:
            raise InvalidScope(
                "Name the rights that are wanted, of those that this server has and the person may give."
            )
        grant.request.scope = " ".join(rights)

    def _check_redeemed(self, grant: "CodeGrant", _: object) -> None:
        same_resource(grant.request, grant.request.authorization_code.consent)


def same_resource(asked: Asked, consent: Consent) -> None:
    """Raises InvalidTarget when another tool server is asked for than the one a person agreed to."""
    if asked.fields.get("resource", consent.resource) != consent.resource:
        raise InvalidTarget("This was given for another resource.")


class CodeGrant(AuthorizationCodeGrant):
    """Codes."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    server: AgentServer
    request: Asked
    consent: Consent | None = None
    """What the person agreed to, before a code is made."""
    rights: tuple[str, ...] = ()
    """Of the code."""

    @staticmethod
    def validate_authorization_redirect_uri(request: Asked, client: Client) -> str:
        """Authlib's own repeats the address in its message, which fails for addresses with unusual signs in them."""
        uri = request.fields.get("redirect_uri", "")
        if not client.check_redirect_uri(uri):
            raise InvalidRequest("The redirect_uri is not one that the client has told.")
        return uri

    def save_authorization_code(self, code: str, request: Asked) -> None:
        if self.consent is None:
            raise InvalidRequest("Nobody has agreed.")
        queries.add_code(
            self.server.session,
            hashed(code),
            self.consent,
            request.fields["redirect_uri"],
            request.fields["code_challenge"],
            self.rights,
            self.server.now,
            self.server.now + CODE_LIFETIME,
        )

    def query_authorization_code(self, code: str, client: Client) -> StoredCode | None:
        """Uses it up: whatever is wrong with the rest of the request, it is good for no second one."""
        redeemed = queries.redeem_code(
            self.server.session, hashed(code), client.client_id, self.server.now
        )
        if redeemed.replayed is not None:
            self.server.note(SecurityEvent.CODE_REPLAYED, redeemed.replayed)
        return redeemed.code

    def delete_authorization_code(self, authorization_code: StoredCode) -> None:
        """It is used up already."""

    def authenticate_user(self, authorization_code: StoredCode) -> Person | None:
        return queries.person_of(self.server.session, authorization_code.consent)

    def generate_token(self, user: Person, scope: str, **_: object) -> dict[str, Any]:
        code: StoredCode = self.request.authorization_code
        rights = self.server.standing(code.consent, user, scope.split())
        refresh = self.server.new_refresh_token(code.consent, code.family_id, code.rights)
        return self.server.tokens(code.consent, user, rights, code.family_id, refresh)

    def save_token(self, token: object) -> None:
        """What is kept of it is kept already."""


class RefreshGrant(RefreshTokenGrant):
    """Refresh tokens: each is good once, and the second use of one ends all that came of the same code."""

    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    server: AgentServer
    request: Asked
    _person: Person | None = None

    def authenticate_refresh_token(self, refresh_token: str) -> StoredToken | None:
        server = self.server
        token = queries.find_refresh_token(server.session, hashed(refresh_token), server.now)
        if token is None or not token.check_client(self.request.client):
            return None
        if is_reused(token, server.now):
            queries.end_family(server.session, token.family_id)
            server.note(SecurityEvent.REFRESH_TOKEN_REUSED, token.consent)
            return None
        same_resource(self.request, token.consent)
        self._person = queries.person_of(server.session, token.consent)
        return None if self._person is None else token

    def authenticate_user(self, _: StoredToken) -> Person | None:
        return self._person

    def issue_token(self, user: Person, refresh_token: StoredToken) -> dict[str, Any]:
        scope = self.request.payload.scope or refresh_token.get_scope()
        rights = self.server.standing(refresh_token.consent, user, scope.split())
        successor = self.server.successor_of(refresh_token)
        return self.server.tokens(
            refresh_token.consent, user, rights, refresh_token.family_id, successor
        )

    def save_token(self, token: object) -> None:
        """What is kept of it is kept already."""

    def revoke_old_credential(self, refresh_token: StoredToken) -> None:
        """It is used up already."""


def is_reused(token: StoredToken, now: datetime) -> bool:
    """Whether it was used before, and not by somebody who did not get the answer."""
    if token.used_at is None:
        return False
    return token.successor is None or now - token.used_at > GRACE
