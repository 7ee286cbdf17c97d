"""Agents that name themselves by the address of a document."""

import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest
from support.agents import Agent, Clock, MakeApplication, allow, answer_of, claims_of, events
from support.document_site import PATH, DocumentSite, Served, document_site
from support.frontend_site import Browser, json_of

from frontend.app import Application
from frontend.oauth_server.parts import EXTENSION

CALLBACK = "https://agent.test/callback"


@pytest.fixture(scope="module")
def only_site(tmp_path_factory: pytest.TempPathFactory) -> Generator[DocumentSite]:
    with document_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def site(only_site: DocumentSite, application: Application) -> DocumentSite:
    """With a document that is right."""
    only_site.asked.clear()
    only_site.describe()
    use(application, only_site)
    return only_site


def use(application: Application, site: DocumentSite) -> None:
    known = application.flask.extensions[EXTENSION]
    application.flask.extensions[EXTENSION] = replace(known, outside=site.outside())


@pytest.fixture
def agent(application: Application, site: DocumentSite) -> Agent:
    http = application.flask.test_client(use_cookies=False)
    return Agent(http, client_id=site.url, redirect_uri=CALLBACK)


def test_an_agent_with_a_document_is_let_in(
    application: Application, site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    tokens = agent.tokens(owner)
    assert claims_of(application, tokens["access_token"])[1]["client_id"] == site.url
    assert agent.refresh(tokens["refresh_token"]).status_code == 200
    assert "agent.test" in owner.get("/agents").text


def test_the_page_says_that_nobody_checked_it_and_where_it_stands(
    site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    site.describe(client_name="<b>Steward\u202e</b> \n Support")
    page = owner.get(agent.question()).text
    assert "Nobody here has checked who this is." in page
    assert "<strong>agent.test</strong>" in page
    assert "&lt;b&gt;Steward&lt;/b&gt; Support" in page
    assert "\u202e" not in page


def test_without_a_name_it_is_called_by_its_host(
    site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    site.describe(client_name=None)
    assert 'class="agent-name">agent.test<' in owner.get(agent.question()).text


def test_an_answer_to_another_host_is_told(
    site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    site.describe(redirect_uris=["https://elsewhere.example/callback"])
    page = owner.get(agent.question(redirect_uri="https://elsewhere.example/callback")).text
    assert "<strong>elsewhere.example</strong>, which is another host" in page


def test_a_document_is_kept_as_long_as_its_site_says(
    site: DocumentSite, agent: Agent, owner: Browser, clock: Clock
) -> None:
    site.describe(headers={"Cache-Control": "public, max-age=600"})
    for _ in range(2):
        assert owner.get(agent.question()).status_code == 200
    assert len(site.asked) == 1
    clock.pass_s(601)
    site.describe(client_name="New Name")
    assert "New Name" in owner.get(agent.question()).text
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    ("told", "kept_s"),
    [("no-store", 300), ("max-age=1", 300), ("max-age=999999999", 86_400), ("", 3_600)],
)
def test_for_how_long_a_document_is_kept_has_bounds(
    site: DocumentSite, agent: Agent, owner: Browser, clock: Clock, told: str, kept_s: int
) -> None:
    site.describe(headers={"Cache-Control": told})
    owner.get(agent.question())
    clock.pass_s(kept_s - 1)
    owner.get(agent.question())
    assert len(site.asked) == 1
    clock.pass_s(2)
    owner.get(agent.question())
    assert len(site.asked) == 2


WRONG: dict[str, dict[str, Any]] = {
    "about another": {"client_id": "https://agent.test/other.json"},
    "about nobody": {"client_id": None},
    "no addresses": {"redirect_uris": None},
    "an empty list": {"redirect_uris": []},
    "too many": {"redirect_uris": [f"https://agent.test/{n}" for n in range(21)]},
    "an open one": {"redirect_uris": [CALLBACK, "http://agent.test/callback"]},
    "a script": {"redirect_uris": ["javascript:alert(1)"]},
    "an app": {"redirect_uris": ["agent://callback"]},
    "a fragment": {"redirect_uris": [f"{CALLBACK}#x"]},
    "a number": {"redirect_uris": 1},
    "a secret": {"token_endpoint_auth_method": "client_secret_post"},
    "a key": {"token_endpoint_auth_method": "private_key_jwt"},
    "another grant": {"grant_types": ["client_credentials"]},
    "implicit": {"response_types": ["token"]},
}


def test_documents_that_are_wrong_let_nobody_in(
    application: Application, site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    for name, changes in WRONG.items():
        site.describe(**changes)
        answer = owner.get(agent.question())
        assert (answer.status_code, answer.location) == (400, None), name
        assert "The address by which it names itself" in answer.text, name
    assert {kind for kind, _ in events(application)} == {"agent_refused"}


def test_what_is_no_json_lets_nobody_in(site: DocumentSite, agent: Agent, owner: Browser) -> None:
    right = site.served[PATH]
    for served in (
        replace(right, headers={"Content-Type": "text/html"}),
        replace(right, body=b"{"),
        replace(right, body=json.dumps([1]).encode()),
        replace(right, status=404),
        Served(status=302, headers={"Location": PATH}),
    ):
        site.served[PATH] = served
        assert owner.get(agent.question()).status_code == 400


def test_who_is_not_signed_in_makes_us_read_nothing(
    site: DocumentSite, agent: Agent, visitor: Browser
) -> None:
    visitor.get(agent.question())
    agent.post("/oauth/token", {"grant_type": "refresh_token", "client_id": site.url})
    assert site.asked == []


def test_documents_can_be_switched_off(
    make_application: MakeApplication, site: DocumentSite, agent: Agent, owner: Browser
) -> None:
    tokens = agent.tokens(owner)
    strict = make_application(client_documents=False)
    use(strict, site)
    agent.http = strict.flask.test_client(use_cookies=False)
    answer = agent.refresh(tokens["refresh_token"])
    assert (answer.status_code, json_of(answer)["error"]) == (400, "invalid_client")


def test_a_remembered_yes_holds_for_the_hosts_that_were_shown(
    site: DocumentSite, agent: Agent, owner: Browser, clock: Clock
) -> None:
    agent.tokens(owner)
    silently = owner.get(agent.question())
    assert "code" in answer_of(silently.location)

    moved = "https://moved.example/callback"
    site.describe(redirect_uris=[moved])
    clock.pass_s(86_401)
    asked = owner.get(agent.question(redirect_uri=moved))
    assert asked.status_code == 200
    assert "moved.example" in asked.text
    assert "code" in answer_of(allow(owner, agent.question(redirect_uri=moved)).location)
    assert owner.get(agent.question(redirect_uri=moved)).status_code == 302


def test_an_address_that_is_taken_out_of_the_document_is_good_no_more(
    site: DocumentSite, agent: Agent, owner: Browser, clock: Clock
) -> None:
    agent.tokens(owner)
    site.describe(redirect_uris=["https://agent.test/new"])
    clock.pass_s(3_601)
    assert owner.get(agent.question()).status_code == 400
