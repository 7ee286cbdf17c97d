"""Signing in and out by password."""

from dataclasses import replace

import pytest
from support.frontend_site import BURST, ORIGIN, OWNER, Browser, csrf_token
from support.sign_in import events
from support.valkey import valkey

from frontend.app import Application
from frontend.sign_in.sessions import VISITOR_SESSION, store_name
from shared.rate_limit import RateLimit


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie("steward")
    assert found is not None
    return found.value


def test_the_right_password_opens_the_chat(visitor: Browser) -> None:
    answer = visitor.sign_in()

    assert (answer.status_code, answer.location) == (302, "/")
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "wrong password"},
        {"password": ""},
        {"password": "x" * 100_000},
        {"email": "nobody@example.org"},
        {"email": ""},
        {"email": "\x00"},
    ],
)
def test_what_is_wrong_is_not_told_apart(visitor: Browser, fields: dict[str, str]) -> None:
    answer = visitor.sign_in(**fields)

    assert answer.status_code == 401
    assert "The e-mail address or the password is wrong." in answer.text
    assert visitor.get("/").location == "/sign-in?next=/"


def test_the_session_gets_a_new_id_when_somebody_signs_in(
    application: Application, visitor: Browser
) -> None:
    visitor.get("/sign-in")
    before = cookie(visitor)

    visitor.sign_in()

    assert cookie(visitor) != before
    attacker = Browser(application.flask.test_client())
    attacker.client.set_cookie("steward", before)
    assert attacker.get("/api/about").status_code == 401


def test_a_session_id_made_up_elsewhere_is_not_taken(visitor: Browser) -> None:
    visitor.client.set_cookie("steward", "chosen-by-somebody-else")

    visitor.sign_in()

    assert cookie(visitor) != "chosen-by-somebody-else"


def test_signing_out_ends_the_session_on_the_server(
    application: Application, owner: Browser
) -> None:
    stolen = cookie(owner)

    answer = owner.submit("/sign-out", {}, page="/")

    assert (answer.status_code, answer.location) == (302, "/sign-in")
    thief = Browser(application.flask.test_client())
    thief.client.set_cookie("steward", stolen)
    assert thief.get("/api/about").status_code == 401


def test_pages_are_told_of_the_end_only_when_the_session_is_gone(
    application: Application, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_tab = Browser(application.flask.test_client())
    other_tab.client.set_cookie("steward", cookie(owner))
    answers: list[int] = []

    def look(_key: str) -> None:
        answers.append(other_tab.get("/api/about").status_code)

    monkeypatch.setitem(application.flask.extensions, "steward_end_session", look)

    owner.submit("/sign-out", {}, page="/")

    assert answers == [401]


def test_a_request_that_is_on_its_way_while_somebody_signs_out_does_not_bring_the_session_back(
    application: Application, owner: Browser
) -> None:
    owner.get("/")
    mine = cookie(owner)
    interface = application.flask.session_interface
    with application.flask.test_request_context(
        "/api/about", headers={"Cookie": f"steward={mine}"}
    ) as late:
        session = interface.open_session(application.flask, late.request)
        owner.submit("/sign-out", {}, page="/")
        assert session is not None
        interface.save_session(application.flask, session, application.flask.response_class())

    thief = Browser(application.flask.test_client())
    thief.client.set_cookie("steward", mine)
    assert thief.get("/api/about").status_code == 401


def test_sessions_of_visitors_who_never_sign_in_are_soon_forgotten(
    application: Application, visitor: Browser
) -> None:
    def kept_s() -> int:
        return application.parts.redis.ttl(store_name(cookie(visitor)))

    visitor.get("/there/is/no/such/page")
    assert 0 < kept_s() <= VISITOR_SESSION.total_seconds()

    visitor.sign_in()
    assert kept_s() > VISITOR_SESSION.total_seconds()


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(visitor: Browser) -> None:
    header = visitor.get("/sign-in").headers["Set-Cookie"]

    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Secure" not in header


def test_after_some_quick_tries_the_next_is_not_heard(visitor: Browser) -> None:
    tries = [visitor.sign_in(password=f"wrong {number}") for number in range(BURST + 1)]

    assert [answer.status_code for answer in tries] == [401] * BURST + [429]
    assert "Too many attempts. Try again in" in tries[-1].text
    assert 1 <= int(tries[-1].headers["Retry-After"]) <= 60
    assert f'value="{OWNER["email"]}"' in tries[-1].text
    assert visitor.sign_in().status_code == 429, "the right password is not heard either"


def test_an_unknown_account_is_limited_like_a_known_one(visitor: Browser) -> None:
    tries = [visitor.sign_in(email="nobody@example.org") for _ in range(BURST + 1)]

    assert [answer.status_code for answer in tries] == [401] * BURST + [429]


def test_accounts_do_not_share_their_limit(visitor: Browser) -> None:
    for _ in range(BURST + 1):
        visitor.sign_in(email="nobody@example.org")

    assert visitor.sign_in().status_code == 302


def test_nobody_signs_in_while_attempts_cannot_be_counted(
    application: Application, visitor: Browser
) -> None:
    token = csrf_token(visitor.get("/sign-in").text)
    with valkey() as gone:
        pass
    limit = RateLimit("sign-in:account", per_minute=5, burst=10, redis_url=gone.url)
    attempts = replace(application.parts.password_attempts, limit=limit)
    object.__setattr__(application.parts, "password_attempts", attempts)
    account = {name: OWNER[name] for name in ("email", "password")}

    answer = visitor.client.post("/sign-in", data={**account, "csrf_token": token})

    assert answer.status_code == 503
    assert "Try again in a moment" in answer.text


@pytest.mark.parametrize(
    ("target", "destination"),
    [
        ("/c/abc", "/c/abc"),
        ("/tools?x=1", "/tools?x=1"),
        ("", "/"),
        ("tools", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        (f"{ORIGIN}@evil.example/", "/"),
        ("//[", "/"),
        ("https://[::1", "/"),
        ("/sign-in", "/sign-in"),
    ],
)
def test_after_signing_in_people_stay_on_this_site(
    application: Application, visitor: Browser, target: str, destination: str
) -> None:
    assert visitor.sign_in(next=target).location == destination
    told = [event.facts for event in events(application, "input_refused")]
    is_refused = bool(target) and target != destination
    assert told == [{"why": "open_redirect", "sent": target}] * is_refused


def test_links_that_lead_away_are_recorded_and_slowed_down(
    application: Application, visitor: Browser
) -> None:
    redis_url = application.parts.settings.redis_url
    limit = RateLimit("address", per_minute=1, burst=2, redis_url=redis_url)
    object.__setattr__(application.parts, "address_limit", limit)

    opened = [visitor.get("/sign-in?next=//evil.example").status_code for _ in range(3)]

    assert opened == [200, 200, 429]
    assert len(events(application, "input_refused")) == 2
    assert visitor.get("/sign-in").status_code == 200


def test_a_page_that_needs_signing_in_is_come_back_to(visitor: Browser) -> None:
    assert visitor.get("/c/some-conversation").location == "/sign-in?next=/c/some-conversation"
