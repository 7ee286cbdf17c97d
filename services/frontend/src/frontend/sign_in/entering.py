"""The one way in: whoever has shown who they are, however, comes by here, and is asked for their second factor."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.queries import Person, find_person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.sign_in.attempts import remember_device
from frontend.sign_in.identities import Identity, connect
from frontend.sign_in.refused_input import note_redirect
from frontend.sign_in.second_factors import has_second_factor
from frontend.sign_in.session_rows import Origin
from frontend.sign_in.sessions import begin_afresh, start_session

ENTERING = "entering"
IDENTITY = "identity"
"""A sign-in elsewhere that is shown and not connected to anybody yet."""
AFTER_CONNECTING = "after_connecting"
"""Where they were going."""
DISABLED = "This account is disabled. Ask an administrator."
PENDING_S = 600
"""For so long a second factor can be given after the first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who has shown the first factor."""

    person_id: str
    next: str
    origin: Origin
    connects: Identity | None = None
    """What is theirs from now on, because they have just proved it."""


def enter(entry: Entry) -> ResponseReturnValue:
    """Sign them in, or ask for the code first; until then they are nobody."""
    with parts().database.transaction() as transaction:
        person = find_person(transaction, entry.person_id)
        is_asked = has_second_factor(transaction, entry.person_id)
    if (
        person is None
    ):  # With a password they would not have come so far: it does not count any more.
        record(SecurityEvent.SIGN_IN_REFUSED, person_id=entry.person_id, why="disabled")
        title = "You cannot sign in"
        return render_template("sign_in_note.html", title=title, problem=DISABLED), 403
    shown = session.get(IDENTITY)
    if is_asked:
        begin_afresh({ENTERING: _as_json(entry), IDENTITY: shown})
        return redirect(url_for("second_factor.ask"))
    return let_in(entry, person, shown)


def entry_under_way() -> Entry | None:
    """Who has shown the first factor in this browser, and may give the second."""
    kept: dict[str, Any] | None = session.get(ENTERING)
    if kept is None or parts().now().timestamp() - kept["at_s"] > PENDING_S:
        return None
    connects = kept["connects"]
    return Entry(
        person_id=kept["person_id"],
        next=kept["next"],
        origin=Origin(**kept["origin"]),
        connects=Identity(**connects) if connects else None,
    )


def let_in(entry: Entry, person: Person, shown: Any = None) -> ResponseReturnValue:
    """All factors were shown."""
    if entry.connects is not None:
        connect_to(person, entry.connects)
    start_session(person, entry.origin)
    remember_device(person.email)
    record(SecurityEvent.SIGNED_IN, person=person, method=entry.origin.method)
    if shown is not None and entry.connects is None:
        session[IDENTITY] = shown
        session[AFTER_CONNECTING] = entry.next
        return redirect(url_for("account.ask_connect"))
    return redirect(entry.next)


def connect_to(person: Person, identity: Identity) -> None:
    """Raises IdentityTaken."""
    with parts().database.transaction() as transaction:
        connect(transaction, identity, person.person_id, parts().now())
    record(SecurityEvent.IDENTITY_CONNECTED, person=person, provider=identity.provider)


def identity_shown() -> Identity | None:
    """The sign-in elsewhere that this browser came back from, not connected to anybody yet."""
    kept: dict[str, Any] | None = session.get(IDENTITY)
    return None if kept is None else Identity(**kept)


def safe_next() -> str:
    """Where to go after signing in: a path of ours, never another site's address.

    Raises:
        TooManyRequests: links that lead away come too often from one address.
    """
    target = request.values.get("next", "/")
    is_ours = (
        target.startswith("/")
        and not target.startswith(("//", "/\\"))
        # Browsers leave tabs and line ends out before they read an address: "/<tab>/host" is "//host" to them.
        and not any(ord(character) < 33 for character in target)
    )
    if is_ours or not target:
        return target or "/"
    note_redirect(target)
    return "/"


def _as_json(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at_s": parts().now().timestamp()}
