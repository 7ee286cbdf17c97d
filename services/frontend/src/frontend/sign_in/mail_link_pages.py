"""What the links in our mails open. Looking at one only shows a button: mail scanners and previews open links, too."""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow
from frontend.accounts.passwords import problem_with
from frontend.accounts.queries import EmailTaken, Person, find_person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.oauth_server.queries import remove_agents_of
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.entering import Entry, enter, identity_shown
from frontend.sign_in.identities import Identity, remove_identities
from frontend.sign_in.mail_links import (
    MailLink,
    Purpose,
    find_mail_link,
    forget_mail_links,
    use_mail_link,
)
from frontend.sign_in.mails import tell
from frontend.sign_in.newcomers import Place, add_newcomer
from frontend.sign_in.refused_input import note_fields
from frontend.sign_in.session_rows import Origin
from frontend.sign_in.sessions import end_sessions_of, signed_in_person

GONE = "This link was used already or has expired. Ask for a new one."
OTHER_BROWSER = "Open this link in the browser in which you began. There it still works."
NOT_YOURS = (
    "You are signed in with another account than the one that asked for this. Sign out first."
)
SETS_PASSWORD = frozenset({Purpose.REGISTER, Purpose.RESET})
NEEDS_ACCOUNT = frozenset({Purpose.VERIFY, Purpose.ADDRESS})
"""Whoever reads the mail must be in the account, too. Else a stranger could give theirs somebody's address, wait until
that person confirms it, and share with them what is connected to the address later."""

TITLES = {
    Purpose.REGISTER: ("Create your account", "Create the account"),
    Purpose.VERIFY: ("Confirm your address", "Confirm"),
    Purpose.RESET: ("Set a new password", "Set the password"),
    Purpose.ADDRESS: ("Confirm your new address", "Confirm"),
    Purpose.CONNECT: ("Connect and sign in", "Connect and sign in"),
}

routes = Routes("mail_link", rule=ANYBODY)


@routes.get("/sign-in/mail/<token>")
def show(token: str) -> ResponseReturnValue:
    link = _look(token)
    if link is None:
        return _gone()
    return _sent_to_sign_in(link) or _page(token, link)


@routes.post("/sign-in/mail/<token>")
def use(token: str) -> ResponseReturnValue:
    count_address()
    link = _look(token)
    if link is None:
        return _gone()
    if away := _sent_to_sign_in(link):
        return away
    # Before it is used up, so that it can be tried again.
    if problem := _problem_with(link):
        note_fields(password=request.form.get("password", ""))
        return _page(token, link, problem)
    with parts().database.transaction() as transaction:
        used = use_mail_link(transaction, token, parts().now())
    return _gone() if used is None else _ACTS[used.purpose](used)


def _look(token: str) -> MailLink | None:
    with parts().database.transaction() as transaction:
        return find_mail_link(transaction, token, parts().now())


def _problem_with(link: MailLink) -> str | None:
    if link.purpose in SETS_PASSWORD:
        return problem_with(request.form.get("password", ""))
    if link.purpose in NEEDS_ACCOUNT:
        person = signed_in_person()
        return None if person is not None and person.person_id == link.person_id else NOT_YOURS
    if link.purpose == Purpose.CONNECT and identity_shown() != Identity(**link.facts):
        # Else a stranger who shows somebody's address elsewhere could mail them a link that lets the stranger in.
        return OTHER_BROWSER
    return None


def _sent_to_sign_in(link: MailLink) -> ResponseReturnValue | None:
    if link.purpose not in NEEDS_ACCOUNT or signed_in_person() is not None:
        return None
    return redirect(url_for("sign_in.sign_in", next=request.path))


def _register(link: MailLink) -> ResponseReturnValue:
    facts = link.facts
    password_hash = parts().passwords.hash(request.form["password"])
    try:
        with parts().database.transaction() as transaction:
            person = add_newcomer(
                transaction,
                Place(facts["role"], facts["tenant_id"]),
                email=link.email,
                name=facts["name"],
                password_hash=password_hash,
                now=parts().now(),
            )
    except (EmailTaken, IntegrityError):  # made meanwhile; or the tenant is gone
        return _gone()
    record(SecurityEvent.REGISTERED, person=person)
    return enter(Entry(person.person_id, "/", Origin("mail")))


def _verify(link: MailLink) -> ResponseReturnValue:
    with parts().database.transaction() as transaction:
        verified = transaction.execute(
            update(PersonRow)
            .where(PersonRow.person_id == link.person_id, PersonRow.email == link.email)
            .values(is_verified=True)
            .returning(PersonRow.person_id)
        ).one_or_none()
        person = _person(transaction, link)
    if verified is None:
        return _gone()
    record(SecurityEvent.ADDRESS_VERIFIED, person=person)
    return _done("Your address is confirmed", f"We know now that {link.email} reaches you.")


def _reset(link: MailLink) -> ResponseReturnValue:
    password_hash = parts().passwords.hash(request.form["password"])
    with parts().database.transaction() as transaction:
        person = _person(transaction, link)
        if person is None or person.email != link.email:
            return _gone()
        row = transaction.get_one(PersonRow, person.person_id)
        if not row.is_verified:
            # Whoever made the account has never shown that the address is theirs: it may have been somebody else, who
            # must not come back by what they left in it.
            remove_identities(transaction, person.person_id)
            remove_agents_of(transaction, person.person_id)
        row.password_hash = password_hash
        row.is_verified = True
        forget_mail_links(transaction, person.person_id)
    end_sessions_of(person.person_id)
    record(SecurityEvent.PASSWORD_RESET, person=person)
    tell(
        person.email,
        "Your password was changed",
        "Your password was set anew, and you were signed out everywhere.",
    )
    return _done(
        "Your password is set", "You were signed out everywhere. Sign in with the new one."
    )


def _address(link: MailLink) -> ResponseReturnValue:
    try:
        with parts().database.transaction() as transaction:
            person = _person(transaction, link)
            if person is None:
                return _gone()
            transaction.execute(
                update(PersonRow)
                .where(PersonRow.person_id == person.person_id)
                .values(email=link.email, is_verified=True)
            )
            forget_mail_links(transaction, person.person_id)
    except IntegrityError:  # somebody else's meanwhile
        return _gone()
    record(SecurityEvent.ADDRESS_CHANGED, person=person, before=person.email, after=link.email)
    tell(person.email, "Your address was changed", f"You sign in with {link.email} from now on.")
    return _done("Your address is changed", f"Sign in with {link.email} from now on.")


def _connect(link: MailLink) -> ResponseReturnValue:
    identity = identity_shown()
    if identity is None or link.person_id is None:
        return _gone()
    return enter(Entry(link.person_id, "/", identity.origin, connects=identity))


_ACTS: dict[Purpose, Callable[[MailLink], ResponseReturnValue]] = {
    Purpose.REGISTER: _register,
    Purpose.VERIFY: _verify,
    Purpose.RESET: _reset,
    Purpose.ADDRESS: _address,
    Purpose.CONNECT: _connect,
}


def _person(transaction: Session, link: MailLink) -> Person | None:
    return find_person(transaction, link.person_id) if link.person_id else None


def _page(token: str, link: MailLink, error: str | None = None) -> ResponseReturnValue:
    title, button = TITLES[link.purpose]
    page = render_template(
        "sign_in_mail_link.html",
        title=title,
        button=button,
        token=token,
        email=link.email,
        sets_password=link.purpose in SETS_PASSWORD,
        signs_out=link.purpose == Purpose.RESET,
        error=error,
    )
    return page, 422 if error else 200


def _gone() -> ResponseReturnValue:
    return render_template(
        "sign_in_note.html", title="This link is no longer good", problem=GONE
    ), 410


def _done(title: str, text: str) -> ResponseReturnValue:
    return render_template("sign_in_note.html", title=title, text=text)
