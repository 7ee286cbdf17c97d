"""Who gets an account: the first one, who owns the installation, and nobody after that."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support.frontend_site import OWNER, Browser, csrf_token
from werkzeug.test import TestResponse

from frontend.accounts.queries import find_owner
from frontend.app import Application


def test_the_first_one_becomes_the_owner_and_is_signed_in(browser: Browser) -> None:
    answer = browser.sign_up()

    assert (answer.status_code, answer.location) == (302, "/")
    page = browser.get("/").text
    assert OWNER["name"] in page
    assert OWNER["email"] in page


def test_somebody_new_is_sent_to_sign_up_while_there_is_no_owner(browser: Browser) -> None:
    page = browser.get("/", follow_redirects=True)

    assert page.request.path == "/sign-up"


def test_nobody_signs_up_after_the_owner(visitor: Browser) -> None:
    page = visitor.get("/sign-up")
    assert page.status_code == 403
    assert "The owner account exists already" in page.text

    answer = visitor.submit("/sign-up", {**OWNER, "email": "eve@example.org"}, page="/sign-in")
    assert answer.status_code == 409
    assert "The owner account exists already" in answer.text
    assert visitor.get("/api/about").status_code == 401


def test_of_two_simultaneous_first_sign_ups_one_wins(application: Application) -> None:
    browsers = [Browser(application.flask.test_client()) for _ in range(2)]
    forms = [
        {
            **OWNER,
            "email": f"person{number}@example.org",
            "csrf_token": csrf_token(browser.get("/sign-up").text),
        }
        for number, browser in enumerate(browsers)
    ]

    def send(browser: Browser, form: dict[str, str]) -> TestResponse:
        return browser.client.post("/sign-up", data=form)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, browsers, forms))

    assert sorted(answer.status_code for answer in answers) == [302, 409]
    winner = next(
        form for form, answer in zip(forms, answers, strict=True) if answer.status_code == 302
    )
    with application.parts.database.transaction() as session:
        person = find_owner(session)
    assert person is not None
    assert person.email == winner["email"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"password": "123456789"}, "at least 10 characters"),
        ({"password": "x" * 201}, "at most 200 characters"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"email": "a@b@example.org"}, "not an e-mail address"),
        ({"email": "a b@example.org"}, "not an e-mail address"),
        ({"email": "a\x00b@example.org"}, "not an e-mail address"),
        ({"email": "@example.org"}, "not an e-mail address"),
        ({"email": "a" * 250 + "@example.org"}, "not an e-mail address"),
        ({"name": "   "}, "what you are called"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "Ada\x07"}, "what you are called"),
    ],
)
def test_what_cannot_be_an_account_is_said_and_the_rest_is_kept(
    browser: Browser, fields: dict[str, str], sentence: str
) -> None:
    answer = browser.sign_up(**fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    kept = {**OWNER, **fields}
    assert kept["password"] not in answer.text
    if "email" not in fields:
        assert f'value="{OWNER["email"]}"' in answer.text
    if "name" not in fields:
        assert f'value="{OWNER["name"]}"' in answer.text


def test_what_was_typed_is_shown_as_text(browser: Browser) -> None:
    answer = browser.sign_up(name='"><script>alert(1)</script>', password="short")

    assert "<script>alert" not in answer.text


def test_an_address_is_the_same_in_capitals_and_with_spaces_around(
    application: Application, browser: Browser
) -> None:
    browser.sign_up(email="  ADA@Example.ORG ")

    other = Browser(application.flask.test_client())
    assert other.sign_in(email="ada@example.org").status_code == 302
