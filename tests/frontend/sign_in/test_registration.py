"""Making an account by mail, and a new password by mail: the same answers whoever has an account."""

from typing import Any

import pytest
from support.frontend_site import OWNER, Browser
from support.mail_sink import MailSink
from support.sign_in import events, is_signed_in, later, person_row, shown, someone_else

from frontend.accounts.queries import find_by_email, find_owner
from frontend.app import Application
from frontend.rights import ANYBODY, open_to
from frontend.sign_in.newcomers import offer_registration

NEW = {"name": "Grace Hopper", "email": "grace@example.org", "password": "nanoseconds matter"}
CHOSEN = "another good password"


@pytest.fixture
def changes(mails: MailSink) -> dict[str, Any]:
    return {"smtp_url": mails.url, "registration": "own_organisation", "sign_in_burst": 20}


def test_who_opens_the_mailed_link_has_an_account_and_an_organisation(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    answer = visitor.submit("/register", NEW)

    assert "Look into your mail" in answer.text
    assert person_row(application, NEW["email"]) is None, "not before the mail is read"
    assert mails.last()["To"] == NEW["email"]
    assert mails.last()["Auto-Submitted"] == "auto-generated"
    reader = someone_else(application)
    assert reader.submit(mails.link(), {}).location == "/"
    assert NEW["name"] in reader.get("/account").text
    row = person_row(application, NEW["email"])
    assert row is not None
    assert row.is_verified
    assert (
        someone_else(application).sign_in(email=NEW["email"], password=NEW["password"]).location
        == "/"
    )


def test_somebody_who_has_an_account_gets_another_mail_and_the_same_answer(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    unknown = visitor.submit("/register", NEW)
    known = visitor.submit("/register", {**NEW, "email": OWNER["email"]})

    assert known.status_code == unknown.status_code
    assert shown(known) == shown(unknown).replace(NEW["email"], OWNER["email"])
    assert mails.last()["To"] == OWNER["email"]
    assert "There is one already" in mails.text()
    assert "/sign-in/mail/" not in mails.text()
    assert application.parts.passwords.check(OWNER["password"], _hash_of_owner(application))[0]


def _hash_of_owner(application: Application) -> str | None:
    row = person_row(application, OWNER["email"])
    return row.password_hash if row else None


def test_a_link_works_once_and_not_after_its_time(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    visitor.submit("/register", NEW)
    link = mails.link()
    assert [visitor.get(link).status_code for _ in range(3)] == [200] * 3, (
        "looking does not use it up"
    )
    later(application, hours=25)
    assert visitor.submit(link, {}, page="/sign-in").status_code == 410
    later(application)
    assert visitor.submit(link, {}).status_code == 302
    assert someone_else(application).submit(link, {}, page="/sign-in").status_code == 410


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "gr\u0430ce@example.org"}, "plain Latin letters"),
        ({"email": "grace@ex\u0430mple.org"}, "plain Latin letters"),
        ({"email": "grace@\u0430\u0440\u0440\u04cf\u0435.example"}, "plain Latin letters"),
        ({"email": "x" * 100_000}, "not an e-mail address"),
        ({"name": "x" * 100_000}, "at most 100 characters"),
        ({"password": "x" * 100_000}, "at most 200 characters"),
        ({"password": "short"}, "at least 10 characters"),
    ],
)
def test_look_alike_addresses_and_oversized_fields_are_refused(
    visitor: Browser, mails: MailSink, fields: dict[str, str], sentence: str
) -> None:
    answer = visitor.submit("/register", {**NEW, **fields})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert mails.mails == []


def test_nobody_is_flooded_with_mails(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    answers = {shown(visitor.submit("/forgot", {"email": OWNER["email"]})) for _ in range(8)}

    assert len(answers) == 1, "who asks is not told that no more mails go out"
    assert len(mails.mails) == application.parts.settings.mails_an_hour
    assert events(application, "mail_held_back")


def test_a_new_password_is_set_by_mail_and_ends_every_session(
    application: Application, owner: Browser, mails: MailSink
) -> None:
    stranger = someone_else(application)
    known = stranger.submit("/forgot", {"email": OWNER["email"]})
    link = mails.link()
    unknown = stranger.submit("/forgot", {"email": "nobody@example.org"})

    assert (known.status_code, len(mails.mails)) == (unknown.status_code, 1)
    assert shown(known) == shown(unknown).replace("nobody@example.org", OWNER["email"])
    assert stranger.submit(link, {"password": "short"}).status_code == 422
    assert "Your password is set" in stranger.submit(link, {"password": CHOSEN}).text
    assert not is_signed_in(owner)
    assert not is_signed_in(stranger), "a link sets a password and lets nobody in"
    assert stranger.sign_in(password=CHOSEN).location == "/"
    assert stranger.submit(link, {"password": CHOSEN}, page="/").status_code == 410
    assert "was changed" in mails.last()["Subject"]
    assert events(application, "password_reset")


def test_a_reset_link_is_good_for_an_hour(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    visitor.submit("/forgot", {"email": OWNER["email"]})
    later(application, minutes=61)

    assert visitor.get(mails.link()).status_code == 410


def test_a_newer_link_replaces_the_one_before(visitor: Browser, mails: MailSink) -> None:
    visitor.submit("/forgot", {"email": OWNER["email"]})
    older = mails.link()
    visitor.submit("/forgot", {"email": OWNER["email"]})

    assert visitor.get(older).status_code == 410
    assert visitor.get(mails.link()).status_code == 200


@pytest.mark.parametrize("token", ["x", "%00", "a" * 5_000, "..%2f.."])
def test_a_link_that_was_never_made_is_like_one_that_is_gone(visitor: Browser, token: str) -> None:
    assert visitor.get(f"/sign-in/mail/{token}").status_code in {404, 410}


class TestByInvitation:
    @pytest.fixture
    def changes(self, mails: MailSink) -> dict[str, Any]:
        return {"smtp_url": mails.url}

    def test_without_one_nobody_registers(self, visitor: Browser, mails: MailSink) -> None:
        assert visitor.get("/register").status_code == 403
        assert "/register" not in visitor.get("/sign-in").text
        assert visitor.submit("/register", NEW, page="/sign-in").status_code == 403
        assert mails.mails == []

    def test_with_one_an_account_belongs_where_the_invitation_says(
        self, application: Application, visitor: Browser, mails: MailSink
    ) -> None:
        @open_to(ANYBODY)
        def invite() -> str:
            with application.parts.database.transaction() as session:
                owner = find_owner(session)
            assert owner is not None
            offer_registration(owner.tenant_id, "support")
            return "offered"

        application.flask.add_url_rule("/tests/invite", "tests_invite", invite)
        assert visitor.get("/tests/invite").text == "offered"
        visitor.submit("/register", NEW)
        visitor.submit(mails.link(), {})

        with application.parts.database.transaction() as session:
            found, owner = find_by_email(session, NEW["email"]), find_owner(session)
        assert found is not None
        assert owner is not None
        assert (found[0].tenant_id, found[0].roles) == (owner.tenant_id, ("support",))


class TestWithoutMail:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"registration": "own_organisation"}

    def test_nothing_is_offered_that_needs_mail(self, visitor: Browser) -> None:
        page = visitor.get("/sign-in").text
        assert "/register" not in page
        assert "/forgot" not in page
        assert "sends no mail" in visitor.get("/forgot").text
        assert visitor.get("/register").status_code == 403


def test_a_mail_server_that_is_away_is_not_told_to_strangers(
    application: Application, visitor: Browser
) -> None:
    server = application.parts.mailer._server  # pyright: ignore[reportPrivateUsage]
    assert server is not None
    object.__setattr__(server, "port", 1)

    assert "on its way" in visitor.submit("/forgot", {"email": OWNER["email"]}).text
