"""Who calls the JSON API with a token: an API key, or a sign-in without a browser."""

from dataclasses import dataclass
from typing import cast

from flask import g, has_request_context, request

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.api_keys import queries as keys
from frontend.api_sessions import queries as sessions
from frontend.parts import parts
from frontend.sign_in.attempts import count_address
from shared.errors import NotSignedIn

API = "/api/"
REFUSED = "This key or token is unknown, has expired or was revoked."


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that was accepted."""

    person: Person
    api_session_id: str | None
    """None: an API key."""


def has_bearer() -> bool:
    """Whether the request brings a token instead of a cookie. Its cookie then counts for nothing.

    No other site's page can send one for somebody, so that such a request needs no CSRF token.
    """
    return (
        has_request_context()
        and request.path.startswith(API)
        and "Authorization" in request.headers
    )


def bearer() -> Bearer:
    """Who the token of this request is for.

    Raises:
        NotSignedIn: nobody. TooManyRequests: the address has tried too many.
    """
    if "bearer" not in g:
        g.bearer = _look_up(_token())
    return cast(Bearer, g.bearer)


def _token() -> str:
    kind, _, token = request.headers["Authorization"].partition(" ")
    if kind.lower() != "bearer":
        raise NotSignedIn("The Authorization header must be `Bearer` and a key or a token.")
    return token.strip()


def _look_up(token: str) -> Bearer:
    now = parts().now()
    with parts().database.transaction() as session:
        signed_in = sessions.person_of_access(session, token, now)
        looked = keys.Looked() if signed_in else keys.look_up(session, token, now)
        if looked.person is not None:
            keys.note_use(session, looked.person, now)
    if signed_in is not None:
        return Bearer(*signed_in)
    if looked.person is not None:
        return Bearer(looked.person, None)
    count_address()
    if looked.tenant_id is not None:
        record(SecurityEvent.KEY_REFUSED, tenant_id=looked.tenant_id, key=looked.prefix)
    raise NotSignedIn(REFUSED)
