"""Turning codes of an authenticator app on and off, and new recovery codes."""

import io

import segno
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANY_ACCOUNT, Routes
from frontend.sign_in.account import asks_password, problem_with_proof
from frontend.sign_in.mails import tell
from frontend.sign_in.second_factor import WRONG, is_code_right
from frontend.sign_in.second_factors import (
    begin_setup,
    confirm_setup,
    has_second_factor,
    new_recovery_codes,
    remove_second_factor,
)
from frontend.sign_in.sessions import required_person

WRONG_FIRST = "That is not the code that the app shows now. Check that the phone's clock is right, and try again."

routes = Routes("second_factor_setup", rule=ANY_ACCOUNT, url_prefix="/account/codes")


@routes.get("")
def show() -> ResponseReturnValue:
    return _page(required_person())


@routes.post("/begin")
def begin() -> ResponseReturnValue:
    """Shows the secret once it is sure who asks: whoever sees it has the second factor."""
    person = required_person()
    if _is_on(person):
        return redirect(url_for("second_factor_setup.show"))
    if problem := problem_with_proof(person):
        return _page(person, problem)
    return _setup_page(person)


@routes.post("/confirm")
def confirm() -> ResponseReturnValue:
    person = required_person()
    if _is_on(person):
        return redirect(url_for("second_factor_setup.show"))
    if problem := problem_with_proof(person):
        return _page(person, problem)
    with parts().database.transaction() as transaction:
        codes = confirm_setup(
            transaction,
            parts().sealer,
            person.person_id,
            request.form.get("code", ""),
            parts().now(),
        )
    if codes is None:
        return _setup_page(person, WRONG_FIRST)
    record(SecurityEvent.SECOND_FACTOR_ON, person=person)
    tell(
        person.email,
        "Codes are on",
        "Signing in asks for a code of your authenticator app from now on.",
    )
    return render_template("account_recovery_codes.html", person=person, codes=codes)


@routes.post("/off")
def turn_off() -> ResponseReturnValue:
    person = required_person()
    if not is_code_right(person, request.form.get("code", "")):
        return _page(person, WRONG)
    with parts().database.transaction() as transaction:
        remove_second_factor(transaction, person.person_id)
    record(SecurityEvent.SECOND_FACTOR_OFF, person=person)
    tell(
        person.email,
        "Codes are off",
        "Signing in no longer asks for a code of your authenticator app.",
    )
    return redirect(url_for("second_factor_setup.show"))


@routes.post("/recovery")
def renew_recovery_codes() -> ResponseReturnValue:
    person = required_person()
    if not is_code_right(person, request.form.get("code", "")):
        return _page(person, WRONG)
    with parts().database.transaction() as transaction:
        codes = new_recovery_codes(transaction, person.person_id)
    return render_template("account_recovery_codes.html", person=person, codes=codes)


def _is_on(person: Person) -> bool:
    with parts().database.transaction() as transaction:
        return has_second_factor(transaction, person.person_id)


def _page(person: Person, problem: str | None = None) -> ResponseReturnValue:
    page = render_template(
        "account_codes.html",
        person=person,
        is_on=_is_on(person),
        problem=problem,
        asks_password=asks_password(person),
    )
    return page, 422 if problem else 200


def _setup_page(person: Person, problem: str | None = None) -> ResponseReturnValue:
    with parts().database.transaction() as transaction:
        setup = begin_setup(transaction, parts().sealer, person.person_id, person.email)
    groups = " ".join(setup.secret[start : start + 4] for start in range(0, len(setup.secret), 4))
    page = render_template(
        "account_codes_setup.html",
        person=person,
        picture=_qr(setup.address),
        secret=groups,
        problem=problem,
    )
    return page, 422 if problem else 200


def _qr(text: str) -> Markup:
    """As SVG in the page itself. Black on white in either theme: cameras want it so."""
    drawn = io.BytesIO()
    segno.make_qr(text).save(
        drawn,
        kind="svg",
        xmldecl=False,
        svgclass="qr",
        lineclass=None,
        omitsize=True,
        border=3,
        light="white",
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn by us, and only squares
