"""`/api/auth`: signing up, in and out for programs. No cookie is set or looked at.

Access tokens live for minutes; a refresh token is used once and gives the next pair. One that comes again ends the
sign-in: it was copied.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from frontend.accounts.email_address import MAX_NAME_CHARACTERS, normalised, problem_with_account
from frontend.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS, problem_with
from frontend.accounts.queries import EmailTaken, OwnerExists, Person, add_owner, has_owner
from frontend.accounts.security_events import SecurityEvent, record
from frontend.api_sessions import queries
from frontend.api_sessions.queries import ACCESS_LIFETIME, Tokens
from frontend.bearer import REFUSED
from frontend.json_api import Answer, Body, Email, Line, operation
from frontend.parts import parts
from frontend.people.answers import Me, me_of
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.refused_input import note_fields
from frontend.sign_in.routes import WRONG, checked_person
from frontend.sign_in.second_factor import WRONG as WRONG_CODE
from frontend.sign_in.second_factor import is_code_right
from frontend.sign_in.second_factors import has_second_factor
from frontend.tenants.acts import join_as_new
from shared.errors import Conflict, InvalidInput, NotAllowed, NotSignedIn

routes = Routes("api_sessions", rule=ANYBODY, url_prefix="/api/auth")
TAG = "Signing in"

Token = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[SecretStr, Field(max_length=1_000)]


class Login(Body):
    """Who signs in."""

    email: Line
    password: Password
    code: Annotated[str, Field(max_length=40)] = ""
    """Of the authenticator app, or a recovery code; needed where one is set up."""


class Registration(Body):
    """A new account."""

    email: Email
    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    password: Annotated[SecretStr, Field(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS)]
    invitation: Token | None = None
    """What the link of an invitation ends with. Needed as soon as there is an owner."""


class RefreshToken(Body):
    """The last one that was given."""

    refresh_token: Token


class SignedIn(Answer):
    """Tokens, shown now and never again."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - its kind (RFC 6750)
    expires_in: int
    """Seconds for which the access token is good."""
    refresh_token: str
    me: Me


@routes.post("/register")
@operation("Create an account", TAG, body=Registration, answer=SignedIn, status=201)
def register(body: Registration) -> SignedIn:
    """The first account owns the installation; all others need an invitation."""
    count_address()
    email, name = normalised(body.email), " ".join(body.name.split())
    password = body.password.get_secret_value()
    if problem := problem_with_account(email, name) or problem_with(password):
        note_fields(email=email, name=name, password=password)
        raise InvalidInput(problem)
    if body.invitation is None and _has_owner():  # before the costly part; adding checks again
        raise NotAllowed("A new account needs an invitation. Ask the owner for one.")
    password_hash = parts().passwords.hash(password)
    if body.invitation is None:
        return _signed_in(_new_owner(email=email, name=name, password_hash=password_hash))
    try:
        return _signed_in(
            join_as_new(body.invitation, email=email, name=name, password_hash=password_hash)
        )
    except EmailTaken:
        raise Conflict("There is an account with this address. Sign in, then join.") from None


@routes.post("/login")
@operation("Sign in", TAG, body=Login, answer=SignedIn)
def login(body: Login) -> SignedIn:
    email = normalised(body.email)
    count_address()
    parts().password_attempts.check(email)
    password = body.password.get_secret_value()[: MAX_CHARACTERS + 1]
    found, is_right = checked_person(email, password)
    if found is None or not is_right:
        parts().password_attempts.failed(email)
        record(SecurityEvent.SIGN_IN_REFUSED, person=found, email=email)
        raise NotSignedIn(WRONG)
    parts().password_attempts.succeeded(email)
    _require_second_factor(found, body.code)
    if not found.roles:
        raise NotAllowed("You belong to no organisation. Ask somebody to invite you.")
    return _signed_in(found)


@routes.post("/refresh")
@operation("Get new tokens for a refresh token", TAG, body=RefreshToken, answer=SignedIn)
def refresh(body: RefreshToken) -> SignedIn:
    with parts().database.transaction() as session:
        refreshed = queries.refresh(session, body.refresh_token, parts().now())
    if refreshed.tokens is not None and refreshed.person is not None:
        return _answer(refreshed.tokens, refreshed.person)
    count_address()
    if refreshed.reused_by is not None:
        _, tenant_id = refreshed.reused_by
        record(SecurityEvent.REFRESH_TOKEN_REUSED, tenant_id=tenant_id, of=refreshed.reused_by[0])
    raise NotSignedIn("This refresh token was used already or has expired. Sign in again.")


@routes.post("/logout")
@operation("End a sign-in", TAG, body=RefreshToken)
def logout(body: RefreshToken) -> None:
    """Its access token ends at once, too."""
    with parts().database.transaction() as session:
        ended = queries.remove_by_token(session, body.refresh_token)
    if not ended:
        count_address()
        raise NotSignedIn(REFUSED)


def _require_second_factor(person: Person, code: str) -> None:
    """Raises NotSignedIn: it is missing or wrong; TooManyRequests."""
    with parts().database.transaction() as session:
        is_asked = has_second_factor(session, person.person_id)
    if is_asked and not code:
        raise NotSignedIn("This account asks for a code, too.", code_needed=True)
    if is_asked and not is_code_right(person, code):
        raise NotSignedIn(WRONG_CODE)


def _signed_in(person: Person) -> SignedIn:
    lifetime = timedelta(days=parts().settings.session_days)
    with parts().database.transaction() as session:
        tokens = queries.add_api_session(session, person, parts().now(), lifetime)
    record(SecurityEvent.SIGNED_IN, person=person, method="api")
    return _answer(tokens, person)


def _answer(tokens: Tokens, person: Person) -> SignedIn:
    return SignedIn(
        access_token=tokens.access,
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=tokens.refresh,
        me=me_of(person),
    )


def _new_owner(*, email: str, name: str, password_hash: str) -> Person:
    with parts().database.transaction() as session:
        try:
            return add_owner(
                session, email=email, name=name, password_hash=password_hash, now=parts().now()
            )
        except OwnerExists as error:
            raise NotAllowed(error.message) from None


def _has_owner() -> bool:
    with parts().database.transaction() as session:
        return has_owner(session)
