"""Signing in with an OpenID Connect provider over real HTTP, and every way in which its answer can be wrong."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update
from support.frontend_site import OWNER, Browser, add_person
from support.mail_sink import MailSink
from support.sign_in import (
    confirm_address,
    events,
    go_to_provider,
    is_signed_in,
    later,
    person_row,
    sign_in_with,
    someone_else,
)
from support.sign_in_providers import OidcProvider, new_key

from frontend.accounts.models import PersonRow
from frontend.app import Application
from frontend.sign_in.models import SessionRow

GRACE = "grace@example.org"


@pytest.fixture
def changes(provider: OidcProvider, mails: MailSink, client: dict[str, Any]) -> dict[str, Any]:
    acme = {
        "label": "Acme",
        "issuer": provider.url,
        "newcomers": "first_organisation",
        "newcomer_domains": ["example.org"],
        **client,
    }
    strict = {"issuer": provider.url, **client}
    trusting = {"issuer": provider.url, "trusted_domains": ["example.org"], **client}
    return {
        "oidc_providers": {"acme": acme, "strict": strict, "trusting": trusting},
        "smtp_url": mails.url,
        "sign_in_burst": 20,
    }


def test_a_newcomer_of_the_right_domain_gets_an_account(
    application: Application, visitor: Browser, provider: OidcProvider
) -> None:
    assert "Sign in with Acme" in visitor.get("/sign-in").text
    answer = sign_in_with(visitor, "acme?next=/tools")

    assert answer.location == "/tools"
    assert "Grace" in visitor.get("/account").text
    (asked,) = provider.asked
    assert asked["code_challenge_method"] == "S256"
    assert asked["nonce"]
    assert asked["redirect_uri"].endswith("/sign-in/from/acme")
    row = person_row(application, GRACE)
    assert row is not None
    assert row.is_verified


def test_who_is_disabled_is_told_so_after_they_have_shown_who_they_are(
    application: Application, visitor: Browser
) -> None:
    sign_in_with(visitor, "acme")
    with application.parts.database.transaction() as session:
        session.execute(update(PersonRow).where(PersonRow.email == GRACE).values(is_disabled=True))

    answer = sign_in_with(someone_else(application), "acme")

    assert answer.status_code == 403
    assert "This account is disabled" in answer.text
    assert events(application, "sign_in_refused")[0].facts == {"why": "disabled"}


def test_they_come_back_as_the_same_person_whatever_their_address_is_now(
    application: Application, visitor: Browser, provider: OidcProvider
) -> None:
    sign_in_with(visitor, "acme")
    provider.person["email"] = "hopper@elsewhere.example"

    again = someone_else(application)
    sign_in_with(again, "acme")
    assert GRACE in again.get("/account").text


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email": "grace@elsewhere.example"},
        {"email": "gr\u0430ce@example.org"},
        {"email": None},
        {"email_verified": "yes"},
    ],
)
def test_no_account_is_made_for_other_or_unverified_addresses(
    application: Application, visitor: Browser, provider: OidcProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert sign_in_with(visitor, "acme").location.startswith("/sign-in/unknown")
    assert not is_signed_in(visitor)
    assert person_row(application, GRACE) is None


def _wrong_nonce(provider: OidcProvider) -> None:
    provider.claims = {"nonce": "of another sign-in"}


def _no_nonce(provider: OidcProvider) -> None:
    provider.claims = {"nonce": None, "nonce_supported": False}


def _wrong_token_issuer(provider: OidcProvider) -> None:
    provider.claims = {"iss": "https://evil.example"}


def _wrong_audience(provider: OidcProvider) -> None:
    provider.claims = {"aud": "somebody-else", "azp": "steward"}


def _expired(provider: OidcProvider) -> None:
    provider.claims = {"exp": 1_000_000_000}


def _forged_key(provider: OidcProvider) -> None:
    provider.signs_with = new_key()


def _unknown_key(provider: OidcProvider) -> None:
    provider.signs_with = new_key("never published")


def _unsigned(provider: OidcProvider) -> None:
    provider.algorithm = "none"


def _no_id_token(provider: OidcProvider) -> None:
    provider.no_id_token = True


def _answer_of_another_issuer(provider: OidcProvider) -> None:
    provider.answer = {"iss": "https://evil.example"}


def _swapped_state(provider: OidcProvider) -> None:
    provider.answer = {"state": "of-another-browser"}


def _made_up_code(provider: OidcProvider) -> None:
    provider.answer = {"code": "never-given"}


def _long_subject(provider: OidcProvider) -> None:
    provider.claims = {"sub": "x" * 256}


def _subject_that_no_database_takes(provider: OidcProvider) -> None:
    provider.claims = {"sub": "248289\x00"}


def _denied(provider: OidcProvider) -> None:
    provider.answer = {"error": "access_denied"}


@pytest.mark.parametrize(
    "lie",
    [
        _wrong_nonce, _no_nonce, _wrong_token_issuer, _wrong_audience, _expired, _forged_key, _unknown_key,
        _unsigned, _no_id_token, _answer_of_another_issuer, _swapped_state, _made_up_code, _long_subject,
        _subject_that_no_database_takes, _denied,
    ],
)  # fmt: skip
def test_what_a_provider_must_not_say_is_refused_with_a_clear_page(
    application: Application,
    visitor: Browser,
    provider: OidcProvider,
    lie: Callable[[OidcProvider], None],
) -> None:
    lie(provider)

    answer = sign_in_with(visitor, "acme")

    assert answer.status_code == 400
    assert "sign-in page" in answer.text
    assert not is_signed_in(visitor)
    assert person_row(application, GRACE) is None
    (event,) = events(application, "provider_refused")
    assert event.facts["provider"] == "acme"
    assert event.facts["why"]


def test_an_answer_without_its_issuer_is_refused_where_the_provider_sends_it(
    visitor: Browser,
) -> None:
    back = go_to_provider(visitor, "acme")
    without = "&".join(part for part in back.split("&") if not part.startswith("iss="))

    assert visitor.get(without).status_code == 400


def test_an_answer_counts_once(visitor: Browser, application: Application) -> None:
    back = go_to_provider(visitor, "acme")
    assert visitor.get(back).status_code == 302

    assert visitor.get(back).status_code == 400
    assert someone_else(application).get(back).status_code == 400


def test_an_answer_counts_in_the_browser_that_asked_only(
    application: Application, visitor: Browser
) -> None:
    back = go_to_provider(visitor, "acme")
    victim = someone_else(application)

    assert victim.get(back).status_code == 400
    assert not is_signed_in(victim)


def test_an_answer_of_one_provider_is_none_of_another(visitor: Browser) -> None:
    back = go_to_provider(visitor, "acme")

    assert visitor.get(back.replace("/from/acme", "/from/strict")).status_code == 400


def test_metadata_of_another_issuer_is_not_believed(
    visitor: Browser, provider: OidcProvider
) -> None:
    provider.metadata = {"issuer": "https://evil.example"}

    assert visitor.get("/sign-in/with/acme").status_code == 400


def test_a_provider_that_is_away_is_said_to_be(
    application: Application,
    visitor: Browser,
    provider: OidcProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provider, "_keys", None)
    upstream = application.parts.providers.get("acme")
    monkeypatch.setattr(upstream._app, "_server_metadata_url", "http://127.0.0.1:1/")  # pyright: ignore[reportPrivateUsage]

    answer = visitor.get("/sign-in/with/acme")
    assert answer.status_code == 503
    assert "Try again later" in answer.text


def test_a_changed_key_is_fetched(
    application: Application, visitor: Browser, provider: OidcProvider
) -> None:
    sign_in_with(visitor, "acme")
    provider.key = new_key("second")

    assert sign_in_with(someone_else(application), "acme").location == "/"


def test_there_are_no_providers_but_those_in_the_settings(visitor: Browser) -> None:
    assert visitor.get("/sign-in/with/other").status_code == 404
    assert visitor.get("/sign-in/from/other").status_code == 404


class TestLinking:
    """An equal address alone connects nothing."""

    @pytest.fixture(autouse=True)
    def grace(self, application: Application, visitor: Browser) -> None:  # noqa: ARG002 - there must be an owner
        add_person(application.parts.database, GRACE)

    def test_an_equal_address_alone_does_not_let_in(self, visitor: Browser) -> None:
        answer = sign_in_with(visitor, "acme")

        assert answer.location.startswith("/sign-in/unknown")
        assert not is_signed_in(visitor)

    @pytest.mark.usefixtures("visitor")
    def test_the_page_is_the_same_when_nobody_has_the_address(
        self, application: Application, provider: OidcProvider
    ) -> None:
        def page(email: str) -> str:
            browser = someone_else(application)
            provider.claims = {"email": email, "email_verified": False}
            sign_in_with(browser, "strict")
            text = browser.get("/sign-in/unknown").text
            return text.split("<main")[1].replace(email, "").split("csrf_token")[0]

        assert page(GRACE) == page("nobody@example.org")

    def test_the_password_of_the_account_connects_it_after_a_question(
        self, application: Application, visitor: Browser
    ) -> None:
        sign_in_with(visitor, "strict")
        answer = visitor.submit(
            "/sign-in", {"email": GRACE, "password": OWNER["password"]}, page="/sign-in/unknown"
        )
        assert answer.location == "/account/connect"
        assert sign_in_with(someone_else(application), "strict").location != "/", (
            "not before the answer"
        )
        visitor.submit("/account/connect", {"answer": "yes"}, page="/account/connect")

        assert sign_in_with(someone_else(application), "strict").location == "/"
        assert events(application, "identity_connected")

    def test_a_no_connects_nothing(self, application: Application, visitor: Browser) -> None:
        sign_in_with(visitor, "strict")
        visitor.submit(
            "/sign-in", {"email": GRACE, "password": OWNER["password"]}, page="/sign-in/unknown"
        )
        visitor.submit("/account/connect", {"answer": "no"}, page="/account/connect")

        assert sign_in_with(someone_else(application), "strict").location != "/"

    def test_a_mailed_link_connects_it_in_the_browser_that_began(
        self, application: Application, visitor: Browser, mails: MailSink
    ) -> None:
        sign_in_with(visitor, "strict")
        visitor.submit("/sign-in/unknown", {}, page="/sign-in/unknown")
        assert mails.last()["To"] == GRACE
        elsewhere = someone_else(application).submit(mails.link(), {})
        assert elsewhere.status_code == 422
        assert "in the browser in which you began" in elsewhere.text

        assert visitor.submit(mails.link(), {}).location == "/"
        assert sign_in_with(someone_else(application), "strict").location == "/"

    def test_a_trusted_provider_connects_a_verified_address_by_itself(
        self, application: Application, visitor: Browser, provider: OidcProvider
    ) -> None:
        assert sign_in_with(visitor, "trusting").location != "/", (
            "the account's own is not confirmed"
        )
        confirm_address(application, GRACE)
        provider.claims = {"email_verified": False}
        assert sign_in_with(visitor, "trusting").location != "/"
        provider.claims = {}

        assert sign_in_with(visitor, "trusting").location == "/"
        assert is_signed_in(visitor)

    def test_whoever_was_given_somebodys_address_there_is_not_let_into_their_account(
        self, application: Application, visitor: Browser, provider: OidcProvider
    ) -> None:
        confirm_address(application, GRACE)
        assert sign_in_with(visitor, "trusting").location == "/"
        provider.claims = {"sub": "who came after Grace"}

        assert sign_in_with(someone_else(application), "trusting").location != "/"

    def test_long_after_signing_in_connecting_needs_the_password(
        self, application: Application, visitor: Browser
    ) -> None:
        visitor.sign_in(email=GRACE)
        later(application, minutes=20)
        sign_in_with(visitor, "strict", "/account/connect/")
        yes = {"answer": "yes"}
        refused = visitor.submit("/account/connect", yes, page="/account/connect")
        assert (refused.status_code, "not your password" in refused.text) == (422, True)
        assert sign_in_with(someone_else(application), "strict").location != "/"

        visitor.submit(
            "/account/connect", {**yes, "password": OWNER["password"]}, page="/account/connect"
        )
        assert sign_in_with(someone_else(application), "strict").location == "/"

    def test_who_was_signed_out_while_they_were_there_gets_no_account_made(
        self, application: Application, visitor: Browser, provider: OidcProvider
    ) -> None:
        visitor.sign_in(email=GRACE)
        provider.claims = {"email": "another@example.org"}
        back = go_to_provider(visitor, "acme", "/account/connect/")
        with application.parts.database.transaction() as session:
            session.execute(delete(SessionRow))

        assert visitor.get(back).status_code == 401
        assert person_row(application, "another@example.org") is None

    def test_trust_ends_at_the_domain(
        self, application: Application, visitor: Browser, provider: OidcProvider
    ) -> None:
        add_person(application.parts.database, "grace@elsewhere.example")
        confirm_address(application, "grace@elsewhere.example")
        provider.claims = {"email": "grace@elsewhere.example"}

        assert sign_in_with(visitor, "trusting").location != "/"

    def test_who_is_signed_in_connects_and_disconnects(
        self, application: Application, visitor: Browser
    ) -> None:
        visitor.sign_in(email=GRACE)
        answer = sign_in_with(visitor, "strict", "/account/connect/")
        assert answer.location == "/account/connect"
        assert sign_in_with(someone_else(application), "strict").location != "/"
        visitor.submit("/account/connect", {"answer": "yes"}, page="/account/connect")
        assert sign_in_with(someone_else(application), "strict").location == "/"

        page = visitor.get("/account").text
        issuer = page.split('name="issuer" value="')[1].split('"')[0]
        form = {"issuer": issuer, "subject": "248289"}
        visitor.submit("/account/identities/remove", form, page="/account")
        assert sign_in_with(someone_else(application), "strict").location != "/"

    def test_what_is_somebody_elses_is_not_connected_twice(
        self, application: Application, visitor: Browser
    ) -> None:
        confirm_address(application, GRACE)
        sign_in_with(visitor, "trusting")
        eve = someone_else(application)
        add_person(application.parts.database, "eve@example.org")
        eve.sign_in(email="eve@example.org")
        sign_in_with(eve, "strict", "/account/connect/")

        answer = eve.submit("/account/connect", {"answer": "yes"}, page="/account/connect")
        assert answer.status_code == 409
        assert GRACE in visitor.get("/account").text


def test_the_only_way_in_is_not_removed(visitor: Browser, provider: OidcProvider) -> None:
    sign_in_with(visitor, "acme")
    form = {"issuer": provider.url, "subject": "248289"}

    answer = visitor.submit("/account/identities/remove", form, page="/account")
    assert answer.status_code == 422
    assert "only way into your account" in answer.text


def test_before_there_is_an_owner_no_provider_brings_anybody(browser: Browser) -> None:
    assert browser.get("/sign-in/with/acme").status_code == 403


def test_a_code_is_worth_nothing_without_its_verifier(
    visitor: Browser,
    provider: OidcProvider,
) -> None:
    code = go_to_provider(visitor, "acme").split("code=")[1].split("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": "guessed"}

    stolen = httpx.post(
        f"{provider.url}/token", data=form, auth=("steward", "only the two of us know")
    )
    assert stolen.status_code == 400
