"""Refresh tokens: each is good once, and a stolen one ends them all."""

from typing import Any

import pytest
from sqlalchemy import update
from support.agents import (
    BACKEND,
    DATABASES,
    RESOURCES,
    SECRET,
    Agent,
    Clock,
    MakeApplication,
    claims_of,
    events,
)
from support.frontend_site import Browser, json_of

from frontend.accounts.models import MembershipRow, PersonRow
from frontend.app import Application
from frontend.oauth_server.models import RefreshTokenRow


@pytest.fixture
def first(agent: Agent, owner: Browser) -> str:
    """The first refresh token of a family."""
    return agent.tokens(owner)["refresh_token"]


def refreshed(agent: Agent, token: str, **changes: str) -> dict[str, Any]:
    answer = agent.refresh(token, **changes)
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def is_dead(agent: Agent, token: str) -> bool:
    answer = agent.refresh(token)
    return (answer.status_code, json_of(answer)["error"]) == (400, "invalid_grant")


def test_each_refresh_gives_another_token(agent: Agent, first: str) -> None:
    second = refreshed(agent, first)["refresh_token"]
    third = refreshed(agent, second)["refresh_token"]
    assert len({first, second, third}) == 3


def test_what_is_refreshed_says_what_holds_now(
    application: Application, agent: Agent, first: str
) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(MembershipRow).values(role="admin"))
        session.execute(update(PersonRow).values(name="Ada King"))
    _, claims = claims_of(application, refreshed(agent, first)["access_token"])
    assert (claims["roles"], claims["name"]) == (["admin"], "Ada King")


def test_who_is_a_visitor_by_now_has_agents_that_look(
    application: Application, agent: Agent, first: str
) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(MembershipRow).values(role="visitor"))
    second = refreshed(agent, first)
    assert second["scope"] == "mail:read"
    answer = agent.refresh(second["refresh_token"], scope="mail:draft")
    assert json_of(answer)["error"] == "invalid_grant"


def test_a_tool_server_that_is_gone_gets_no_tokens(
    make_application: MakeApplication, agent: Agent, first: str
) -> None:
    replica = make_application(resources={DATABASES: RESOURCES[DATABASES]})
    elsewhere = Agent(replica.flask.test_client(use_cookies=False))
    assert is_dead(elsewhere, first)
    assert refreshed(agent, first)["refresh_token"]  # it was not used up


def test_a_token_that_comes_again_after_its_successor_was_used_ends_all(
    application: Application, agent: Agent, first: str
) -> None:
    second = refreshed(agent, first)["refresh_token"]
    third = refreshed(agent, second)["refresh_token"]
    assert is_dead(agent, first)
    assert is_dead(agent, third)
    assert "refresh_token_reused" in [kind for kind, _ in events(application)]


def test_a_token_that_comes_again_late_ends_all(agent: Agent, first: str, clock: Clock) -> None:
    second = refreshed(agent, first)["refresh_token"]
    clock.pass_s(61)
    assert is_dead(agent, first)
    assert is_dead(agent, second)


def test_who_lost_the_answer_is_told_the_same_token_again(
    application: Application, agent: Agent, first: str, clock: Clock
) -> None:
    second = refreshed(agent, first)["refresh_token"]
    clock.pass_s(59)
    assert refreshed(agent, first)["refresh_token"] == second
    assert refreshed(agent, second)["refresh_token"] not in {first, second}
    assert "refresh_token_reused" not in [kind for kind, _ in events(application)]


def test_another_sign_in_of_the_same_agent_lives_on(
    agent: Agent, owner: Browser, first: str
) -> None:
    other = agent.tokens(owner)["refresh_token"]
    refreshed(agent, refreshed(agent, first)["refresh_token"])
    assert is_dead(agent, first)
    assert refreshed(agent, other)


def test_tokens_are_not_kept_as_they_are(
    application: Application, agent: Agent, first: str
) -> None:
    second = refreshed(agent, first)["refresh_token"]
    with application.parts.database.transaction() as session:
        rows = session.query(RefreshTokenRow).all()
    kept = " ".join(f"{row.token_hash} {row.successor}" for row in rows)
    assert first not in kept
    assert second not in kept


def test_an_agent_that_is_not_used_must_ask_again(agent: Agent, first: str, clock: Clock) -> None:
    clock.pass_s(29 * 86_400)
    second = refreshed(agent, first)["refresh_token"]
    clock.pass_s(30 * 86_400)
    assert is_dead(agent, second)


def test_fewer_rights_can_be_asked_for_and_more_cannot(agent: Agent, first: str) -> None:
    fewer = refreshed(agent, first, scope="mail:read")
    assert fewer["scope"] == "mail:read"
    more = agent.refresh(fewer["refresh_token"], scope="mail:read mail:send")
    assert json_of(more)["error"] == "invalid_scope"
    assert refreshed(agent, fewer["refresh_token"])["scope"] == "mail:draft mail:read"


def test_a_refresh_for_another_tool_server_is_refused(agent: Agent, first: str) -> None:
    answer = agent.refresh(first, resource=DATABASES)
    assert json_of(answer)["error"] == "invalid_target"
    assert refreshed(agent, first, resource=agent.resource)


def test_the_token_of_one_client_is_worth_nothing_to_another(agent: Agent, first: str) -> None:
    second = refreshed(agent, first)["refresh_token"]
    third = refreshed(agent, second)["refresh_token"]
    for token in (first, third):
        answer = agent.refresh(token, client_id=BACKEND, client_secret=SECRET)
        assert json_of(answer)["error"] == "invalid_grant"
    assert refreshed(agent, third)  # nor can another end it by sending what was used


def test_who_was_disabled_has_no_agents(application: Application, agent: Agent, first: str) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(PersonRow).values(is_disabled=True))
    assert is_dead(agent, first)


def test_an_empty_or_long_token_is_refused(agent: Agent) -> None:
    assert json_of(agent.refresh(""))["error"] == "invalid_request"
    assert json_of(agent.refresh("x" * 201))["error"] == "invalid_request"
    assert is_dead(agent, "\ud800".encode("utf-8", "replace").decode() + "x")
