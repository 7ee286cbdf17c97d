"""The pages for the first account, for signing in by password or by an operator's link, and for signing out."""

import math

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.email_address import is_email_address, normalised, problem_with_account
from frontend.accounts.passwords import MAX_CHARACTERS, problem_with
from frontend.accounts.queries import (
    OwnerExists,
    Person,
    add_owner,
    find_by_email,
    find_person,
    has_owner,
    is_link_good,
    update_password_hash,
    use_link,
)
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.entering import Entry, enter, safe_next
from frontend.sign_in.newcomers import place_for
from frontend.sign_in.refused_input import note_fields
from frontend.sign_in.session_rows import Origin
from frontend.sign_in.sessions import end_session, signed_in_person
from shared.errors import TooManyRequests

WRONG = "The e-mail address or the password is wrong."
CLOSED = "The owner account exists already. Sign in, or ask the owner for an account."
LINK_GONE = (
    "This link was used already or has expired. Start Steward again for a new one, or sign in."
)
LINK_OWNER = ("owner@localhost", "Owner")

routes = Routes("sign_in", rule=ANYBODY)


@routes.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    if signed_in_person() is not None:
        return redirect(safe_next())
    if not _owner_exists():
        return redirect(url_for("sign_in.sign_up"))
    return _page()


@routes.post("/sign-in")
def submit_sign_in() -> ResponseReturnValue:
    email = normalised(request.form.get("email", ""))
    try:
        count_address()
        parts().password_attempts.check(email)
    except TooManyRequests as error:
        page = _page(email=email, error=error.message)
        return page, 429, {"Retry-After": str(math.ceil(error.retry_after_s))}
    found, is_right = checked_person(email, request.form.get("password", "")[: MAX_CHARACTERS + 1])
    if found is None or not is_right:
        parts().password_attempts.failed(email)
        record(SecurityEvent.SIGN_IN_REFUSED, person=found, email=email)
        return _page(email=email, error=WRONG), 401
    parts().password_attempts.succeeded(email)
    return enter(Entry(found.person_id, safe_next(), Origin("password")))


@routes.get("/sign-up")
def sign_up() -> ResponseReturnValue:
    if _owner_exists():
        return _page(error=CLOSED), 403
    return render_template("sign_up.html", email="", name="")


@routes.post("/sign-up")
def submit_sign_up() -> ResponseReturnValue:
    count_address()
    email = normalised(request.form.get("email", ""))
    name = " ".join(request.form.get("name", "").split())
    password = request.form.get("password", "")
    problem = problem_with_account(email, name) or problem_with(password)
    if problem is not None:
        note_fields(email=email, name=name, password=password)
        return render_template("sign_up.html", email=email, name=name, error=problem), 422
    if _owner_exists():  # known before the costly part; adding the owner checks again
        return _page(email=email, error=CLOSED), 409
    password_hash = parts().passwords.hash(password)
    try:
        with parts().database.transaction() as transaction:
            person = add_owner(
                transaction,
                email=email,
                name=name,
                password_hash=password_hash,
                now=parts().now(),
            )
    except OwnerExists:
        return _page(email=email, error=CLOSED), 409
    record(SecurityEvent.REGISTERED, person=person)
    return enter(Entry(person.person_id, "/", Origin("password")))


@routes.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    person = signed_in_person()
    end_session()
    if person is not None:
        record(SecurityEvent.SIGNED_OUT, person=person)
    return redirect(url_for("sign_in.sign_in"))


@routes.get("/sign-in/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Only shows a button: mail scanners and previews open links, too, and must not use them up."""
    with parts().database.transaction() as transaction:
        good = is_link_good(transaction, token, parts().now())
    return (
        render_template("sign_in_link.html", token=token, error=None if good else LINK_GONE),
        200 if good else 410,
    )


@routes.post("/sign-in/link/<token>")
def use_sign_in_link(token: str) -> ResponseReturnValue:
    count_address()
    person = _person_of_link(token)
    if person is None:
        return render_template("sign_in_link.html", token=token, error=LINK_GONE), 410
    return enter(Entry(person.person_id, "/", Origin("link")))


def _page(email: str = "", error: str | None = None) -> str:
    with parts().database.transaction() as transaction:
        registers = place_for(transaction, parts().settings.registration) is not None
    return render_template(
        "sign_in.html",
        email=email,
        error=error,
        next=safe_next(),
        providers=list(parts().providers),
        registers=registers and parts().mailer.is_ready,
        resets=parts().mailer.is_ready,
    )


def _person_of_link(token: str) -> Person | None:
    try:
        with parts().database.transaction() as transaction:
            good, person_id = use_link(transaction, token, parts().now())
            if not good:
                return None
            if person_id is not None:
                return find_person(transaction, person_id)
            email, name = LINK_OWNER
            return add_owner(
                transaction, email=email, name=name, password_hash=None, now=parts().now()
            )
    except OwnerExists:
        return None


def checked_person(email: str, password: str) -> tuple[Person | None, bool]:
    """Who has the address, and whether the password is theirs. Takes as long for nobody's."""
    found = None
    if is_email_address(email):
        with parts().database.transaction() as transaction:
            found = find_by_email(transaction, email)
    person, password_hash = found or (None, None)
    right, new_hash = parts().passwords.check(password, password_hash)
    if right and person is not None and new_hash is not None:
        with parts().database.transaction() as transaction:
            update_password_hash(transaction, person.person_id, new_hash)
    return person, right


def _owner_exists() -> bool:
    with parts().database.transaction() as transaction:
        return has_owner(transaction)
