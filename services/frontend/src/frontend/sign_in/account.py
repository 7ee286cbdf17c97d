"""The account page: who you are here, how you sign in, and where you are signed in."""

from dataclasses import dataclass
from datetime import datetime

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import update

from frontend.accounts.email_address import normalised, problem_with_account
from frontend.accounts.models import PersonRow
from frontend.accounts.passwords import MAX_CHARACTERS, problem_with
from frontend.accounts.queries import Person, update_password_hash
from frontend.accounts.security_events import SecurityEvent, record
from frontend.api_sessions.queries import list_api_sessions, remove_api_session
from frontend.parts import parts
from frontend.rights import ANY_ACCOUNT, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.entering import AFTER_CONNECTING, IDENTITY, connect_to, identity_shown
from frontend.sign_in.identities import list_identities, remove_identity
from frontend.sign_in.mail_links import forget_mail_links
from frontend.sign_in.mails import mail_new_address, mail_verification, tell
from frontend.sign_in.models import SessionRow
from frontend.sign_in.refused_input import note_fields
from frontend.sign_in.registration import NO_MAIL
from frontend.sign_in.second_factors import has_second_factor, recovery_codes_left
from frontend.sign_in.session_rows import list_sessions
from frontend.sign_in.sessions import (
    end_one_session,
    end_session,
    end_sessions_of,
    is_fresh,
    own_session_hash,
    renew_freshness,
    required_person,
)
from frontend.sign_in.user_agents import device_of
from frontend.sign_in.with_provider import send_there
from shared.errors import NotFound, TooManyRequests

WRONG_PASSWORD = "That is not your password."  # noqa: S105 - words for people
LAST_WAY_IN = (
    "Set a password first, or connect another sign-in: this one is the only way into your account."
)
SIGN_IN_AGAIN = "To change this, sign out and sign in again: it is a while since you signed in."

routes = Routes("account", rule=ANY_ACCOUNT)


@dataclass(frozen=True, slots=True)
class ShownSession:
    """A session as its person sees it."""

    session_hash: str
    device: str
    method: str
    address: str
    began_at: datetime
    last_seen_at: datetime
    is_this: bool


@routes.get("/account")
def show() -> ResponseReturnValue:
    return _page()


@routes.post("/account/name")
def change_name() -> ResponseReturnValue:
    person = required_person()
    name = " ".join(request.form.get("name", "").split())
    if problem := problem_with_account(person.email, name):
        note_fields(name=name)
        return _page(problem, "name")
    with parts().database.transaction() as transaction:
        transaction.execute(
            update(PersonRow).where(PersonRow.person_id == person.person_id).values(name=name)
        )
    return _back("Your name is changed.")


@routes.post("/account/address/verify")
def verify_address() -> ResponseReturnValue:
    person = required_person()
    if not parts().mailer.is_ready:
        return _page(NO_MAIL, "address")
    mail_verification(person.person_id, person.email)
    return _back(f"A mail is on its way to {person.email}. Open its link within a day.")


@routes.post("/account/address")
def change_address() -> ResponseReturnValue:
    person = required_person()
    email = normalised(request.form.get("email", ""))
    problem = (
        problem_with_account(email, person.name)
        or (None if parts().mailer.is_ready else NO_MAIL)
        or problem_with_proof(person)
    )
    if problem is not None:
        note_fields(email=email)
        return _page(problem, "address", email=email)
    if email != person.email:
        mail_new_address(person.person_id, email)
    return _back(f"A mail is on its way to {email}. Your address changes when you open its link.")


@routes.post("/account/password")
def change_password() -> ResponseReturnValue:
    """Ends the other sessions: whoever knew the old one must not stay."""
    person = required_person()
    new = request.form.get("new_password", "")
    problem = problem_with(new) or problem_with_proof(person, always_asked=True)
    if problem is not None:
        note_fields(password=new)
        return _page(problem, "password")
    password_hash = parts().passwords.hash(new)
    with parts().database.transaction() as transaction:
        update_password_hash(transaction, person.person_id, password_hash)
        forget_mail_links(transaction, person.person_id)
    end_sessions_of(person.person_id, but=own_session_hash())
    record(SecurityEvent.PASSWORD_CHANGED, person=person)
    tell(
        person.email, "Your password was changed", "Your password was changed on your account page."
    )
    return _back("Your password is changed, and you are signed out everywhere else.")


@routes.post("/account/sessions/<session_hash>/end")
def end_one(session_hash: str) -> ResponseReturnValue:
    person = required_person()
    if not session_hash.isalnum():  # The database takes no NUL, for one.
        raise NotFound("There is no such session.")
    if session_hash == own_session_hash():
        end_session()
        return redirect(url_for("sign_in.sign_in"))
    if not end_one_session(session_hash, person.person_id):
        raise NotFound("There is no such session.")
    record(SecurityEvent.SESSIONS_ENDED, person=person, reason="person", number="1")
    return _back("That session is ended.")


@routes.post("/account/programs/<hex:session_id>/end")
def end_program(session_id: str) -> ResponseReturnValue:
    person, now = required_person(), parts().now()
    with parts().database.transaction() as transaction:
        own = list_api_sessions(transaction, person.person_id, now)
        if session_id not in {row.session_id for row in own}:
            raise NotFound("There is no such program.")
        remove_api_session(transaction, session_id)
    record(SecurityEvent.SESSIONS_ENDED, person=person, reason="person", number="1")
    return _back("That program is signed out.")


@routes.post("/account/sessions/end")
def end_all() -> ResponseReturnValue:
    """Everywhere, here too."""
    person = required_person()
    number = end_sessions_of(person.person_id, but=own_session_hash())
    end_session()
    record(SecurityEvent.SESSIONS_ENDED, person=person, reason="person", number=str(number + 1))
    return redirect(url_for("sign_in.sign_in"))


@routes.get("/account/connect/<name>")
def leave_to_connect(name: str) -> ResponseReturnValue:
    """Nothing is connected by this: what comes back is shown, and asked about."""
    person = required_person()
    count_address()
    return send_there(name, url_for("account.show"), connecting=person.person_id)


@routes.get("/account/connect")
def ask_connect() -> ResponseReturnValue:
    return _connect_page()


@routes.post("/account/connect")
def answer_connect() -> ResponseReturnValue:
    person, identity = required_person(), identity_shown()
    is_wanted = request.form.get("answer") == "yes"
    if identity is not None and is_wanted and (problem := problem_with_proof(person)):
        return _connect_page(problem)
    session.pop(IDENTITY, None)
    after = session.pop(AFTER_CONNECTING, None)
    if identity is None or not is_wanted:
        return redirect(after or url_for("account.show"))
    connect_to(person, identity)
    said = f"You can sign in with {parts().providers.label(identity.provider)} from now on."
    tell(person.email, "A sign-in was connected", said)
    return redirect(after) if after else _back(said)


@routes.post("/account/identities/remove")
def disconnect() -> ResponseReturnValue:
    person = required_person()
    issuer, subject = request.form.get("issuer", ""), request.form.get("subject", "")
    with parts().database.transaction() as transaction:
        row = transaction.get_one(PersonRow, person.person_id)
        identities = list_identities(transaction, person.person_id)
    if (issuer, subject) not in {(one.issuer, one.subject) for one in identities}:
        raise NotFound("There is no such sign-in.")
    is_last = row.password_hash is None and len(identities) < 2
    if problem := LAST_WAY_IN if is_last else problem_with_proof(person):
        return _page(problem, "identities")
    with parts().database.transaction() as transaction:
        remove_identity(transaction, issuer, subject, person.person_id)
    record(SecurityEvent.IDENTITY_REMOVED, person=person, issuer=issuer)
    return _back("That sign-in is no longer connected.")


def problem_with_proof(person: Person, *, always_asked: bool = False) -> str | None:
    """Why it is not sure that the person themselves is at the keyboard; None when it is.

    They have signed in a moment ago, or the form has their password. `always_asked`: whoever has a password gives it.
    """
    with parts().database.transaction() as transaction:
        password_hash = transaction.get_one(PersonRow, person.person_id).password_hash
    if is_fresh() and not (always_asked and password_hash):
        return None
    if password_hash is None:
        return SIGN_IN_AGAIN
    try:
        parts().password_attempts.check(person.email)
    except TooManyRequests as error:
        return error.message
    given = request.form.get("password", "")[: MAX_CHARACTERS + 1]
    if not parts().passwords.check(given, password_hash)[0]:
        parts().password_attempts.failed(person.email)
        return WRONG_PASSWORD
    parts().password_attempts.succeeded(person.email)
    renew_freshness()
    return None


def asks_password(person: Person) -> bool:
    """Whether forms must have a field for it now (`problem_with_proof`)."""
    with parts().database.transaction() as transaction:
        return (
            not is_fresh()
            and transaction.get_one(PersonRow, person.person_id).password_hash is not None
        )


def _connect_page(problem: str | None = None) -> ResponseReturnValue:
    person, identity = required_person(), identity_shown()
    if identity is None:
        return redirect(url_for("account.show"))
    page = render_template(
        "account_connect.html",
        person=person,
        identity=identity,
        label=parts().providers.label(identity.provider),
        problem=problem,
        asks_password=asks_password(person),
    )
    return page, 422 if problem else 200


def _page(problem: str | None = None, section: str = "", email: str = "") -> ResponseReturnValue:
    person, now = required_person(), parts().now()
    with parts().database.transaction() as transaction:
        row = transaction.get_one(PersonRow, person.person_id)
        identities = list_identities(transaction, person.person_id)
        sessions = list_sessions(transaction, person.person_id, now)
        programs = list_api_sessions(transaction, person.person_id, now)
        has_code = has_second_factor(transaction, person.person_id)
        codes_left = recovery_codes_left(transaction, person.person_id)
    connected = {identity.provider for identity in identities}
    page = render_template(
        "account.html",
        person=person,
        is_verified=row.is_verified,
        has_password=row.password_hash is not None,
        asks_password=asks_password(person),
        mails=parts().mailer.is_ready,
        identities=[
            (identity, parts().providers.label(identity.provider)) for identity in identities
        ],
        connectable=[one for one in parts().providers if one.name not in connected],
        sessions=_shown(sessions),
        programs=programs,
        has_code=has_code,
        codes_left=codes_left,
        problem=problem,
        section=section,
        new_email=email,
        said=session.pop("said", None),
    )
    return page, 422 if problem else 200


def _shown(sessions: list[SessionRow]) -> list[ShownSession]:
    own = own_session_hash()
    shown = [
        ShownSession(
            session_hash=row.session_hash,
            device=device_of(row.user_agent),
            method=_method(row),
            address=row.address or "an unknown address",
            began_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_this=row.session_hash == own,
        )
        for row in sessions
    ]
    return sorted(shown, key=lambda one: not one.is_this)


def _method(row: SessionRow) -> str:
    by_us = {
        "password": "by password",
        "link": "by a link",
        "mail": "by a mailed link",
        "invitation": "by an invitation",
    }
    return by_us.get(row.method) or f"with {parts().providers.label(row.method)}"


def _back(said: str) -> ResponseReturnValue:
    session["said"] = said
    return redirect(url_for("account.show"))
