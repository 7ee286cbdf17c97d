"""The page of API keys."""

from datetime import timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue

from frontend.api_keys import acts
from frontend.api_keys.queries import MAX_LIFETIME_DAYS, ApiKey, KeyWish, list_keys
from frontend.api_keys.scopes import KEY_SCOPES, OWN_SCOPES
from frontend.page_forms import done, number_field, role_field, text_field
from frontend.parts import parts
from frontend.rights import ADMINS, Routes
from frontend.sign_in.sessions import required_person
from frontend.tenants.rules import manageable_by
from shared.errors import Conflict, InvalidInput, NotAllowed

PAGE = "/admin/keys"
MAX_SCOPES = 60

routes = Routes("api_keys", rule=ADMINS)


@routes.get(PAGE)
def show() -> ResponseReturnValue:
    return _page()


@routes.post(PAGE)
def make() -> ResponseReturnValue:
    """Answers with the page itself and no redirect: the key is shown there, and kept nowhere."""
    try:
        made, key = acts.make_key(required_person(), _wish())
    except (InvalidInput, NotAllowed, Conflict) as error:
        return _page(problem=error.message), error.status
    return _page(made=made, key=key), 201


@routes.post("/admin/keys/<hex:key_id>/revocation")
def revoke(key_id: str) -> ResponseReturnValue:
    actor = required_person()
    return done(PAGE, lambda: acts.revoke_key(actor, key_id), "The key is refused from now on.")


def _wish() -> KeyWish:
    """Raises InvalidInput."""
    lifetime = None
    if text_field("days"):
        words = f"A key is good for 1 to {MAX_LIFETIME_DAYS} days, or without end."
        days = number_field("days", at_least=1, at_most=MAX_LIFETIME_DAYS, words=words)
        lifetime = timedelta(days=days)
    scopes = tuple(request.form.getlist("scope")[:MAX_SCOPES])
    return KeyWish(text_field("name"), role_field(), scopes, lifetime)


def _page(*, problem: str | None = None, made: ApiKey | None = None, key: str | None = None) -> str:
    person = required_person()
    with parts().database.transaction() as session:
        keys = list_keys(session, person.tenant_id)
    return render_template(
        "keys.html",
        person=person,
        keys=keys,
        now=parts().now(),
        own_scopes=OWN_SCOPES,
        tool_scopes={name: words for name, words in KEY_SCOPES.items() if name not in OWN_SCOPES},
        roles=manageable_by(person.role),
        problem=problem,
        made=made,
        key=key,
    )
