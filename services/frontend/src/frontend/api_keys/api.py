"""`/api/keys` for administrators, and `/api/token` for the keys themselves."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from frontend.accounts.roles import Role
from frontend.api_keys import acts
from frontend.api_keys.queries import MAX_LIFETIME_DAYS, ApiKey, KeyWish, list_keys
from frontend.api_keys.scopes import PATTERN as SCOPE_PATTERN
from frontend.api_keys.tokens import LIFETIME_S, token_for
from frontend.json_api import Answer, Body, Line, ListPage, operation
from frontend.parts import parts
from frontend.rights import ADMINS, ANY_KEY, Routes, open_to
from frontend.sign_in.sessions import required_person
from shared.errors import NotAllowed

TAG = "Keys"

routes = Routes("api_keys_api", rule=ADMINS, url_prefix="/api")

Scope = Annotated[str, Field(max_length=100, json_schema_extra={"pattern": SCOPE_PATTERN})]
"""The pattern is for readers: `acts.make_key` says in words what is wrong with another."""


class KeyWishBody(Body):
    """A key that a program shall have."""

    name: Annotated[Line, Field(min_length=1, max_length=acts.MAX_NAME_CHARACTERS)]
    role: Role = Role.MEMBER
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)]
    lifetime_days: Annotated[int, Field(ge=1, le=MAX_LIFETIME_DAYS)] | None = 90
    """None: it does not expire."""


class KeyAnswer(Answer):
    """A key as it is listed."""

    key_id: str
    prefix: str
    """What the key begins with, after `stw_`."""
    name: str
    role: Role
    scopes: list[str]
    made_by: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """A few minutes behind at most."""
    revoked_at: datetime | None


class MadeKey(Answer):
    """A key, shown now and never again."""

    key: str
    facts: KeyAnswer


class TokenWish(Body):
    """For whom a token shall be."""

    audience: Annotated[Line, Field(min_length=1)]
    """`orchestrator`, or the address of one of our tool servers."""
    scope: Annotated[str, Field(pattern=r"^[a-z0-9_: ]*$", max_length=1_000)] = ""
    """Separated by spaces. Empty: all that the key has and the audience knows."""


class TokenAnswer(Answer):
    """A token for one audience."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - its kind (RFC 6750)
    expires_in: int
    scope: str


@routes.get("/keys")
@operation("The keys of the organisation, newest first", TAG, answer=ListPage[KeyAnswer])
def read_keys() -> ListPage[KeyAnswer]:
    with parts().database.transaction() as session:
        found = list_keys(session, required_person().tenant_id)
    items = [_answer(key) for key in found]
    return ListPage[KeyAnswer](items=items, page=1, limit=len(items), total=len(items))


@routes.post("/keys")
@operation("Make a key", TAG, body=KeyWishBody, answer=MadeKey, status=201)
def make_key(body: KeyWishBody) -> MadeKey:
    lifetime = None if body.lifetime_days is None else timedelta(days=body.lifetime_days)
    wish = KeyWish(" ".join(body.name.split()), body.role, tuple(body.scopes), lifetime)
    made, key = acts.make_key(required_person(), wish)
    return MadeKey(key=key, facts=_answer(made))


@routes.delete("/keys/<hex:key_id>")
@operation("Revoke a key, at once", TAG)
def revoke_key(key_id: str) -> None:
    acts.revoke_key(required_person(), key_id)


@routes.post("/token")
@open_to(ANY_KEY)
@operation(
    "Get a token for the orchestrator or a tool server", TAG, body=TokenWish, answer=TokenAnswer
)
def make_token(body: TokenWish) -> TokenAnswer:
    """For keys only: people's programs sign in at the authorization server."""
    key = required_person()
    if key.scopes is None:
        raise NotAllowed("Only an API key can get a token here.")
    token, scope = token_for(key, body.audience, body.scope)
    return TokenAnswer(access_token=token, expires_in=LIFETIME_S, scope=scope)


def _answer(key: ApiKey) -> KeyAnswer:
    return KeyAnswer(
        key_id=key.key_id,
        prefix=key.prefix,
        name=key.name,
        role=key.role,
        scopes=key.scopes,
        made_by=key.made_by_name,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
