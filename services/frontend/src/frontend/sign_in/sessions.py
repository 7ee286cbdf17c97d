"""Who is signed in: a session on the server, of which the browser holds only a random id."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from flask import current_app, g, session
from flask_session.base import ServerSideSession
from flask_session.redis import RedisSessionInterface

from frontend.accounts.queries import Person, find_person
from frontend.parts import parts
from shared.errors import NotSignedIn

PERSON = "person_id"
KEY = "session_key"
SESSION_MARK_CHARACTERS = 16
STORE_PREFIX = "session:"
VISITOR_SESSION = timedelta(hours=1)
"""How long a session is kept in which nobody signed in; it holds a form's CSRF secret only."""


class SessionStore(RedisSessionInterface):
    """Keeps sessions in Redis. Each page makes one for its CSRF token: robots must not fill the memory with them."""

    def _upsert_session(
        self, session_lifetime: timedelta, session: ServerSideSession, store_id: str
    ) -> None:
        if PERSON not in session:
            session_lifetime = min(session_lifetime, VISITOR_SESSION)
        super()._upsert_session(session_lifetime, session, store_id)


def start_session(person: Person) -> None:
    """Sign a person in under a new session id, so that an id known before is worth nothing (fixation)."""
    session.clear()
    session[PERSON] = person.person_id
    session[KEY] = secrets.token_urlsafe(16)
    session.permanent = True
    # Last, because it passes over sessions that are empty.
    cast(Any, current_app.session_interface).regenerate(session)


def store_name(session_id: str) -> str:
    """The key under which Redis has a session."""
    return f"{STORE_PREFIX}{session_id}"


def end_session() -> None:
    """Sign out here and in every tab of the same browser."""
    key = session.get(KEY)
    session_id = cast("ServerSideSession", session).sid
    session.clear()
    # Before the pages are told: they leave at once for the sign-in page, which must not find them signed in still.
    parts().redis.delete(store_name(str(session_id)))
    if key:
        tell_pages = cast("Callable[[str], None]", current_app.extensions["steward_end_session"])
        tell_pages(str(key))


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


def _load_person() -> Person | None:
    person_id = session.get(PERSON)
    if not isinstance(person_id, str):
        return None
    with parts().database.transaction() as transaction:
        person = find_person(transaction, person_id)
    return None if person is None else replace(person, session=_session_mark())


def _session_mark() -> str:
    """Says which sign-in this is without saying its key."""
    key = str(session.get(KEY, ""))
    return hashlib.sha256(key.encode()).hexdigest()[:SESSION_MARK_CHARACTERS]
