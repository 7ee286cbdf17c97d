"""Signing in with a provider: there, back, and what becomes of people it brings whom nobody knows here."""

from flask import redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.accounts.email_address import domain_of
from frontend.accounts.models import PersonRow
from frontend.accounts.queries import EmailTaken, has_owner
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.entering import (
    AFTER_CONNECTING,
    IDENTITY,
    Entry,
    enter,
    identity_shown,
    safe_next,
)
from frontend.sign_in.identities import Identity, connect, find_identity
from frontend.sign_in.mails import mail_connection
from frontend.sign_in.models import IdentityRow
from frontend.sign_in.newcomers import add_newcomer, is_known, place_for
from frontend.sign_in.provider_config import Provider
from frontend.sign_in.providers import SignInFailed
from frontend.sign_in.sessions import signed_in_person

LEFT_FOR = "left_for"
CONNECTING = "connecting"
INVITATIONS = "/invitation/"
"""Where the pages of invitations are. They ask people whom nobody knows whether to make an account."""
SIGNED_OUT_MEANWHILE = (
    "You were signed out meanwhile. Sign in, and connect it again on your account page."
)
OWNER_FIRST = "Nobody owns this installation yet. Create the owner account first."

routes = Routes("with_provider", rule=ANYBODY)


@routes.get("/sign-in/with/<name>")
def leave(name: str) -> ResponseReturnValue:
    if signed_in_person() is not None:
        return redirect(safe_next())
    count_address()
    with parts().database.transaction() as transaction:
        if not has_owner(transaction):
            return _note(OWNER_FIRST, 403)
    return send_there(name, safe_next())


@routes.get("/sign-in/from/<name>")
def come_back(name: str) -> ResponseReturnValue:
    """With a code, or with the provider's no."""
    upstream = parts().providers.get(name)
    count_address()
    target = str(session.pop(LEFT_FOR, "/"))
    connecting = session.pop(CONNECTING, None)
    try:
        identity = upstream.identity()
    except SignInFailed as error:
        record(SecurityEvent.PROVIDER_REFUSED, provider=name, why=error.why)
        return _note(error.message, error.status)
    if connecting is not None:
        person = signed_in_person()
        if person is None or person.person_id != connecting:
            return _note(SIGNED_OUT_MEANWHILE, 401)
        session[IDENTITY] = identity.as_json()
        session.pop(AFTER_CONNECTING, None)
        return redirect(url_for("account.ask_connect"))
    return _arrive(identity, upstream.config, target)


@routes.get("/sign-in/unknown")
def unknown() -> ResponseReturnValue:
    """Says the same whether or not somebody has an account with the address that was told."""
    identity = identity_shown()
    if identity is None:
        return redirect(url_for("sign_in.sign_in"))
    return render_template(
        "sign_in_unknown.html",
        identity=identity,
        label=parts().providers.label(identity.provider),
        mails=bool(identity.email) and parts().mailer.is_ready,
        next=safe_next(),
    )


@routes.post("/sign-in/unknown")
def mail_proof() -> ResponseReturnValue:
    """Mail a link to whoever has the account with the address that the provider told."""
    identity = identity_shown()
    if identity is None or not identity.email or not parts().mailer.is_ready:
        return redirect(url_for("sign_in.sign_in"))
    count_address()
    mail_connection(identity, parts().providers.label(identity.provider))
    text = (
        f"If somebody has an account with {identity.email}, a mail is on its way there. "
        "Open its link in this browser within an hour."
    )
    return render_template("sign_in_note.html", title="Look into your mail", text=text)


def send_there(name: str, target: str, connecting: str | None = None) -> ResponseReturnValue:
    """Off to the provider. `connecting` is the person whose sign-in this is to become."""
    upstream = parts().providers.get(name)
    session[LEFT_FOR] = target
    session[CONNECTING] = connecting
    try:
        return upstream.send_there(f"{parts().settings.origin}/sign-in/from/{name}")
    except SignInFailed as error:
        record(SecurityEvent.PROVIDER_REFUSED, provider=name, why=error.why)
        return _note(error.message, error.status)


def _arrive(identity: Identity, config: Provider, target: str) -> ResponseReturnValue:
    with parts().database.transaction() as transaction:
        person_id = find_identity(transaction, identity)
        trusted_id = None if person_id else _person_by_trust(transaction, identity, config)
    is_invited = target.startswith(INVITATIONS)
    if person_id is None and trusted_id is None and not is_invited:
        person_id = _newcomer(identity, config)
    if person_id is not None:
        return enter(Entry(person_id, target, identity.origin))
    if trusted_id is not None:
        return enter(Entry(trusted_id, target, identity.origin, connects=identity))
    if is_invited:
        session[IDENTITY] = identity.as_json()
        return redirect(target)
    record(SecurityEvent.PROVIDER_REFUSED, provider=identity.provider, why="unknown")
    session[IDENTITY] = identity.as_json()
    return redirect(url_for("with_provider.unknown", next=target))


def _person_by_trust(session: Session, identity: Identity, config: Provider) -> str | None:
    """Whose address it is, where the settings take this provider's word for the domain, and both sides checked it.

    An account whose own address was never shown to reach anybody may have been made by somebody else. One that has
    another sign-in there already is of somebody who had the address before: providers give addresses to others again.
    """
    if not identity.is_verified or domain_of(identity.email) not in config.trusted_domains:
        return None
    return session.scalar(
        select(PersonRow.person_id).where(
            PersonRow.email == identity.email,
            PersonRow.is_verified.is_(True),
            PersonRow.is_disabled.is_(False),
            ~exists().where(
                IdentityRow.person_id == PersonRow.person_id,
                IdentityRow.issuer == identity.issuer,
            ),
        )
    )


def _newcomer(identity: Identity, config: Provider) -> str | None:
    """A new account, where the settings let this provider bring people. None: they do not, or the address is taken."""
    domains = config.newcomer_domains
    if not identity.is_verified or (domains and domain_of(identity.email) not in domains):
        return None
    try:
        with parts().database.transaction() as transaction:
            place = place_for(transaction, config.newcomers, config.newcomer_role)
            if place is None or is_known(transaction, identity.email):
                return None
            person = add_newcomer(
                transaction,
                place,
                email=identity.email,
                name=identity.name or identity.email.partition("@")[0],
                password_hash=None,
                now=parts().now(),
            )
            connect(transaction, identity, person.person_id, parts().now())
    except (EmailTaken, IntegrityError):  # by another request at the same time
        return None
    record(SecurityEvent.REGISTERED, person=person, provider=identity.provider)
    return person.person_id


def _note(problem: str, status: int) -> ResponseReturnValue:
    title = "That did not work"
    return render_template("sign_in_note.html", title=title, problem=problem), status
