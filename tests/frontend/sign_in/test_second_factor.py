"""Codes of an authenticator app: asked for before a session begins, whatever came first."""

import re
from typing import Any

import pytest
from pyotp.totp import TOTP
from sqlalchemy import select
from support.frontend_site import OWNER, Browser, path_of
from support.mail_sink import MailSink
from support.sign_in import events, is_signed_in, later, someone_else

from frontend.app import Application
from frontend.commands import forget_second_factor, make_sign_in_link
from frontend.sign_in.models import RecoveryCodeRow, SecondFactorRow
from shared.sql import utc_now


@pytest.fixture
def changes(mails: MailSink) -> dict[str, Any]:
    return {"smtp_url": mails.url, "sign_in_burst": 20}


class Phone:
    """An authenticator app. Its clock is set ahead by a step for each code, so that none comes twice."""

    def __init__(self, secret: str) -> None:
        self._totp = TOTP(secret)

    def code(self, steps: int = 0) -> str:
        return self._totp.generate_otp(int(utc_now().timestamp()) // 30 + steps)


def secret_on(page: str) -> str:
    found = re.search(r'class="key">([^<]+)<', page)
    assert found is not None, page
    return found[1].replace(" ", "")


@pytest.fixture
def phone(owner: Browser) -> Phone:
    page = owner.submit("/account/codes/begin", {}, page="/account/codes").text
    assert "<svg" in page
    assert "style=" not in page, "the page's own rules forbid it"
    return Phone(secret_on(page))


@pytest.fixture
def recovery_codes(owner: Browser, phone: Phone) -> list[str]:
    """Codes are on then; the phone's present one and that before are used up."""
    page = owner.submit(
        "/account/codes/confirm", {"code": phone.code()}, page="/account/codes"
    ).text
    return re.findall(r"<code>([a-z2-7-]+)</code>", page)


def submit_code(browser: Browser, code: str) -> Any:
    return browser.submit("/sign-in/code", {"code": code})


def test_a_wrong_code_does_not_turn_codes_on(owner: Browser, phone: Phone) -> None:
    answer = owner.submit("/account/codes/confirm", {"code": "000000"}, page="/account/codes")

    assert answer.status_code == 422
    assert Phone(secret_on(answer.text)).code() == phone.code(), "the same key is shown again"
    assert "Off." in owner.get("/account").text


@pytest.mark.usefixtures("recovery_codes")
def test_nobody_is_signed_in_before_the_code(application: Application, phone: Phone) -> None:
    browser = someone_else(application)

    assert browser.sign_in(next="/tools").location == "/sign-in/code"
    assert not is_signed_in(browser)
    assert browser.get("/account").location == "/sign-in?next=/account"
    assert submit_code(browser, "000000").status_code == 401
    assert not is_signed_in(browser)
    assert submit_code(browser, phone.code(1)).location == "/tools"
    assert is_signed_in(browser)


@pytest.mark.usefixtures("recovery_codes")
def test_each_code_lets_in_once(application: Application, phone: Phone) -> None:
    code = f"{phone.code(1)[:3]} {phone.code(1)[3:]}"
    first, second = someone_else(application), someone_else(application)
    for browser in (first, second):
        browser.sign_in()

    assert submit_code(first, code).status_code == 302
    assert submit_code(second, code).status_code == 401
    assert submit_code(second, phone.code()).status_code == 401, "nor one from before it"


def test_a_recovery_code_lets_in_once_and_is_kept_as_a_hash_only(
    application: Application, recovery_codes: list[str]
) -> None:
    assert len(set(recovery_codes)) == 10
    first, second = someone_else(application), someone_else(application)
    for browser in (first, second):
        browser.sign_in()

    assert submit_code(first, recovery_codes[0].upper()).status_code == 302
    assert submit_code(second, recovery_codes[0]).status_code == 401
    assert "9 recovery codes left" in first.get("/account").text
    assert events(application, "recovery_code_used")
    with application.parts.database.transaction() as session:
        stored = [row.code_hash for row in session.scalars(select(RecoveryCodeRow))]
        sealed = session.scalars(select(SecondFactorRow)).one().secret_sealed
    assert not {code.replace("-", "") for code in recovery_codes} & set(stored)
    assert len(sealed) > 40


@pytest.mark.usefixtures("owner")
def test_the_secret_is_sealed(application: Application, phone: Phone) -> None:
    with application.parts.database.transaction() as session:
        row = session.scalars(select(SecondFactorRow)).one()
    opened = application.parts.sealer.open(row.secret_sealed, row.person_id)

    assert Phone(opened).code() == phone.code()
    assert opened not in row.secret_sealed


@pytest.mark.usefixtures("recovery_codes")
def test_a_one_time_link_and_a_new_password_do_not_pass_it_by(
    application: Application, mails: MailSink
) -> None:
    browser = someone_else(application)
    link = path_of(make_sign_in_link(application.parts.settings))
    assert browser.submit(link, {}).location == "/sign-in/code"
    browser.submit("/forgot", {"email": OWNER["email"]})
    browser.submit(mails.link(), {"password": "another password"})
    assert browser.sign_in(password="another password").location == "/sign-in/code"
    assert not is_signed_in(browser)


def test_the_first_factor_counts_for_ten_minutes(
    application: Application, recovery_codes: list[str]
) -> None:
    browser = someone_else(application)
    browser.sign_in()
    later(application, minutes=11)

    assert browser.get("/sign-in/code").location == "/sign-in"
    assert (
        browser.submit("/sign-in/code", {"code": recovery_codes[0]}, page="/sign-in").location
        == "/sign-in"
    )
    assert not is_signed_in(browser)


@pytest.mark.usefixtures("recovery_codes")
def test_guessing_codes_has_to_wait(application: Application, phone: Phone) -> None:
    guesser = someone_else(application, address="203.0.113.7")
    guesser.sign_in()
    answers = [submit_code(guesser, "000000").status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert submit_code(guesser, phone.code(1)).status_code == 429, (
        "the right one is not heard either"
    )
    assert events(application, "locked_out")


def test_codes_are_turned_off_with_a_code(
    application: Application, owner: Browser, recovery_codes: list[str], mails: MailSink
) -> None:
    assert (
        owner.submit("/account/codes/off", {"code": "1"}, page="/account/codes").status_code == 422
    )
    owner.submit("/account/codes/off", {"code": recovery_codes[0]}, page="/account/codes")

    assert someone_else(application).sign_in().location == "/"
    assert "Codes are off" in mails.last()["Subject"]


def test_new_recovery_codes_replace_the_old(owner: Browser, recovery_codes: list[str]) -> None:
    page = owner.submit(
        "/account/codes/recovery", {"code": recovery_codes[0]}, page="/account/codes"
    ).text
    new = re.findall(r"<code>([a-z2-7-]+)</code>", page)

    assert len(new) == 10
    assert not set(new) & set(recovery_codes)


def test_long_after_signing_in_setting_up_needs_the_password(
    application: Application, owner: Browser
) -> None:
    later(application, minutes=20)

    assert owner.submit("/account/codes/begin", {}, page="/account/codes").status_code == 422
    form = {"password": OWNER["password"]}
    page = owner.submit("/account/codes/begin", form, page="/account/codes")
    assert secret_on(page.text)


@pytest.mark.usefixtures("recovery_codes")
def test_an_operator_helps_who_has_lost_everything(
    application: Application,
) -> None:
    forget_second_factor(application.parts.settings, OWNER["email"])
    assert someone_else(application).sign_in().location == "/"
