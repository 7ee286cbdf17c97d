"""Who is signed in: a session on the server, of which the browser holds only a random id.

Redis keeps what is in it; a row in the database says that it holds. Ending one deletes the row first, so that nothing
written late or restored can bring it back.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from flask import current_app, g, request, session
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface

from frontend.accounts.queries import Person, find_person
from frontend.api_sessions.queries import remove_api_sessions
from frontend.bearer import bearer, has_bearer
from frontend.parts import parts
from frontend.sign_in.session_rows import (
    Origin,
    add_session,
    find_session,
    is_seen_long_ago,
    note_seen,
    remove_provider_sessions,
    remove_session,
    remove_sessions_of,
)
from shared.errors import NotSignedIn

PERSON = "person_id"
TENANT = "tenant_id"
KEY = "session_key"
STARTED = "started_at_s"
CSRF = "csrf_token"
"""Where Flask-WTF keeps the secret of the session's forms."""
SESSION_MARK_CHARACTERS = 16
STORE_PREFIX = "session:"
WHERE_PREFIX = "session-where:"
"""Under it, by a session's hash: its id and key, by which it can be ended from elsewhere."""
VISITOR_SESSION = timedelta(hours=1)
"""How long a session is kept in which nobody signed in; it holds a form's CSRF secret only."""
FRESH = timedelta(minutes=15)
"""For so long after signing in nobody is asked again who they are."""


class SessionStore(RedisSessionInterface):
    """Keeps sessions in Redis. Each page makes one for its CSRF token: robots must not fill the memory with them."""

    def _upsert_session(
        self, session_lifetime: timedelta, session: ServerSideSession, store_id: str
    ) -> None:
        if PERSON not in session:
            session_lifetime = min(session_lifetime, VISITOR_SESSION)
        super()._upsert_session(session_lifetime, session, store_id)


def start_session(person: Person, origin: Origin) -> None:
    """Sign a person in under a new session id, so that an id known before is worth nothing (fixation)."""
    now = parts().now()
    lifetime = timedelta(days=parts().settings.session_days)
    key = secrets.token_urlsafe(16)
    begin_afresh(
        {PERSON: person.person_id, TENANT: person.tenant_id, KEY: key, STARTED: now.timestamp()}
    )
    with parts().database.transaction() as transaction:
        add_session(
            transaction,
            session_hash=hash_of_key(key),
            person_id=person.person_id,
            tenant_id=person.tenant_id,
            origin=origin,
            address=request.remote_addr,
            user_agent=request.user_agent.string,
            now=now,
            lifetime=lifetime,
        )
    where = json.dumps([_session_id(), key])
    parts().redis.set(WHERE_PREFIX + hash_of_key(key), where, ex=lifetime)
    g.pop("person", None)


def begin_afresh(content: dict[str, Any]) -> None:
    """Put this into the browser's session in place of everything else, under a new id. Whoever was signed in is out."""
    if KEY in session:
        end_session()
    session.clear()
    session.update(content)
    session.permanent = True
    # Last, because it passes over sessions that are empty.
    cast(Any, current_app.session_interface).regenerate(session)


def store_name(session_id: str) -> str:
    """The key under which Redis has a session."""
    return f"{STORE_PREFIX}{session_id}"


def end_session() -> None:
    """Sign out here and in every tab of the same browser."""
    key, session_id = session.get(KEY), _session_id()
    session.clear()
    g.pop("person", None)
    if key:
        with parts().database.transaction() as transaction:
            remove_session(transaction, hash_of_key(str(key)))
        parts().redis.delete(WHERE_PREFIX + hash_of_key(str(key)))
    # Before the pages are told: they leave at once for the sign-in page, which must not find them signed in still.
    parts().redis.delete(store_name(session_id))
    if key:
        _tell_pages(str(key))


def end_one_session(session_hash: str, person_id: str) -> bool:
    """End a session of this person, wherever it is. False: they have no such session."""
    with parts().database.transaction() as transaction:
        removed = remove_session(transaction, session_hash, person_id)
    _end_where(removed)
    return bool(removed)


def end_sessions_of(person_id: str, *, but: str | None = None) -> int:
    """End all sessions of a person at once on every replica, but for that with the hash `but`. Gives how many.

    Their programs are signed out, too.
    """
    with parts().database.transaction() as transaction:
        remove_api_sessions(transaction, person_id)
        removed = remove_sessions_of(transaction, person_id, but)
    _end_where(removed)
    return len(removed)


def end_provider_sessions(issuer: str, *, subject: str | None, sid: str | None) -> int:
    """End the sessions that a provider's session began (`session_rows.remove_provider_sessions`)."""
    with parts().database.transaction() as transaction:
        removed = remove_provider_sessions(transaction, issuer, subject=subject, sid=sid)
    _end_where(removed)
    return len(removed)


def switch_tenant(person: Person) -> None:
    """The rest of this session is in that tenant. Its open pages load anew."""
    _stay_in(person)
    emit = cast("Callable[..., None]", current_app.extensions["steward_emit"])
    emit("tenant_switched", {}, f"session:{session.get(KEY, '')}")


def _stay_in(person: Person) -> None:
    session[TENANT] = person.tenant_id
    # Forms that were opened in another tenant are about that one, and must not be sent in this one's name.
    session.pop(CSRF, None)


def signed_in_person() -> Person | None:
    """The person of this request, None when nobody is signed in."""
    if "person" not in g:
        g.person = _load_person()
    return cast("Person | None", g.person)


def required_person() -> Person:
    """Raises NotSignedIn."""
    person = signed_in_person()
    if person is None:
        raise NotSignedIn("You are signed out. Sign in again.")
    return person


def own_session_hash() -> str:
    """Of this request's session; of no session when nobody is signed in."""
    return hash_of_key(str(session.get(KEY, "")))


def is_fresh() -> bool:
    """Whether this session began a moment ago, so that who began it is still at the keyboard."""
    return parts().now().timestamp() - float(session.get(STARTED, 0)) < FRESH.total_seconds()


def renew_freshness() -> None:
    """They have just shown again who they are."""
    session[STARTED] = parts().now().timestamp()


def _load_person() -> Person | None:
    if has_bearer():
        return bearer().person
    person_id = session.get(PERSON)
    if not isinstance(person_id, str):
        return None
    now, session_hash = parts().now(), own_session_hash()
    with parts().database.transaction() as transaction:
        row = find_session(transaction, session_hash, now)
        if row is None or row.person_id != person_id:
            return None
        person = find_person(transaction, person_id, session.get(TENANT))
    if is_seen_long_ago(row, now):
        _note_seen(session_hash, now)
    if person is not None and person.tenant_id != session.get(TENANT):
        _stay_in(person)  # they were taken out of the tenant, or it was closed
    mark = session_hash[:SESSION_MARK_CHARACTERS]
    return None if person is None else replace(person, session=mark)


def _note_seen(session_hash: str, now: datetime) -> None:
    # In a transaction of its own: one that has read must not wait for others to write (SQLite).
    with parts().database.transaction() as transaction:
        note_seen(transaction, session_hash, now)


def _end_where(hashes: Sequence[str]) -> None:
    for session_hash in hashes:
        where = cast("bytes | None", parts().redis.getdel(WHERE_PREFIX + session_hash))
        if where is None:
            continue
        session_id, key = json.loads(where)
        parts().redis.delete(store_name(session_id))
        _tell_pages(key)


def _tell_pages(key: str) -> None:
    tell = cast("Callable[[str], None]", current_app.extensions["steward_end_session"])
    tell(key)


def _session_id() -> str:
    return str(cast("ServerSideSession", session).sid)


def hash_of_key(key: str) -> str:
    """Under which a session's row stands."""
    return hashlib.sha256(key.encode()).hexdigest()
