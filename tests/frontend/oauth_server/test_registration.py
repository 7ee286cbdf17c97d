"""Agents that register themselves (RFC 7591), where the settings let them."""

from typing import Any

import pytest
from mcp.shared.auth import OAuthClientInformationFull
from support.agents import Agent, Clock, MakeApplication, events
from support.frontend_site import Browser, json_of
from werkzeug.test import TestResponse

from frontend.app import Application
from frontend.oauth_server import queries

METADATA: dict[str, Any] = {
    "client_name": "Old Agent",
    "redirect_uris": ["https://agent.example/callback"],
    "token_endpoint_auth_method": "client_secret_post",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
}


@pytest.fixture
def application(make_application: MakeApplication) -> Application:
    return make_application(dynamic_registration=True, agent_registrations_a_minute=50)


def register(agent: Agent, **changes: Any) -> TestResponse:
    body = {name: value for name, value in {**METADATA, **changes}.items() if value is not None}
    return agent.http.post("/oauth/register", json=body)


def test_an_agent_that_registers_is_let_in_without_a_secret(
    application: Application, agent: Agent, owner: Browser
) -> None:
    answer = register(agent)
    assert answer.status_code == 201
    told = OAuthClientInformationFull.model_validate(json_of(answer))
    assert (told.token_endpoint_auth_method, told.client_secret) == ("none", None)
    agent.client_id = told.client_id
    page = owner.get(agent.question()).text
    assert "It registered itself, and calls itself so." in page
    assert "Old Agent" in page
    assert agent.tokens(owner)
    assert events(application)[0][0] == "agent_registered"
    offered = json_of(agent.http.get("/.well-known/oauth-authorization-server"))
    assert offered["registration_endpoint"].endswith("/oauth/register")


def test_registration_is_closed_unless_the_settings_open_it(
    make_application: MakeApplication, agent: Agent, owner: Browser
) -> None:
    agent.client_id = json_of(register(agent))["client_id"]
    assert owner.get(agent.question()).status_code == 200
    closed = make_application()
    agent.http = closed.flask.test_client(use_cookies=False)
    assert register(agent).status_code == 404
    fields = {"grant_type": "refresh_token", "client_id": agent.client_id, "refresh_token": "x"}
    assert json_of(agent.post("/oauth/token", fields))["error"] == "invalid_client"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no addresses": ({"redirect_uris": None}, "invalid_redirect_uri"),
    "an empty list": ({"redirect_uris": []}, "invalid_redirect_uri"),
    "not https": ({"redirect_uris": ["http://agent.example/"]}, "invalid_redirect_uri"),
    "too many": ({"redirect_uris": ["https://a.example/"] * 21}, "invalid_redirect_uri"),
    "too long": ({"redirect_uris": [f"https://a.example/{'x' * 999}"]}, "invalid_redirect_uri"),
    "a long name": ({"client_name": "x" * 1_001}, "invalid_client_metadata"),
    "a name that is none": ({"client_name": 7}, "invalid_client_metadata"),
    "another grant": ({"grant_types": ["password"]}, "invalid_redirect_uri"),
    "too much": ({"logo_uri": "x" * 20_000}, "invalid_client_metadata"),
}


def test_metadata_that_cannot_be_used_is_refused(application: Application, agent: Agent) -> None:
    for name, (changes, error) in WRONG.items():
        answer = register(agent, **changes)
        assert (answer.status_code, json_of(answer)["error"]) == (400, error), name
    assert agent.http.post("/oauth/register", data="{").status_code == 400
    assert "agent_registered" not in [kind for kind, _ in events(application)]


def test_agents_that_nobody_let_in_are_forgotten(
    agent: Agent, owner: Browser, clock: Clock
) -> None:
    used, unused = (json_of(register(agent))["client_id"] for _ in range(2))
    agent.client_id = used
    agent.tokens(owner)
    clock.pass_s(86_401)
    register(agent)
    assert owner.get(agent.question()).status_code == 302
    assert owner.get(agent.question(client_id=unused)).status_code == 400


def test_agents_cannot_register_without_end(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_DYNAMIC_CLIENTS", 2)
    assert [register(agent).status_code for _ in range(3)] == [201, 201, 409]


def test_registrations_are_limited_for_each_address(make_application: MakeApplication) -> None:
    few = make_application(dynamic_registration=True, agent_registrations_a_minute=2)
    agent = Agent(few.flask.test_client(use_cookies=False))
    assert [register(agent).status_code for _ in range(3)] == [201, 201, 429]
