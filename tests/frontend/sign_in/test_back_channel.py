"""A provider ends the sessions that it began (OpenID Connect Back-Channel Logout 1.0)."""

import time
from typing import Any

import pytest
from support.frontend_site import Browser
from support.sign_in import events, is_signed_in, sign_in_with, someone_else
from support.sign_in_providers import LOGOUT_EVENT, OidcProvider, new_key
from werkzeug.test import TestResponse

from frontend.app import Application


@pytest.fixture
def changes(provider: OidcProvider, client: dict[str, Any]) -> dict[str, Any]:
    acme = {"issuer": provider.url, "newcomers": "own_organisation", **client}
    return {"oidc_providers": {"acme": acme}}


@pytest.fixture
def two(application: Application, visitor: Browser, provider: OidcProvider) -> list[Browser]:  # noqa: ARG001 - there must be an owner
    """One person, signed in twice, by two sessions there."""
    browsers: list[Browser] = []
    for sid in ("first", "second"):
        browser = someone_else(application)
        provider.claims = {"sid": sid}
        assert sign_in_with(browser, "acme").location == "/"
        browsers.append(browser)
    return browsers


def tell(application: Application, token: str) -> TestResponse:
    """As the provider's server does: no cookie, no token of a form."""
    client = application.flask.test_client()
    return client.post("/sign-in/ended/acme", data={"logout_token": token})


def signed_in(browsers: list[Browser]) -> list[bool]:
    return [is_signed_in(browser) for browser in browsers]


def test_the_session_with_the_sid_ends_and_no_other(
    application: Application, two: list[Browser], provider: OidcProvider
) -> None:
    told: list[str] = []
    application.flask.extensions["steward_end_session"] = told.append

    answer = tell(application, provider.logout_token(sid="first"))

    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert signed_in(two) == [False, True]
    assert len(told) == 1


def test_without_a_sid_all_of_the_person_end(
    application: Application, two: list[Browser], owner: Browser, provider: OidcProvider
) -> None:
    assert tell(application, provider.logout_token()).status_code == 200
    assert signed_in(two) == [False, False]
    assert is_signed_in(owner), "whom another way brought stays"


def test_a_sid_alone_is_enough(
    application: Application, two: list[Browser], provider: OidcProvider
) -> None:
    assert tell(application, provider.logout_token(sid="second", sub=None)).status_code == 200
    assert signed_in(two) == [True, False]


def test_sid_and_subject_must_be_of_one_session(
    application: Application, two: list[Browser], provider: OidcProvider
) -> None:
    assert tell(application, provider.logout_token(sid="first", sub="another")).status_code == 200
    assert signed_in(two) == [True, True]


@pytest.mark.parametrize(
    "changes_of_token",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"aud": None},
        {"iat": 1_000_000_000},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"iat": True},
        {"exp": 1_000_000_000},
        {"jti": None},
        {"jti": ""},
        {"events": None},
        {"events": {"http://example.org/other": {}}},
        {"events": {LOGOUT_EVENT: "yes"}},
        {"events": [LOGOUT_EVENT]},
        {"nonce": "n"},
        {"sub": None},
        {"sub": 7},
        {"sid": ""},
        {"sid": "first\x00"},
        {"typ": "at+jwt"},
        {"key": new_key()},
        {"key": new_key("never published")},
    ],
)
def test_a_token_that_breaks_a_rule_ends_nothing(
    application: Application,
    two: list[Browser],
    provider: OidcProvider,
    changes_of_token: dict[str, Any],
) -> None:
    answer = tell(application, provider.logout_token(**changes_of_token))

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"] == "invalid_request"
    assert signed_in(two) == [True, True]
    assert events(application, "logout_token_refused")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 20_000])
@pytest.mark.usefixtures("visitor")
def test_what_is_no_token_is_refused(application: Application, token: str) -> None:
    assert tell(application, token).status_code == 400


def test_an_unsigned_token_ends_nothing(
    application: Application, two: list[Browser], provider: OidcProvider
) -> None:
    provider.algorithm = "none"
    assert tell(application, provider.logout_token()).status_code == 400
    assert signed_in(two) == [True, True]


@pytest.mark.usefixtures("two")
def test_a_token_counts_once(application: Application, provider: OidcProvider) -> None:
    token = provider.logout_token(sid="first")
    assert [tell(application, token).status_code for _ in range(2)] == [200, 400]


@pytest.mark.usefixtures("two")
def test_an_id_token_is_no_logout_token(application: Application, provider: OidcProvider) -> None:
    token = provider.logout_token(typ="JWT", nonce="n", events=None, exp=int(time.time()) + 60)
    assert tell(application, token).status_code == 400


@pytest.mark.usefixtures("two")
def test_made_up_keys_do_not_make_us_fetch_again_and_again(
    application: Application, provider: OidcProvider
) -> None:
    before = provider.key_requests
    for number in range(5):
        tell(application, provider.logout_token(key=new_key(f"made up {number}")))

    assert provider.key_requests - before <= 1


@pytest.mark.usefixtures("visitor")
def test_a_provider_that_is_none_cannot_say_anything(
    application: Application,
) -> None:
    assert application.flask.test_client().post("/sign-in/ended/other").status_code == 404
