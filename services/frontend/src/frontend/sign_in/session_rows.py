"""Every statement on sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from frontend.sign_in.models import SessionRow

SEEN_EVERY = timedelta(minutes=5)
MAX_USER_AGENT_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Origin:
    """How somebody signed in, and the provider's words for it where one did."""

    method: str
    issuer: str | None = None
    subject: str | None = None
    sid: str | None = None


def add_session(
    session: Session,
    *,
    session_hash: str,
    person_id: str,
    tenant_id: str,
    origin: Origin,
    address: str | None,
    user_agent: str,
    now: datetime,
    lifetime: timedelta,
) -> None:
    """Keep a new one, and forget the person's that are past their end."""
    session.execute(
        delete(SessionRow).where(SessionRow.person_id == person_id, SessionRow.ends_at < now)
    )
    session.add(
        SessionRow(
            session_hash=session_hash,
            person_id=person_id,
            tenant_id=tenant_id,
            created_at=now,
            last_seen_at=now,
            ends_at=now + lifetime,
            address=address,
            user_agent=user_agent[:MAX_USER_AGENT_CHARACTERS],
            method=origin.method,
            issuer=origin.issuer,
            subject=origin.subject,
            provider_sid=origin.sid,
        )
    )


def find_session(session: Session, session_hash: str, now: datetime) -> SessionRow | None:
    """None: ended, or past its end."""
    row = session.get(SessionRow, session_hash)
    return None if row is None or row.ends_at <= now else row


def list_good(session: Session, hashes: Iterable[str], now: datetime) -> set[str]:
    """Those of these that have not ended."""
    return set(
        session.scalars(
            select(SessionRow.session_hash).where(
                SessionRow.session_hash.in_(list(hashes)), SessionRow.ends_at > now
            )
        )
    )


def is_seen_long_ago(row: SessionRow, now: datetime) -> bool:
    return now - row.last_seen_at >= SEEN_EVERY


def note_seen(session: Session, session_hash: str, now: datetime) -> None:
    session.execute(
        update(SessionRow).where(SessionRow.session_hash == session_hash).values(last_seen_at=now)
    )


def list_sessions(session: Session, person_id: str, now: datetime) -> list[SessionRow]:
    """The latest seen first."""
    return list(
        session.scalars(
            select(SessionRow)
            .where(SessionRow.person_id == person_id, SessionRow.ends_at > now)
            .order_by(SessionRow.last_seen_at.desc(), SessionRow.session_hash)
        )
    )


def remove_session(session: Session, session_hash: str, person_id: str | None = None) -> list[str]:
    """One; of this person only, where one is named. Gives the hashes of what was removed."""
    which = SessionRow.session_hash == session_hash
    return _remove(
        session, which if person_id is None else which & (SessionRow.person_id == person_id)
    )


def remove_sessions_of(session: Session, person_id: str, but: str | None) -> list[str]:
    """All of a person, but for one hash."""
    which = SessionRow.person_id == person_id
    return _remove(session, which if but is None else which & (SessionRow.session_hash != but))


def remove_provider_sessions(
    session: Session, issuer: str, *, subject: str | None, sid: str | None
) -> list[str]:
    """Those that the provider's session began; without a `sid`, all of its subject. One of both is needed."""
    if subject is None and sid is None:
        raise ValueError("neither subject nor sid")
    which: ColumnElement[bool] = SessionRow.issuer == issuer
    if sid is not None:
        which &= SessionRow.provider_sid == sid
    if subject is not None:
        which &= SessionRow.subject == subject
    return _remove(session, which)


def _remove(session: Session, which: ColumnElement[bool]) -> list[str]:
    removed = session.execute(delete(SessionRow).where(which).returning(SessionRow.session_hash))
    return list(removed.scalars())
