"""Making an account by mail, and a new password by mail: the same answers whoever has an account."""

from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import select
from support.frontend_site import OWNER, Browser
from support.mail_sink import MailSink
from support.sign_in import (
    events,
    is_signed_in,
    later,
    person_row,
    shown,
    sign_in_with,
    someone_else,
)
from support.sign_in_providers import OidcProvider

from frontend.accounts.queries import find_owner
from frontend.app import Application
from frontend.oauth_server.models import ConsentRow

NEW = {"name": "Grace Hopper", "email": "grace@example.org"}
COUNTED = ("frontend_security_events_total", {"kind": "input_refused"})
PASSWORD = {"password": "nanoseconds matter"}
CHOSEN = "another good password"


@pytest.fixture
def changes(mails: MailSink, provider: OidcProvider, client: dict[str, Any]) -> dict[str, Any]:
    return {
        "smtp_url": mails.url,
        "registration": "own_organisation",
        "sign_in_burst": 20,
        "oidc_providers": {"acme": {"issuer": provider.url, **client}},
    }


def test_who_opens_the_mailed_link_has_an_account_and_an_organisation(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    answer = visitor.submit("/register", NEW)

    assert "Look into your mail" in answer.text
    assert person_row(application, NEW["email"]) is None, "not before the mail is read"
    assert mails.last()["To"] == NEW["email"]
    assert mails.last()["Auto-Submitted"] == "auto-generated"
    reader = someone_else(application)
    assert reader.submit(mails.link(), {"password": "short"}).status_code == 422
    assert reader.submit(mails.link(), PASSWORD).location == "/"
    assert NEW["name"] in reader.get("/account").text
    row = person_row(application, NEW["email"])
    assert row is not None
    assert row.is_verified
    assert someone_else(application).sign_in(email=NEW["email"], **PASSWORD).location == "/"


def test_whoever_asks_for_an_account_in_another_name_knows_no_password_of_it(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    visitor.submit("/register", {**NEW, "password": "known to a stranger"})
    someone_else(application).submit(mails.link(), PASSWORD)

    stranger = visitor.sign_in(email=NEW["email"], password="known to a stranger")
    assert stranger.status_code == 401


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
    assert visitor.submit(link, PASSWORD, page="/sign-in").status_code == 410
    later(application)
    assert visitor.submit(link, PASSWORD).status_code == 302
    assert someone_else(application).submit(link, PASSWORD, page="/sign-in").status_code == 410


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "gr\u0430ce@example.org"}, "plain Latin letters"),
        ({"email": "grace@ex\u0430mple.org"}, "plain Latin letters"),
        ({"email": "grace@\u0430\u0440\u0440\u04cf\u0435.example"}, "plain Latin letters"),
        ({"email": "x" * 100_000}, "not an e-mail address"),
        ({"email": "\u0430" * 100_000}, "plain Latin letters"),
        ({"name": "x" * 100_000}, "at most 100 characters"),
    ],
)
def test_look_alike_addresses_and_oversized_fields_are_refused_recorded_and_counted(
    application: Application,
    visitor: Browser,
    mails: MailSink,
    fields: dict[str, str],
    sentence: str,
) -> None:
    before = REGISTRY.get_sample_value(*COUNTED)
    answer = visitor.submit("/register", {**NEW, **fields})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert mails.mails == []
    (event,) = events(application, "input_refused")
    is_long = any(len(value) > 1_000 for value in fields.values())
    assert event.facts["why"] == ("oversized_field" if is_long else "look_alike_address")
    assert REGISTRY.get_sample_value(*COUNTED) == (before or 0) + 1


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


def let_an_agent_in(application: Application) -> None:
    with application.parts.database.transaction() as session:
        owner = find_owner(session)
        assert owner is not None
        consent = ConsentRow(
            consent_id="c",
            tenant_id=owner.tenant_id,
            person_id=owner.person_id,
            client_id="agent",
            client_name="Agent",
            resource="https://mail.example",
            rights=[],
            redirect_hosts=[],
            agreed_at=application.parts.now(),
        )
        session.add(consent)


def test_whoever_made_an_account_with_a_strangers_address_is_out_when_its_reader_comes(
    application: Application, visitor: Browser, mails: MailSink
) -> None:
    """The first to show that the address is theirs must not share the account with who made it before."""
    squatter = visitor
    squatter.sign_in()
    sign_in_with(squatter, "acme", "/account/connect/")
    squatter.submit("/account/connect", {"answer": "yes"}, page="/account/connect")
    assert sign_in_with(someone_else(application), "acme").location == "/"
    let_an_agent_in(application)

    reader = someone_else(application)
    reader.submit("/forgot", {"email": OWNER["email"]})
    reader.submit(mails.link(), {"password": CHOSEN})

    assert not is_signed_in(squatter)
    with application.parts.database.transaction() as session:
        assert session.scalars(select(ConsentRow)).all() == []
    assert sign_in_with(someone_else(application), "acme").location != "/"
    sign_in_with(reader, "acme", "/sign-in/with/")
    reader.sign_in(password=CHOSEN)
    reader.submit("/account/connect", {"answer": "yes"}, page="/account/connect")
    reader.submit("/forgot", {"email": OWNER["email"]}, page="/account")
    reader.submit(mails.link(), {"password": "yet another password"})
    assert sign_in_with(someone_else(application), "acme").location == "/", "a second time it stays"


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
