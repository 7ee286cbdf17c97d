"""Where somebody is signed in: seen, and ended from elsewhere."""

from typing import Any

import pytest
from sqlalchemy import delete, select
from support.frontend_site import OWNER, Browser, add_person, json_of, path_of
from support.mail_sink import MailSink
from support.sign_in import events, is_signed_in, later, person_row, someone_else

from frontend.accounts.models import MembershipRow
from frontend.app import Application
from frontend.commands import make_sign_in_link
from frontend.sign_in.models import SessionRow
from frontend.sign_in.sessions import end_sessions_of

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def changes(mails: MailSink) -> dict[str, Any]:
    return {"smtp_url": mails.url, "sign_in_burst": 20}


@pytest.fixture
def phone(application: Application, visitor: Browser) -> Browser:  # noqa: ARG001 - there must be an owner
    return _signed_in(application, IPHONE)


@pytest.fixture
def laptop(application: Application, visitor: Browser) -> Browser:  # noqa: ARG001 - there must be an owner
    return _signed_in(application, FIREFOX)


def _signed_in(application: Application, user_agent: str) -> Browser:
    browser = someone_else(application)
    browser.client.environ_base["HTTP_USER_AGENT"] = user_agent
    assert browser.sign_in().status_code == 302
    return browser


def rows(application: Application) -> list[SessionRow]:
    with application.parts.database.transaction() as session:
        return list(session.scalars(select(SessionRow).order_by(SessionRow.created_at)))


def test_each_place_is_listed_and_can_be_signed_out_from_another(
    application: Application, phone: Browser, laptop: Browser
) -> None:
    page = laptop.get("/account").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert page.index("This one") < page.index("Safari on iPhone"), "one's own comes first"
    told: list[str] = []
    application.flask.extensions["steward_end_session"] = told.append
    on_phone = rows(application)[0]

    answer = laptop.submit(f"/account/sessions/{on_phone.session_hash}/end", {}, page="/account")

    assert answer.location == "/account"
    assert is_signed_in(laptop)
    assert not is_signed_in(phone)
    assert len(told) == 1, "its open pages are told at once"
    assert "Safari on iPhone" not in laptop.get("/account").text


def program(application: Application) -> str:
    """Signs one in. Gives its refresh token."""
    body = {name: OWNER[name] for name in ("email", "password")}
    answer = application.flask.test_client().post("/api/auth/login", json=body)
    return str(json_of(answer)["refresh_token"])


def refresh(application: Application, token: str) -> int:
    client = application.flask.test_client()
    return client.post("/api/auth/refresh", json={"refresh_token": token}).status_code


def test_programs_are_listed_and_each_can_be_signed_out(
    application: Application, laptop: Browser
) -> None:
    first, second = program(application), program(application)
    add_person(application.parts.database, "eve@example.org")
    eve = someone_else(application)
    eve.sign_in(email="eve@example.org")
    assert laptop.get("/account").text.count("A program") == 2
    assert "A program" not in eve.get("/account").text
    end = f"/account/programs/{first.split('_')[1]}/end"

    assert eve.submit(end, {}, page="/account").status_code == 404
    assert laptop.submit(end, {}, page="/account").location == "/account"

    assert [refresh(application, first), refresh(application, second)] == [401, 200]


def test_signing_out_everywhere_leaves_nobody_in(
    application: Application, phone: Browser, laptop: Browser
) -> None:
    refresh_token = program(application)
    assert laptop.submit("/account/sessions/end", {}, page="/account").location == "/sign-in"

    assert [is_signed_in(phone), is_signed_in(laptop)] == [False, False]
    assert rows(application) == []
    assert refresh(application, refresh_token) == 401
    assert events(application, "sessions_ended")[0].facts["number"] == "2"


def test_signing_in_anew_ends_the_session_before(application: Application, laptop: Browser) -> None:
    link = path_of(make_sign_in_link(application.parts.settings))
    told: list[str] = []
    application.flask.extensions["steward_end_session"] = told.append

    assert laptop.submit(link, {}, page="/account").location == "/"

    assert len(rows(application)) == 1
    assert len(told) == 1
    assert is_signed_in(laptop)


def test_who_belongs_to_no_organisation_still_has_their_account(
    application: Application, phone: Browser, laptop: Browser
) -> None:
    with application.parts.database.transaction() as session:
        session.execute(delete(MembershipRow))

    assert "/account" in laptop.get("/").text
    assert laptop.get("/account/codes").status_code == 200
    assert "Safari on iPhone" in laptop.get("/account").text
    laptop.submit("/account/sessions/end", {}, page="/account")
    assert rows(application) == []
    assert phone.get("/account").status_code == 302


@pytest.mark.parametrize("made_up", ["0" * 64, "%00", "x" * 5_000])
def test_a_session_that_never_was_cannot_be_ended(laptop: Browser, made_up: str) -> None:
    answer = laptop.submit(f"/account/sessions/{made_up}/end", {}, page="/account")
    assert answer.status_code == 404


def test_nobody_ends_sessions_of_others(application: Application, laptop: Browser) -> None:
    add_person(application.parts.database, "eve@example.org")
    eve = someone_else(application)
    eve.sign_in(email="eve@example.org")

    answer = eve.submit(
        f"/account/sessions/{rows(application)[0].session_hash}/end", {}, page="/account"
    )

    assert answer.status_code == 404
    assert is_signed_in(laptop)


def test_a_new_password_ends_the_other_sessions(
    application: Application, phone: Browser, laptop: Browser, mails: MailSink
) -> None:
    form = {"password": OWNER["password"], "new_password": "a better password"}
    wrong = laptop.submit("/account/password", {**form, "password": "x"}, page="/account")
    assert (wrong.status_code, is_signed_in(phone)) == (422, True)
    assert "That is not your password" in wrong.text

    laptop.submit("/account/password", form, page="/account")

    assert [is_signed_in(phone), is_signed_in(laptop)] == [False, True]
    assert someone_else(application).sign_in().status_code == 401
    assert someone_else(application).sign_in(password="a better password").status_code == 302
    assert "was changed" in mails.last()["Subject"]


def test_all_sessions_of_somebody_end_at_once_for_those_who_manage_people(
    application: Application, phone: Browser, laptop: Browser
) -> None:
    row = person_row(application, OWNER["email"])
    assert row is not None
    with application.flask.app_context():
        assert end_sessions_of(row.person_id) == 2

    assert [is_signed_in(phone), is_signed_in(laptop)] == [False, False]


def test_what_redis_still_has_is_worth_nothing_without_its_row(
    application: Application, laptop: Browser
) -> None:
    with application.parts.database.transaction() as session:
        session.execute(delete(SessionRow))

    assert not is_signed_in(laptop)


def test_a_session_ends_with_its_time_even_if_it_is_used(
    application: Application, laptop: Browser
) -> None:
    later(application, days=13.9)
    assert is_signed_in(laptop)
    later(application, days=14.1)
    assert not is_signed_in(laptop)


def test_when_somebody_was_seen_is_noted_now_and_then(
    application: Application, laptop: Browser
) -> None:
    began = rows(application)[0].last_seen_at
    later(application, minutes=4)
    laptop.get("/account")
    assert rows(application)[0].last_seen_at == began
    later(application, minutes=6)
    laptop.get("/account")
    assert rows(application)[0].last_seen_at > began


def test_the_session_key_is_nowhere_in_the_database(
    application: Application, laptop: Browser
) -> None:
    cookie = laptop.client.get_cookie("steward")
    assert cookie is not None
    stored = {str(value) for value in vars(rows(application)[0]).values()}
    assert not any(cookie.value in text for text in stored)


def test_long_after_signing_in_a_new_address_needs_the_password(
    application: Application, laptop: Browser, mails: MailSink
) -> None:
    later(application, minutes=20)
    new = {"email": "ada@new.example"}
    assert "to be sure it is you" in laptop.get("/account").text
    assert laptop.submit("/account/address", new, page="/account").status_code == 422
    assert mails.mails == []

    laptop.submit("/account/address", {**new, "password": OWNER["password"]}, page="/account")
    assert mails.last()["To"] == "ada@new.example"
    assert person_row(application, OWNER["email"]) is not None, "not before the mail is read"
    later(application)
    assert "is changed" in laptop.submit(mails.link(), {}).text
    assert mails.last()["To"] == OWNER["email"], "the old address is told"
    assert "ada@new.example" in laptop.get("/account").text


@pytest.mark.parametrize("path", ["/account/address/verify", "/account/address"])
def test_an_address_is_confirmed_by_who_reads_its_mail_and_is_in_the_account(
    application: Application, laptop: Browser, mails: MailSink, path: str
) -> None:
    """A reader who is not could make a stranger's account, with their address, one that counts as theirs."""
    add_person(application.parts.database, "eve@example.org")
    assert "not confirmed" in laptop.get("/account").text
    laptop.submit(path, {"email": "ada@new.example"}, page="/account")
    link, reader = mails.link(), someone_else(application)

    assert reader.get(link).location == f"/sign-in?next={link}"
    assert reader.submit(link, {}, page="/sign-in").location == f"/sign-in?next={link}"
    reader.sign_in(email="eve@example.org")
    assert "with another account" in reader.submit(link, {}).text
    assert "This address is confirmed" not in laptop.get("/account").text
    laptop.submit(link, {})
    assert "This address is confirmed" in laptop.get("/account").text


def test_an_address_of_somebody_else_is_not_taken_and_not_told(
    application: Application, laptop: Browser, mails: MailSink
) -> None:
    add_person(application.parts.database, "eve@example.org")
    taken = laptop.submit("/account/address", {"email": "eve@example.org"}, page="/account")
    free = laptop.submit("/account/address", {"email": "new@example.org"}, page="/account")

    assert taken.status_code == free.status_code
    assert "/sign-in/mail/" not in mails.mails[0].get_content()


def test_a_name_is_changed(laptop: Browser) -> None:
    laptop.submit("/account/name", {"name": "Countess Lovelace"}, page="/account")
    assert "Countess Lovelace" in laptop.get("/account").text
    assert laptop.submit("/account/name", {"name": " "}, page="/account").status_code == 422


def test_an_old_session_says_so_without_a_tenant(application: Application, laptop: Browser) -> None:
    with laptop.client.session_transaction() as session:
        assert session["tenant_id"] == rows(application)[0].tenant_id
