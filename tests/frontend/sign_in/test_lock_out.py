"""Guessing at an account: longer and longer waits, for guessers only, and the same for accounts that do not exist."""

from typing import Any, cast

import pytest
from redis import Redis
from support.frontend_site import OWNER, Browser
from support.sign_in import events, shown, someone_else

from frontend.app import Application

FREE = 10


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"sign_in_burst": 500, "sign_in_attempts_a_minute": 500}


def guess(browser: Browser, times: int, email: str = OWNER["email"]) -> list[int]:
    return [browser.sign_in(email=email, password=f"guess {n}").status_code for n in range(times)]


def end_waits(redis: Redis) -> None:
    """As if they were over; what failed stays counted."""
    waits = cast(Any, redis).keys("attempts:*:wait:*")
    redis.delete(*waits)


@pytest.mark.parametrize("email", [OWNER["email"], "nobody@example.org"])
@pytest.mark.usefixtures("visitor")
def test_after_many_wrong_ones_each_further_one_doubles_the_wait(
    application: Application, email: str
) -> None:
    guesser = someone_else(application, address="203.0.113.7")
    assert guess(guesser, FREE + 1, email) == [401] * FREE + [429]
    waits: list[int] = []
    for _ in range(3):
        waits.append(int(guesser.sign_in(email=email).headers["Retry-After"]))
        end_waits(application.parts.redis)
        guess(guesser, 1, email)

    # As many seconds as passed meanwhile are missing.
    assert all(full / 2 < left <= full for left, full in zip(waits, (30, 60, 120), strict=True))
    assert len(events(application, "locked_out")) == 4


@pytest.mark.usefixtures("visitor")
def test_the_words_are_the_same_for_an_account_that_does_not_exist(
    application: Application,
) -> None:
    pages: list[str] = []
    for email in (OWNER["email"], "nobody@example.org"):
        guesser = someone_else(application, address="203.0.113.7")
        guess(guesser, FREE, email)
        pages.append(shown(guesser.sign_in(email=email)).replace(email, ""))

    assert pages[0] == pages[1]


def test_strangers_do_not_keep_the_owner_out_of_their_own_browser(
    application: Application, owner: Browser
) -> None:
    owner.submit("/sign-out", {}, page="/account")
    for number in range(12):
        guess(someone_else(application, address=f"203.0.113.{number}"), 9)
    elsewhere = someone_else(application, address="198.51.100.1")

    assert elsewhere.sign_in().status_code == 429, "from a browser that nobody knows"
    assert owner.sign_in().status_code == 302


def test_a_browser_that_is_known_cannot_guess_without_end_either(owner: Browser) -> None:
    owner.submit("/sign-out", {}, page="/account")

    assert guess(owner, FREE + 1) == [401] * FREE + [429]


def test_a_made_up_cookie_makes_no_browser_known(application: Application, owner: Browser) -> None:
    known = owner.client.get_cookie("steward_device")
    assert known is not None
    for number in range(12):
        guess(someone_else(application, address=f"203.0.113.{number}"), 9)
    forger = someone_else(application, address="198.51.100.1")
    forger.client.set_cookie("steward_device", f"{known.value}x")

    assert forger.sign_in().status_code == 429


@pytest.mark.usefixtures("visitor")
def test_who_has_a_whole_ipv6_network_is_one_guesser(application: Application) -> None:
    for number in range(FREE):
        guess(someone_else(application, address=f"2001:db8::{number + 1}"), 1)

    assert someone_else(application, address="2001:db8::ffff").sign_in().status_code == 429
    assert someone_else(application, address="2001:db8:0:1::1").sign_in().status_code == 302


def test_signing_in_forgets_what_failed_before(visitor: Browser) -> None:
    guess(visitor, FREE - 1)
    assert visitor.sign_in().status_code == 302
    visitor.submit("/sign-out", {}, page="/account")

    assert guess(visitor, FREE) == [401] * FREE


def test_refusals_are_recorded(application: Application, visitor: Browser) -> None:
    guess(visitor, 1, "nobody@example.org")

    (event,) = events(application, "sign_in_refused")
    assert event.facts == {"email": "nobody@example.org"}
