"""The page of an invitation: joining with the account one has, or making one.

Looking at it uses nothing up: mail scanners and previews open links, too.
"""

from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from frontend.accounts.email_address import normalised, problem_with_account
from frontend.accounts.passwords import problem_with
from frontend.accounts.queries import EmailTaken, Person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.page_forms import text_field
from frontend.parts import parts
from frontend.rights import ANY_ACCOUNT, ANYBODY, Routes, open_to
from frontend.sign_in.attempts import client_network
from frontend.sign_in.entering import identity_shown
from frontend.sign_in.identities import IdentityTaken
from frontend.sign_in.refused_input import note_fields
from frontend.sign_in.session_rows import Origin
from frontend.sign_in.sessions import (
    required_person,
    signed_in_person,
    start_session,
    switch_tenant,
)
from frontend.tenants import acts
from frontend.tenants.invitations import (
    GONE,
    InvitationGone,
    MeantForSomebodyElse,
    find_invitation,
    tenant_name,
)
from frontend.tenants.queries import AlreadyMember
from shared.errors import ExpectedError

HAS_ACCOUNT = "There is an account with this address already. Sign in with it, then join."

routes = Routes("invitations", rule=ANYBODY)


@routes.get("/invitation/<token>")
def show(token: str) -> ResponseReturnValue:
    return _page(token)


@routes.post("/invitation/<token>")
@open_to(ANY_ACCOUNT)
def join(token: str) -> ResponseReturnValue:
    """With the account that is signed in."""
    _count()
    person = required_person()
    try:
        joined = acts.join(token, person.person_id)
    except (InvitationGone, MeantForSomebodyElse, AlreadyMember) as error:
        return _refused(token, error, person)
    switch_tenant(joined)
    return redirect("/", 303)


@routes.post("/invitation/<token>/account")
def make_account(token: str) -> ResponseReturnValue:
    """And join with it. Its way in is a password, or the sign-in elsewhere that this browser has come back from."""
    _count()
    email, name = normalised(text_field("email")), text_field("name")
    password = request.form.get("password", "")
    typed = {"email": email, "name": name}
    identity = identity_shown() if "elsewhere" in request.form else None
    problem = problem_with_account(email, name)
    if identity is None:
        problem = problem or problem_with(password)
    if problem is not None:
        note_fields(email=email, name=name, password=password)
        return _page(token, problem=problem, status=422, **typed)
    if not _is_good(token):  # known before the costly part
        return _page(token)
    password_hash = None if identity else parts().passwords.hash(password)
    try:
        joined = acts.join_as_new(token, **typed, password_hash=password_hash, identity=identity)
    except EmailTaken:
        return _page(token, problem=HAS_ACCOUNT, status=409, **typed)
    except (InvitationGone, MeantForSomebodyElse, IdentityTaken) as error:
        return _refused(token, error, None, **typed)
    start_session(joined, identity.origin if identity else Origin("invitation"))
    return redirect("/", 303)


def _count() -> None:
    """Raises TooManyRequests when this address tries too often."""
    parts().invitation_limit.take(client_network())


def _refused(
    token: str, error: ExpectedError, person: Person | None, **typed: str
) -> ResponseReturnValue:
    if not isinstance(error, AlreadyMember):
        record(SecurityEvent.INVITATION_REFUSED, person=person, why=error.code)
    return _page(token, problem=error.message, status=error.status, **typed)


def _is_good(token: str) -> bool:
    with parts().database.transaction() as session:
        return find_invitation(session, token, parts().now()) is not None


def _page(
    token: str, *, problem: str | None = None, status: int = 200, **typed: str
) -> ResponseReturnValue:
    with parts().database.transaction() as session:
        invitation = find_invitation(session, token, parts().now())
        tenant = tenant_name(session, invitation) if invitation else None
    facts: dict[str, Any] = {"token": token, "person": signed_in_person(), **_ways_in(), **typed}
    if invitation is None:
        return render_template("invitation.html", invitation=None, problem=GONE, **facts), 410
    page = render_template(
        "invitation.html", invitation=invitation, tenant=tenant, problem=problem, **facts
    )
    return page, status


def _ways_in() -> dict[str, Any]:
    """How an account can be made: by password, or with the sign-in elsewhere that this browser has come back from."""
    identity = None if "password" in request.args else identity_shown()
    if identity is None:
        return {"providers": list(parts().providers)}
    return {
        "identity": identity,
        "label": parts().providers.label(identity.provider),
        "name": identity.name,
        "email": identity.email,
    }
