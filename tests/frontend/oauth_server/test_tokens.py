"""Codes and the tokens they are redeemed for."""

from collections.abc import Mapping

import pytest
from sqlalchemy import delete, update
from support.agents import (
    BACKEND,
    DATABASES,
    MAIL,
    OFFICE,
    SECRET,
    VERIFIER,
    Agent,
    Clock,
    MakeApplication,
    claims_of,
    events,
)
from support.frontend_site import OWNER, Browser, json_of

from frontend.accounts.models import MembershipRow, PersonRow, TenantRow
from frontend.app import Application


def test_a_code_is_redeemed_for_a_token_of_one_tool_server(
    application: Application, agent: Agent, owner: Browser, clock: Clock
) -> None:
    tokens = agent.tokens(owner)
    header, claims = claims_of(application, tokens["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "Ed25519")
    assert claims["aud"] == MAIL
    assert claims["client_id"] == OFFICE
    assert claims["scope"] == tokens["scope"] == "mail:draft mail:read"
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    assert claims["iat"] == int(clock().timestamp())
    assert (claims["name"], claims["roles"], claims["tier"]) == (OWNER["name"], ["owner"], "free")
    assert claims["sub"]
    assert claims["tenant"]
    assert claims["jti"]
    assert tokens["token_type"] == "Bearer"


def test_no_answer_with_a_token_is_kept_by_caches(agent: Agent, owner: Browser) -> None:
    answer = agent.redeem(agent.code(owner))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"


WRONG: Mapping[str, tuple[Mapping[str, str], str]] = {
    "another verifier": ({"code_verifier": VERIFIER + "x"}, "invalid_grant"),
    "no verifier": ({"code_verifier": ""}, "invalid_request"),
    "a short verifier": ({"code_verifier": "x" * 42}, "invalid_request"),
    "the challenge for a verifier": ({"code_verifier": "challenge"}, "invalid_request"),
    "another address": ({"redirect_uri": "http://127.0.0.1/callback"}, "invalid_grant"),
    "no address": ({"redirect_uri": ""}, "invalid_grant"),
    "another resource": ({"resource": DATABASES}, "invalid_target"),
    "an unknown client": ({"client_id": "nobody"}, "invalid_client"),
    "a client with a secret": ({"client_id": BACKEND}, "invalid_client"),
    "no client": ({"client_id": ""}, "invalid_client"),
    "another code": ({"code": "x" * 48}, "invalid_grant"),
    "no code": ({"code": ""}, "invalid_request"),
    "a long code": ({"code": "x" * 201}, "invalid_request"),
    "another grant": ({"grant_type": "password"}, "unsupported_grant_type"),
    "client credentials": ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
}


def test_what_does_not_fit_the_code_gets_no_token(
    application: Application, agent: Agent, owner: Browser
) -> None:
    for name, (changes, error) in WRONG.items():
        answer = agent.redeem(agent.code(owner), **changes)
        assert 400 <= answer.status_code < 500, name
        assert json_of(answer)["error"] == error, name
        assert "access_token" not in answer.text
    refused = [facts["error"] for kind, facts in events(application) if kind == "agent_refused"]
    assert sorted(refused) == sorted(error for _, error in WRONG.values())


def test_a_code_ends_after_a_minute(agent: Agent, owner: Browser, clock: Clock) -> None:
    late, in_time = agent.code(owner), agent.code(owner)
    clock.pass_s(59)
    assert agent.redeem(in_time).status_code == 200
    clock.pass_s(1)
    assert json_of(agent.redeem(late))["error"] == "invalid_grant"


def test_a_code_that_comes_again_ends_what_came_of_it(
    application: Application, agent: Agent, owner: Browser
) -> None:
    code = agent.code(owner)
    tokens = json_of(agent.redeem(code))
    assert json_of(agent.redeem(code))["error"] == "invalid_grant"
    assert json_of(agent.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"
    assert "code_replayed" in [kind for kind, _ in events(application)]


def test_another_client_neither_uses_nor_spoils_a_code(
    application: Application, agent: Agent, owner: Browser
) -> None:
    code = agent.code(owner)
    thief = agent.redeem(code, client_id=BACKEND, client_secret=SECRET)
    assert json_of(thief)["error"] == "invalid_grant"
    assert agent.redeem(code).status_code == 200
    agent.redeem(code, client_id=BACKEND, client_secret=SECRET)
    assert "code_replayed" not in [kind for kind, _ in events(application)]


def test_a_code_with_a_wrong_verifier_is_used_up(agent: Agent, owner: Browser) -> None:
    code = agent.code(owner)
    agent.redeem(code, code_verifier=VERIFIER + "x")
    assert json_of(agent.redeem(code))["error"] == "invalid_grant"


def test_a_client_with_a_secret_must_show_it(agent: Agent, owner: Browser) -> None:
    agent.client_id = BACKEND
    code = agent.code(owner)
    for shown in ({}, {"client_secret": "wrong"}, {"client_secret": ""}):
        answer = agent.redeem(code, **shown)
        assert answer.status_code == 401
        assert json_of(answer)["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert agent.redeem(code, client_secret=SECRET).status_code == 200


def test_a_secret_can_be_shown_in_the_header(agent: Agent, owner: Browser) -> None:
    agent.client_id = BACKEND
    fields = {
        "grant_type": "authorization_code",
        "code": agent.code(owner),
        "redirect_uri": agent.redirect_uri,
        "code_verifier": VERIFIER,
    }
    assert agent.post("/oauth/token", fields, auth=(BACKEND, "wrong")).status_code == 401
    assert agent.post("/oauth/token", fields, auth=(BACKEND, SECRET)).status_code == 200


def test_parameters_in_the_address_or_twice_are_not_taken(agent: Agent, owner: Browser) -> None:
    code = agent.code(owner)
    fields = (
        f"grant_type=authorization_code&code={code}&client_id={OFFICE}&code_verifier={VERIFIER}"
    )
    content = {"content_type": "application/x-www-form-urlencoded"}
    in_address = agent.http.post(f"/oauth/token?{fields}", **content)
    assert json_of(in_address)["error"] == "unsupported_grant_type"
    twice = agent.http.post("/oauth/token", data=f"{fields}&code=x", **content)
    assert json_of(twice)["error"] == "invalid_request"
    assert agent.redeem(code).status_code == 200


def test_nothing_is_redeemed_for_who_may_not_act_any_more(
    application: Application, agent: Agent, owner: Browser, clock: Clock
) -> None:
    codes = [agent.code(owner) for _ in range(3)]

    def change(statement: object) -> None:
        with application.parts.database.transaction() as session:
            session.execute(statement)  # type: ignore[call-overload]

    change(update(PersonRow).values(is_disabled=True))
    assert json_of(agent.redeem(codes[0]))["error"] == "invalid_grant"
    change(update(PersonRow).values(is_disabled=False))
    change(update(TenantRow).values(delete_after=clock()))
    assert json_of(agent.redeem(codes[1]))["error"] == "invalid_grant"
    change(update(TenantRow).values(delete_after=None))
    change(delete(MembershipRow))
    assert json_of(agent.redeem(codes[2]))["error"] == "invalid_grant"


def test_requests_for_tokens_are_limited_for_each_address(
    make_application: MakeApplication,
) -> None:
    http = make_application(agent_requests_a_minute=2).flask.test_client()
    answers = [http.post("/oauth/token", data={"grant_type": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert json_of(answers[2])["error"] == "temporarily_unavailable"
    assert int(answers[2].headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_errors_are_in_the_form_that_clients_read(agent: Agent, path: str) -> None:
    too_large = agent.http.post(path, data={"token": "x" * 2_000_000})
    assert too_large.status_code == 413
    assert json_of(too_large)["error"] == "invalid_request"
    by_get = agent.http.get(path)
    assert by_get.status_code == 405
