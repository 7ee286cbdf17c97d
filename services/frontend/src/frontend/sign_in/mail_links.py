"""One-time links that are mailed: what each will do, once, within a time."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from frontend.sign_in.models import MailLinkRow


class Purpose(StrEnum):
    """What opening it will do."""

    REGISTER = "register"
    VERIFY = "verify"
    RESET = "reset"
    ADDRESS = "address"
    CONNECT = "connect"


LIFETIMES = {
    Purpose.REGISTER: timedelta(hours=24),
    Purpose.VERIFY: timedelta(hours=24),
    Purpose.RESET: timedelta(hours=1),
    Purpose.ADDRESS: timedelta(hours=24),
    Purpose.CONNECT: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class MailLink:
    """A link that is good."""

    purpose: Purpose
    person_id: str | None
    email: str
    facts: Mapping[str, Any]


def add_mail_link(session: Session, link: MailLink, now: datetime) -> str:
    """A new link's token; older ones for the same purpose and address stop working."""
    session.execute(delete(MailLinkRow).where(MailLinkRow.expires_at < now))
    session.execute(
        delete(MailLinkRow).where(
            MailLinkRow.purpose == link.purpose, MailLinkRow.email == link.email
        )
    )
    token = secrets.token_urlsafe(32)
    session.add(
        MailLinkRow(
            token_hash=_hash(token),
            purpose=link.purpose,
            person_id=link.person_id,
            email=link.email,
            facts=dict(link.facts),
            expires_at=now + LIFETIMES[link.purpose],
        )
    )
    return token


def find_mail_link(session: Session, token: str, now: datetime) -> MailLink | None:
    """Look without using it up."""
    row = session.get(MailLinkRow, _hash(token))
    return None if row is None or row.expires_at <= now else _as_link(row)


def use_mail_link(session: Session, token: str, now: datetime) -> MailLink | None:
    """Use it up. None: it is gone, or was never there."""
    used = session.execute(
        delete(MailLinkRow)
        .where(MailLinkRow.token_hash == _hash(token), MailLinkRow.expires_at > now)
        .returning(MailLinkRow)
    ).scalar_one_or_none()
    return None if used is None else _as_link(used)


def forget_mail_links(session: Session, person_id: str) -> None:
    """All that were mailed for a person: what they prove has changed."""
    session.execute(delete(MailLinkRow).where(MailLinkRow.person_id == person_id))


def _as_link(row: MailLinkRow) -> MailLink:
    return MailLink(Purpose(row.purpose), row.person_id, row.email, row.facts)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
