"""Revocation (RFC 7009), introspection (RFC 7662), and the page on which people end what agents may do."""

import re

from support.agents import (
    BACKEND,
    DATABASES,
    MAIL,
    MAIL_SERVER,
    OFFICE,
    SECRET,
    Agent,
    Clock,
    events,
)
from support.frontend_site import Browser, add_person, json_of
from werkzeug.test import TestResponse

from frontend.app import Application
from shared.service_tokens import SigningKey


def revoke(agent: Agent, token: str, **changes: str) -> TestResponse:
    return agent.post("/oauth/revoke", {"token": token, "client_id": agent.client_id, **changes})


def introspect(
    agent: Agent, token: str, who: str = MAIL_SERVER, secret: str = SECRET
) -> TestResponse:
    return agent.post("/oauth/introspect", {"token": token}, auth=(who, secret))


def is_active(agent: Agent, token: str) -> bool:
    answer = introspect(agent, token)
    assert answer.status_code == 200, answer.text
    return json_of(answer)["active"]


def test_either_token_that_is_revoked_ends_both(agent: Agent, owner: Browser) -> None:
    for name in ("access_token", "refresh_token"):
        tokens = agent.tokens(owner)
        assert is_active(agent, tokens["access_token"])
        assert revoke(agent, tokens[name], token_type_hint="refresh_token").status_code == 200
        assert not is_active(agent, tokens["access_token"])
        assert json_of(agent.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"


def test_an_unknown_token_is_as_good_as_revoked(agent: Agent) -> None:
    assert revoke(agent, "unknown").status_code == 200
    assert revoke(agent, "a.b.c", token_type_hint="something_new").status_code == 200
    assert revoke(agent, "").status_code == 400


def test_nobody_revokes_the_token_of_another(agent: Agent, owner: Browser) -> None:
    tokens = agent.tokens(owner)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        other = revoke(agent, token, client_id=BACKEND, client_secret=SECRET)
        assert json_of(other)["error"] == "invalid_grant"
        assert json_of(revoke(agent, token, client_id="nobody"))["error"] == "invalid_client"
    assert is_active(agent, tokens["access_token"])


def test_a_tool_server_learns_what_a_token_of_its_own_is_good_for(
    agent: Agent, owner: Browser, clock: Clock
) -> None:
    tokens = agent.tokens(owner)
    told = json_of(introspect(agent, tokens["access_token"]))
    assert (told["active"], told["aud"], told["client_id"]) == (True, MAIL, OFFICE)
    assert told["scope"] == "mail:draft mail:read"
    clock.pass_s(301)
    assert json_of(introspect(agent, tokens["access_token"])) == {"active": False}


def test_others_tokens_look_dead(agent: Agent, owner: Browser) -> None:
    agent.resource, agent.scope = DATABASES, "db:read"
    token = agent.tokens(owner)["access_token"]
    assert json_of(introspect(agent, token)) == {"active": False}
    assert json_of(introspect(agent, token, BACKEND)) == {"active": False}


def test_an_agent_with_a_secret_learns_about_its_own_tokens(agent: Agent, owner: Browser) -> None:
    agent.client_id = BACKEND
    code = agent.code(owner)
    tokens = json_of(agent.redeem(code, client_secret=SECRET))
    for name in ("access_token", "refresh_token"):
        told = json_of(introspect(agent, tokens[name], BACKEND))
        assert (told["active"], told["client_id"]) == (True, BACKEND)
    agent.refresh(tokens["refresh_token"], client_secret=SECRET)
    assert json_of(introspect(agent, tokens["refresh_token"], BACKEND)) == {"active": False}


def test_only_who_has_a_secret_is_answered(agent: Agent, owner: Browser) -> None:
    token = agent.tokens(owner)["access_token"]
    for fields in ({"client_id": OFFICE}, {"client_id": MAIL_SERVER}, {}):
        answer = agent.post("/oauth/introspect", {"token": token, **fields})
        assert answer.status_code == 401
        assert "active" not in json_of(answer)
    assert introspect(agent, token, secret="wrong").status_code == 401


def test_forged_tokens_and_those_for_other_purposes_are_dead(
    application: Application, agent: Agent, owner: Browser
) -> None:
    token = agent.tokens(owner)["access_token"]
    claims = json_of(introspect(agent, token))
    sign = application.parts.key.sign
    forged = SigningKey.generate().sign(claims, token_type="at+jwt")
    for wrong in (
        forged,
        sign(claims),
        sign(claims, token_type="JWT"),
        sign({**claims, "iss": "https://elsewhere.example"}, token_type="at+jwt"),
        f"{token}x",
        "x.y.z",
    ):
        assert not is_active(agent, wrong)
    assert is_active(agent, sign(claims, token_type="at+jwt"))


def ends(page: str) -> list[str]:
    """Where its forms are sent that disconnect an agent, in their order."""
    return re.findall(r'action="(/agents/[^"]+)"', page)


def test_the_page_names_agents_and_addresses(agent: Agent, owner: Browser) -> None:
    assert "You have let none in." in owner.get("/agents").text
    agent.tokens(owner)
    page = owner.get("/agents").text
    for words in ("Office Agent", "Read your mail.", MAIL, "last used"):
        assert words in page, words


def test_a_person_ends_what_an_agent_may_do(
    application: Application, agent: Agent, owner: Browser
) -> None:
    tokens = agent.tokens(owner)
    page = owner.get("/agents").text
    [path] = ends(page)
    assert owner.client.post(path).status_code == 403  # without the token of the page
    assert owner.submit(path, {}, page="/agents").location == "/agents"
    assert not is_active(agent, tokens["access_token"])
    assert json_of(agent.refresh(tokens["refresh_token"]))["error"] == "invalid_grant"
    assert owner.get(agent.question()).status_code == 200  # asked anew
    assert owner.submit(path, {}, page="/agents").status_code == 404
    assert "agent_removed" in [kind for kind, _ in events(application)]


def test_administrators_see_everybodys_agents_and_others_their_own(
    application: Application, agent: Agent, owner: Browser
) -> None:
    add_person(application.parts.database, "eve@example.org")
    eve = Browser(application.flask.test_client())
    eve.sign_in(email="eve@example.org")
    owners = agent.tokens(owner)
    agent.resource, agent.scope = DATABASES, "db:read"
    eves = agent.tokens(eve)
    seen_by_eve, seen_by_owner = eve.get("/agents").text, owner.get("/agents").text
    assert "Of others in your organisation" not in seen_by_eve
    assert "For eve@example.org" in seen_by_owner

    owners_path, eves_path = ends(seen_by_owner)
    assert eve.submit(owners_path, {}, page="/agents").status_code == 404
    assert json_of(agent.refresh(owners["refresh_token"]))
    assert owner.submit(eves_path, {}, page="/agents").status_code == 302
    assert json_of(agent.refresh(eves["refresh_token"]))["error"] == "invalid_grant"
