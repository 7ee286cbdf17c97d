"""The page that asks for a code before a session begins."""

import math

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from frontend.accounts.queries import Person, find_person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.entering import IDENTITY, entry_under_way, let_in
from frontend.sign_in.second_factors import take_code, take_recovery_code
from shared.errors import TooManyRequests

WRONG = "That code is wrong, or was used already. Wait for the next one, or use a recovery code."
MAX_CODE_CHARACTERS = 40

routes = Routes("second_factor", rule=ANYBODY)


@routes.get("/sign-in/code")
def ask() -> ResponseReturnValue:
    if entry_under_way() is None:
        return redirect(url_for("sign_in.sign_in"))
    return render_template("sign_in_code.html")


@routes.post("/sign-in/code")
def submit() -> ResponseReturnValue:
    entry = entry_under_way()
    if entry is None:
        return redirect(url_for("sign_in.sign_in"))
    with parts().database.transaction() as transaction:
        person = find_person(transaction, entry.person_id)
    if person is None:
        return redirect(url_for("sign_in.sign_in"))
    try:
        count_address()
        right = is_code_right(person, request.form.get("code", ""))
    except TooManyRequests as error:
        headers = {"Retry-After": str(math.ceil(error.retry_after_s))}
        return render_template("sign_in_code.html", error=error.message), 429, headers
    if not right:
        return render_template("sign_in_code.html", error=WRONG), 401
    return let_in(entry, person, session.get(IDENTITY))


def is_code_right(person: Person, code: str) -> bool:
    """Of the app or for recovery; used up then, counted else.

    Raises:
        TooManyRequests: after too many wrong ones.
    """
    attempts = parts().code_attempts
    attempts.check(person.email)
    if not _taken(person, code[:MAX_CODE_CHARACTERS]):
        attempts.failed(person.email)
        record(SecurityEvent.SECOND_FACTOR_REFUSED, person=person)
        return False
    attempts.succeeded(person.email)
    return True


def _taken(person: Person, code: str) -> bool:
    with parts().database.transaction() as transaction:
        if take_code(transaction, parts().sealer, person.person_id, code, parts().now()):
            return True
        recovered = take_recovery_code(transaction, person.person_id, code)
    if recovered:
        record(SecurityEvent.RECOVERY_CODE_USED, person=person)
    return recovered
