"""Agents that administrators set up on a page: for their own people, until they take them back."""

import re

import pytest
from support.agents import CALLBACK, Agent, answer_of, events
from support.frontend_site import Browser, add_person, json_of
from werkzeug.test import TestResponse

from frontend.app import Application

PAGE = "/admin/agents"
FORM = {
    "name": "Bookkeeper",
    "redirect_uris": f"{CALLBACK}\r\nhttp://127.0.0.1/cb",
    "kind": "public",
}


def set_up(owner: Browser, **changes: str) -> TestResponse:
    answer = owner.submit(PAGE, {**FORM, **changes})
    assert answer.status_code == 201, answer.text
    return answer


def id_on(page: TestResponse) -> str:
    return re.findall(r'value="(client-[0-9a-f]+)"', page.text)[0]


@pytest.fixture
def bookkeeper(agent: Agent, owner: Browser) -> Agent:
    agent.client_id = id_on(set_up(owner))
    return agent


def test_one_that_is_set_up_is_let_in_and_said_to_be_vouched_for(
    application: Application, bookkeeper: Agent, owner: Browser
) -> None:
    page = owner.get(bookkeeper.question()).text
    assert 'Let <span class="agent-name">Bookkeeper</span> use Mail?' in page
    assert "the administrators of" in page
    assert "Nobody here has checked" not in page
    assert bookkeeper.tokens(owner)["scope"] == "mail:draft mail:read"
    assert "agent_set_up" in [kind for kind, _ in events(application)]


def test_a_secret_is_shown_once_and_must_be_shown(agent: Agent, owner: Browser) -> None:
    made = set_up(owner, kind="confidential")
    agent.client_id = id_on(made)
    (secret,) = re.findall(r'value="([\w-]{43})"', made.text)
    assert secret not in owner.get(PAGE).text
    code = agent.code(owner)
    assert json_of(agent.redeem(code))["error"] == "invalid_client"
    assert agent.redeem(code, client_secret=f"{secret}x").status_code == 401
    assert agent.redeem(code, client_secret=secret).status_code == 200


def test_one_that_is_removed_has_nothing_any_more(
    application: Application, bookkeeper: Agent, owner: Browser
) -> None:
    tokens, code = bookkeeper.tokens(owner), bookkeeper.code(owner)
    path = f"{PAGE}/{bookkeeper.client_id}/removal"
    assert owner.client.post(path).status_code == 403  # without the token of the page
    assert owner.submit(path, {}, page=PAGE).location == PAGE
    for answer in (bookkeeper.refresh(tokens["refresh_token"]), bookkeeper.redeem(code)):
        assert json_of(answer)["error"] == "invalid_client"
    assert owner.get(bookkeeper.question()).status_code == 400
    assert "Bookkeeper" not in owner.get("/agents").text
    assert owner.submit(path, {}, page=PAGE).status_code == 404
    assert "agent_no_longer_set_up" in [kind for kind, _ in events(application)]


def test_people_of_other_organisations_know_nothing_of_it(
    bookkeeper: Agent, owner: Browser
) -> None:
    owner.submit("/organisations", {"name": "The Other"}, page="/organisation")
    assert bookkeeper.client_id not in owner.get(PAGE).text
    assert owner.get(bookkeeper.question()).status_code == 400
    path = f"{PAGE}/{bookkeeper.client_id}/removal"
    assert owner.submit(path, {}, page=PAGE).status_code == 404


def test_it_is_for_administrators(application: Application, owner: Browser) -> None:
    add_person(application.parts.database, "eve@example.org")
    eve = Browser(application.flask.test_client())
    eve.sign_in(email="eve@example.org")
    assert eve.get(PAGE).status_code == 403
    assert eve.submit(PAGE, FORM, page="/agents").status_code == 403
    assert "Agents set up" not in eve.get("/agents").text
    assert "Agents set up" in owner.get("/agents").text


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 61},
        {"name": "evil\u202ename"},
        {"redirect_uris": ""},
        {"redirect_uris": "http://agent.example/callback"},
        {"redirect_uris": f"{CALLBACK} javascript:alert(1)"},
        {"redirect_uris": "\n".join(f"{CALLBACK}/{n}" for n in range(21))},
    ],
)
def test_what_cannot_be_set_up_is_refused(owner: Browser, change: dict[str, str]) -> None:
    answer = owner.submit(PAGE, {**FORM, **change})
    assert answer.status_code == 422
    assert 'value="client-' not in answer.text


def test_its_answers_go_to_its_own_addresses(bookkeeper: Agent, owner: Browser) -> None:
    assert owner.get(bookkeeper.question(redirect_uri="https://evil.example/")).status_code == 400
    refused = owner.get(bookkeeper.question(scope="none"))
    assert answer_of(refused.location)["error"] == "invalid_scope"
