"""Every statement on sign-ins without a browser.

A token names its session, so that a refresh token that was used before is known for what it is: copied. RFC 9700,
section 4.14.2, has the session end then, because nobody can tell which of the two is the thief.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from frontend.accounts.queries import Person, find_person
from frontend.api_sessions.models import ApiSessionRow

ACCESS_LIFETIME = timedelta(minutes=10)
ACCESS, REFRESH = "swa", "swr"
"""Marks of the two kinds, so that neither is taken for the other, and logs can leave them out."""

_TOKEN = re.compile(r"(swa|swr)_([0-9a-f]{32})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client is given, and nothing else has."""

    access: str
    refresh: str


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of a refresh token."""

    tokens: Tokens | None
    """None: it is not, or no longer, good for anything."""
    person: Person | None = None
    reused_by: tuple[str, str] | None = None
    """Whose session has just been ended because the token was used before: person and tenant."""


def add_api_session(session: Session, person: Person, now: datetime, lifetime: timedelta) -> Tokens:
    session.execute(delete(ApiSessionRow).where(ApiSessionRow.expires_at <= now))
    session_id = uuid.uuid4().hex
    tokens = _new_tokens(session_id)
    session.add(
        ApiSessionRow(
            session_id=session_id,
            person_id=person.person_id,
            tenant_id=person.tenant_id,
            access_hash=_hash(tokens.access),
            access_expires_at=now + ACCESS_LIFETIME,
            refresh_hash=_hash(tokens.refresh),
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    session.flush()
    return tokens


def person_of_access(session: Session, token: str, now: datetime) -> tuple[Person, str] | None:
    """Who signed in, in the tenant they are in, and the session's id. None: the token is not good (any more)."""
    session_id = _session_of(token, ACCESS)
    row = session.get(ApiSessionRow, session_id) if session_id else None
    if row is None or not hmac.compare_digest(row.access_hash, _hash(token)):
        return None
    if now >= min(row.access_expires_at, row.expires_at):
        return None
    person = _person(session, row.person_id, row.tenant_id)
    return None if person is None else (person, row.session_id)


def refresh(session: Session, token: str, now: datetime) -> Refreshed:
    """Give new tokens for a refresh token, which is used up; the access token from before ends, too."""
    session_id = _session_of(token, REFRESH)
    if session_id is None:
        return Refreshed(None)
    tokens = _new_tokens(session_id)
    found = session.execute(
        update(ApiSessionRow)
        .where(
            ApiSessionRow.session_id == session_id,
            ApiSessionRow.refresh_hash == _hash(token),
            ApiSessionRow.expires_at > now,
        )
        .values(
            access_hash=_hash(tokens.access),
            access_expires_at=now + ACCESS_LIFETIME,
            refresh_hash=_hash(tokens.refresh),
        )
        .returning(ApiSessionRow.person_id, ApiSessionRow.tenant_id)
    ).one_or_none()
    if found is None:
        return Refreshed(None, reused_by=_end_reused(session, session_id, now))
    person = _person(session, found[0], found[1])
    if person is None:
        remove_api_session(session, session_id)
        return Refreshed(None)
    return Refreshed(tokens, person)


def set_tenant(session: Session, session_id: str, tenant_id: str) -> None:
    session.execute(
        update(ApiSessionRow)
        .where(ApiSessionRow.session_id == session_id)
        .values(tenant_id=tenant_id)
    )


def remove_api_session(session: Session, session_id: str) -> None:
    session.execute(delete(ApiSessionRow).where(ApiSessionRow.session_id == session_id))


def list_api_sessions(session: Session, person_id: str, now: datetime) -> list[ApiSessionRow]:
    """That a person's programs can still use, the newest first."""
    return list(
        session.scalars(
            select(ApiSessionRow)
            .where(ApiSessionRow.person_id == person_id, ApiSessionRow.expires_at > now)
            .order_by(ApiSessionRow.created_at.desc(), ApiSessionRow.session_id)
        )
    )


def remove_by_token(session: Session, token: str) -> bool:
    """End the session that a token, of either kind, is good for."""
    session_id = _session_of(token, ACCESS) or _session_of(token, REFRESH)
    hashed = _hash(token)
    removed = session.scalar(
        delete(ApiSessionRow)
        .where(
            ApiSessionRow.session_id == session_id,
            (ApiSessionRow.access_hash == hashed) | (ApiSessionRow.refresh_hash == hashed),
        )
        .returning(ApiSessionRow.session_id)
    )
    return removed is not None


def remove_api_sessions(session: Session, person_id: str, tenant_id: str | None = None) -> None:
    """All of somebody's, or those in one tenant."""
    query = delete(ApiSessionRow).where(ApiSessionRow.person_id == person_id)
    if tenant_id is not None:
        query = query.where(ApiSessionRow.tenant_id == tenant_id)
    session.execute(query)


def _person(session: Session, person_id: str, tenant_id: str) -> Person | None:
    """In that very tenant: a program must not find itself in another one than it was told."""
    person = find_person(session, person_id, tenant_id)
    return person if person is not None and person.tenant_id == tenant_id else None


def _end_reused(session: Session, session_id: str, now: datetime) -> tuple[str, str] | None:
    """Only somebody who had one of its tokens knows the id of a session. One that is past its end tells of no copy."""
    ended = session.execute(
        delete(ApiSessionRow)
        .where(ApiSessionRow.session_id == session_id, ApiSessionRow.expires_at > now)
        .returning(ApiSessionRow.person_id, ApiSessionRow.tenant_id)
    ).one_or_none()
    return None if ended is None else (ended[0], ended[1])


def _new_tokens(session_id: str) -> Tokens:
    access, refreshing = (
        f"{kind}_{session_id}_{secrets.token_hex(32)}" for kind in (ACCESS, REFRESH)
    )
    return Tokens(access, refreshing)


def _session_of(token: str, kind: str) -> str | None:
    match = _TOKEN.fullmatch(token)
    return match[2] if match and match[1] == kind else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
