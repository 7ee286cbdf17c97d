"""The mails about accounts.

All are written and sent beside the request, so that no answer tells who has an account by how long it takes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.sign_in.identities import Identity
from frontend.sign_in.mail_links import MailLink, Purpose, add_mail_link
from frontend.sign_in.newcomers import is_known
from shared.errors import TooManyRequests, Unavailable

log = structlog.get_logger()

Compose = Callable[[Session], tuple[str, str] | None]
"""Looks into the database and gives subject and text; None: there is nothing to say."""

NOT_YOU = "If that was not you, you need not do anything: nothing happens without the link."


def mail_registration(email: str, facts: Mapping[str, Any]) -> None:
    """A link that makes the account; to somebody who has one already, a word that somebody tried."""

    def compose(session: Session) -> tuple[str, str]:
        if is_known(session, email):
            return (
                "You have an account already",
                "Somebody, probably you, tried to make an account with this address. There is one already:\n"
                f"{_address('/sign-in')}\n\nForgot the password?\n{_address('/forgot')}\n",
            )
        link = _link(session, MailLink(Purpose.REGISTER, None, email, facts))
        return (
            "Confirm your address",
            f"Open this link within a day to make your account:\n{link}\n\n{NOT_YOU}\n",
        )

    _send_later(email, compose)


def mail_reset(email: str) -> None:
    """A link that sets a new password; nothing, where nobody has the address."""

    def compose(session: Session) -> tuple[str, str] | None:
        row = _active(session, email)
        if row is None:
            return None
        link = _link(session, MailLink(Purpose.RESET, row.person_id, email, {}))
        return (
            "Set a new password",
            f"Open this link within an hour to set a new password:\n{link}\n\n{NOT_YOU}\n",
        )

    _send_later(email, compose)


def mail_verification(person_id: str, email: str) -> None:
    """A link that shows that the address is theirs."""

    def compose(session: Session) -> tuple[str, str]:
        link = _link(session, MailLink(Purpose.VERIFY, person_id, email, {}))
        return "Confirm your address", f"Open this link within a day:\n{link}\n\n{NOT_YOU}\n"

    _send_later(email, compose)


def mail_new_address(person_id: str, email: str) -> None:
    """A link that makes this a person's address; where it is somebody else's, a word to them."""

    def compose(session: Session) -> tuple[str, str]:
        if is_known(session, email):
            return (
                "Your address stays yours",
                "Somebody tried to use this address for another account. It is yours, so nothing was changed.\n",
            )
        link = _link(session, MailLink(Purpose.ADDRESS, person_id, email, {}))
        return (
            "Confirm your new address",
            f"Open this link within a day to sign in with this address from now on:\n{link}\n\n{NOT_YOU}\n",
        )

    _send_later(email, compose)


def mail_connection(identity: Identity, label: str) -> None:
    """A link that connects a sign-in elsewhere to the account with this address; nothing, where nobody has it."""

    def compose(session: Session) -> tuple[str, str] | None:
        row = _active(session, identity.email)
        if row is None:
            return None
        shown = MailLink(Purpose.CONNECT, row.person_id, identity.email, identity.as_json())
        return (
            f"Sign in with {label}",
            f"Open this link within an hour, in the browser in which you began, to sign in with {label} from now on:\n"
            f"{_link(session, shown)}\n\nIf you did not begin this, do not open it.\n",
        )

    _send_later(identity.email, compose)


def tell(email: str, subject: str, text: str) -> None:
    """Say what happened to an account."""
    asked = f"{text}\n\nIf that was not you, set a new password and look at your sessions:\n{_address('/forgot')}\n"
    _send_later(email, lambda _: (subject, asked))


def _send_later(email: str, compose: Compose) -> None:
    if parts().mailer.is_ready:
        parts().run_later(lambda: _send(email, compose))


def _send(email: str, compose: Compose) -> None:
    try:
        parts().mail_limit.take(email)
        with parts().database.transaction() as transaction:
            composed = compose(transaction)
        if composed is not None:
            parts().mailer.send(email, *composed)
    except TooManyRequests:
        record(SecurityEvent.MAIL_HELD_BACK, email=email)
    except Unavailable:
        log.warning("account_mail_not_sent")


def _active(session: Session, email: str) -> PersonRow | None:
    return session.scalar(
        select(PersonRow).where(PersonRow.email == email, PersonRow.is_disabled.is_(False))
    )


def _link(session: Session, link: MailLink) -> str:
    return _address(f"/sign-in/mail/{add_mail_link(session, link, parts().now())}")


def _address(path: str) -> str:
    return f"{parts().settings.origin}{path}"
