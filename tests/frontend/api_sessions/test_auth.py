"""Signing in without a browser: tokens for minutes, refreshed once each, and ended when one was copied."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pyotp.totp import TOTP
from support.frontend_site import OWNER, Browser, json_of
from support.organisation import Program, World, at_once, meeting_before, statuses

from frontend.accounts.queries import find_owner, find_person
from frontend.accounts.roles import Role
from frontend.api_sessions.queries import add_api_session
from frontend.app import Application
from frontend.sign_in.second_factors import begin_setup, confirm_setup
from shared.sql import utc_now

LOGIN = {name: OWNER[name] for name in ("email", "password")}


def call(application: Application, path: str, body: Any, token: str = "") -> Any:
    return Program(application.flask.test_client(), token).call("POST", f"/api/auth/{path}", body)


def me(application: Application, token: str) -> int:
    return Program(application.flask.test_client(), token).call("GET", "/api/users/me").status_code


@pytest.mark.usefixtures("visitor")
def test_signing_in_refreshing_and_signing_out(application: Application) -> None:
    first = call(application, "login", LOGIN)
    assert first.status_code == 200
    assert "Set-Cookie" not in first.headers
    one = json_of(first)
    assert one["me"]["email"] == OWNER["email"]
    assert me(application, one["access_token"]) == 200
    assert me(application, one["refresh_token"]) == 401  # of the other kind

    two = json_of(call(application, "refresh", {"refresh_token": one["refresh_token"]}))
    assert me(application, one["access_token"]) == 401
    assert me(application, two["access_token"]) == 200
    assert call(application, "logout", {"refresh_token": two["refresh_token"]}).status_code == 204
    assert me(application, two["access_token"]) == 401
    assert call(application, "refresh", {"refresh_token": two["refresh_token"]}).status_code == 401


@pytest.mark.usefixtures("visitor")
def test_a_wrong_password_and_an_unknown_address_are_refused_alike(
    application: Application,
) -> None:
    wrong = call(application, "login", {**LOGIN, "password": "something else"})
    unknown = call(application, "login", {**LOGIN, "email": "nobody@example.org"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text == unknown.text
    assert "something else" not in call(application, "login", {"password": "something else"}).text


@pytest.mark.usefixtures("visitor")
def test_where_codes_are_asked_for_the_password_alone_is_not_enough(
    application: Application,
) -> None:
    parts = application.parts
    with parts.database.transaction() as session:
        owner = find_owner(session)
        assert owner is not None
        setup = begin_setup(session, parts.sealer, owner.person_id, owner.email)
        code = TOTP(setup.secret).now()
        recovery = confirm_setup(session, parts.sealer, owner.person_id, code, utc_now())
    assert recovery is not None

    missing = call(application, "login", LOGIN)
    assert missing.status_code == 401
    assert json_of(missing)["error"]["details"] == {"code_needed": True}
    assert call(application, "login", {**LOGIN, "code": "000000"}).status_code == 401
    assert call(application, "login", {**LOGIN, "code": recovery[0]}).status_code == 200


@pytest.mark.usefixtures("visitor")
def test_trying_is_slowed_down(application: Application) -> None:
    body = {**LOGIN, "password": "something else"}
    answers = [call(application, "login", body) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_refresh_token_that_comes_again_ends_the_sign_in(either_world: World) -> None:
    world = either_world
    application = world.application
    from_ada = world.program("ada")
    refresh = _refresh_token(world)
    fresh = json_of(call(application, "refresh", {"refresh_token": refresh}))
    assert call(application, "refresh", {"refresh_token": refresh}).status_code == 401
    assert me(application, fresh["access_token"]) == 401
    assert (
        call(application, "refresh", {"refresh_token": fresh["refresh_token"]}).status_code == 401
    )
    assert me(application, from_ada.token) == 200  # another sign-in of the same person
    assert world.events()[-1] == "refresh_token_reused"


def test_of_two_refreshes_at_once_one_wins_and_the_sign_in_ends(either_world: World) -> None:
    world = either_world
    refresh = partial(call, world.application, "refresh", {"refresh_token": _refresh_token(world)})
    with meeting_before(world.application.parts.database.engine, "UPDATE api_sessions"):
        answers = at_once(refresh, refresh)
    assert statuses(answers) == [200, 401]
    won = next(answer for answer in answers if answer.status_code == 200)
    assert me(world.application, json_of(won)["access_token"]) == 401


def test_tokens_end_by_time(world: World) -> None:
    token = world.program("ada").token
    parts = world.application.parts
    object.__setattr__(parts, "now", lambda: utc_now() + timedelta(minutes=11))
    assert me(world.application, token) == 401
    refresh = _refresh_token(world)
    object.__setattr__(parts, "now", lambda: utc_now() + timedelta(days=2))
    assert call(world.application, "refresh", {"refresh_token": refresh}).status_code == 401
    assert "refresh_token_reused" not in world.events()  # nobody has copied it


def test_whoever_is_removed_cannot_refresh(world: World) -> None:
    eve = world.add("eve", Role.MEMBER)
    refresh = _refresh_token(world, "eve")
    world.program("ada").call("DELETE", f"/api/users/{eve}")
    assert call(world.application, "refresh", {"refresh_token": refresh}).status_code == 401


def test_the_first_account_owns_the_installation_and_others_need_an_invitation(
    application: Application, browser: Browser
) -> None:
    first = call(application, "register", dict(OWNER))
    assert (first.status_code, json_of(first)["me"]["role"]) == (201, "owner")
    grace = {**OWNER, "email": "grace@example.org", "name": "Grace"}
    assert call(application, "register", grace).status_code == 403
    owner = Program(application.flask.test_client(), json_of(first)["access_token"])
    tenant = json_of(first)["me"]["tenant"]["tenant_id"]
    made = owner.call("POST", f"/api/tenants/{tenant}/invitations", {"role": "support"})
    token = json_of(made)["link"].rpartition("/")[2]
    joined = call(application, "register", {**grace, "invitation": token})
    assert (joined.status_code, json_of(joined)["me"]["role"]) == (201, "support")
    assert call(application, "register", {**grace, "invitation": token}).status_code == 404
    assert browser.get("/sign-up").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"email": 1}',
        b'{"email": "\\ud800"}',
        b'{"email": "a\\u0000@b"}',
        b"\xff",
    ],
)
@pytest.mark.usefixtures("visitor")
def test_what_is_no_request_is_told_so(application: Application, body: bytes) -> None:
    answer = application.flask.test_client().post("/api/auth/login", data=body)
    assert answer.status_code == 422
    assert json_of(answer)["error"]["code"] == "invalid_input"


def _refresh_token(world: World, name: str = "ada") -> str:
    """Of a sign-in of somebody's, as `login` gives it."""
    with world.application.parts.database.transaction() as session:
        person = find_person(session, world.people[name], world.acme)
        assert person is not None
        return add_api_session(session, person, utc_now(), timedelta(days=1)).refresh
