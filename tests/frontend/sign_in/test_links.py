"""One-time links, as the launcher prints them."""

from datetime import timedelta

import pytest
from support.frontend_site import Browser, path_of

from frontend.app import Application
from frontend.commands import make_sign_in_link, make_token
from shared.service_tokens import FixedKeys, TokenVerifier
from shared.sql import utc_now


def test_before_there_is_an_owner_a_link_makes_its_opener_the_owner(
    application: Application, browser: Browser
) -> None:
    link = path_of(make_sign_in_link(application.parts.settings))

    answer = browser.submit(link, {})

    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get("/").status_code == 200


def test_a_link_signs_the_owner_in_once(application: Application, visitor: Browser) -> None:
    link = path_of(make_sign_in_link(application.parts.settings))
    first, second = visitor, Browser(application.flask.test_client())

    assert first.submit(link, {}).status_code == 302
    assert first.get("/api/about").status_code != 401
    assert second.get(link).status_code == 410
    assert "used already" in second.submit(link, {}, page="/sign-in").text


def test_looking_at_a_link_does_not_use_it_up(application: Application, browser: Browser) -> None:
    link = path_of(make_sign_in_link(application.parts.settings))

    assert [browser.get(link).status_code for _ in range(3)] == [200, 200, 200]
    assert browser.submit(link, {}).status_code == 302


def test_a_link_is_good_for_a_day(application: Application, browser: Browser) -> None:
    parts = application.parts
    link = path_of(make_sign_in_link(parts.settings))
    object.__setattr__(parts, "now", lambda: utc_now() + timedelta(hours=25))

    assert browser.get(link).status_code == 410
    assert browser.submit(link, {}, page="/sign-up").status_code == 410


def test_a_new_link_replaces_the_last_one(application: Application, browser: Browser) -> None:
    older, newer = (path_of(make_sign_in_link(application.parts.settings)) for _ in range(2))

    assert browser.get(older).status_code == 410
    assert browser.get(newer).status_code == 200


@pytest.mark.parametrize("token", ["x", "%00", "a" * 5_000, "..%2f..", "'; DROP TABLE people; --"])
def test_a_link_that_was_never_made_is_like_one_that_is_gone(browser: Browser, token: str) -> None:
    assert browser.get(f"/sign-in/link/{token}").status_code in {404, 410}


@pytest.mark.usefixtures("visitor")
async def test_a_script_gets_a_token_in_the_owners_name(application: Application) -> None:
    parts = application.parts

    token = make_token(parts.settings, 60)

    keys = FixedKeys(parts.key.public_jwks())
    caller = await TokenVerifier("orchestrator", {parts.settings.issuer: keys}).verify(token)
    assert caller.roles == {"owner"}
    assert caller.name == "Ada Lovelace"


def test_there_is_no_token_before_there_is_an_owner(application: Application) -> None:
    with pytest.raises(SystemExit, match="There is no owner yet"):
        make_token(application.parts.settings, 60)


@pytest.mark.parametrize("lifetime_s", [0, -1, 86_401])
def test_a_token_lives_a_day_at_most(application: Application, lifetime_s: int) -> None:
    with pytest.raises(SystemExit, match="between 1 and 86,400"):
        make_token(application.parts.settings, lifetime_s)
