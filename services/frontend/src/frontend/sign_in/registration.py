"""The pages for making an account and for a forgotten password. They answer alike whoever has an account."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from frontend.accounts.email_address import (
    NO_ADDRESS,
    is_email_address,
    normalised,
    problem_with_account,
)
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.rights import ANYBODY, Routes
from frontend.sign_in.attempts import count_address
from frontend.sign_in.mails import mail_registration, mail_reset
from frontend.sign_in.newcomers import Place, place_for
from frontend.sign_in.refused_input import note_fields

NO_MAIL = "This installation sends no mail. Ask an administrator for a sign-in link."
NOT_OPEN = "Accounts are made by invitation here. Ask an administrator for one."

routes = Routes("registration", rule=ANYBODY)


@routes.get("/register")
def register() -> ResponseReturnValue:
    if problem := _problem_with_registering(_place()):
        return render_template("sign_in_note.html", title="Create an account", problem=problem), 403
    return render_template("sign_in_register.html", email="", name="")


@routes.post("/register")
def submit_register() -> ResponseReturnValue:
    """The password is chosen by whoever opens the mail: else a stranger's would let them into the account later."""
    count_address()
    place = _place()
    if place is None or _problem_with_registering(place):
        return register()
    email, name = (
        normalised(request.form.get("email", "")),
        " ".join(request.form.get("name", "").split()),
    )
    problem = problem_with_account(email, name)
    if problem is not None:
        note_fields(email=email, name=name)
        return render_template("sign_in_register.html", email=email, name=name, error=problem), 422
    mail_registration(email, {"name": name, "role": place.role, "tenant_id": place.tenant_id})
    return render_template("sign_in_note.html", title="Look into your mail", text=_sent_to(email))


@routes.get("/forgot")
def forgot() -> ResponseReturnValue:
    if not parts().mailer.is_ready:
        return render_template(
            "sign_in_note.html", title="Forgot your password?", problem=NO_MAIL
        ), 403
    return render_template("sign_in_forgot.html", email="")


@routes.post("/forgot")
def submit_forgot() -> ResponseReturnValue:
    count_address()
    if not parts().mailer.is_ready:
        return forgot()
    email = normalised(request.form.get("email", ""))
    if not is_email_address(email):
        note_fields(email=email)
        return render_template("sign_in_forgot.html", email=email, error=NO_ADDRESS), 422
    record(SecurityEvent.RESET_ASKED, email=email)
    mail_reset(email)
    return render_template("sign_in_note.html", title="Look into your mail", text=_if_known(email))


def _place() -> Place | None:
    with parts().database.transaction() as transaction:
        return place_for(transaction, parts().settings.registration)


def _problem_with_registering(place: Place | None) -> str | None:
    if place is None:
        return NOT_OPEN
    return None if parts().mailer.is_ready else NO_MAIL


def _sent_to(email: str) -> str:
    return f"A mail is on its way to {email}. Open the link in it within a day to go on."


def _if_known(email: str) -> str:
    return f"If somebody has an account with {email}, a mail is on its way there. Its link works for an hour."
