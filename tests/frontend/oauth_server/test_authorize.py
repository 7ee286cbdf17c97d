"""The consent page: whom it asks what, and where answers and errors go."""

import re
from collections.abc import Mapping

from sqlalchemy import update
from support.agents import (
    CALLBACK,
    DATABASES,
    LOOPBACK,
    Agent,
    MakeApplication,
    allow,
    answer_of,
    claims_of,
    decide,
    events,
)
from support.frontend_site import ORIGIN, Browser

from frontend.accounts.models import MembershipRow
from frontend.app import Application


def test_who_is_not_signed_in_is_asked_to_and_comes_back(agent: Agent, visitor: Browser) -> None:
    question = agent.question()
    answer = visitor.get(question)
    assert answer.location.startswith("/sign-in?next=/oauth/authorize?response_type")
    following = answer_of(answer.location)["next"]
    assert visitor.sign_in(next=following).location == question


def test_the_page_says_who_asks_for_what(agent: Agent, owner: Browser) -> None:
    page = owner.get(agent.question())
    assert page.status_code == 200
    for words in (
        "Office Agent",
        "use Mail?",
        "Read your mail.",
        "Write drafts, mark mails",
        "Ada Lovelace (ada@example.org)",
        "agent.example",
    ):
        assert words in page.text, words
    assert "Nobody here has checked" not in page.text
    assert "Send mails" not in page.text


def test_a_person_agrees_and_the_agent_gets_a_code(
    application: Application, agent: Agent, owner: Browser
) -> None:
    answer = allow(owner, agent.question(), "mail:read", "mail:draft")
    assert answer.status_code == 302
    assert answer.location.startswith(f"{CALLBACK}?")
    told = answer_of(answer.location)
    assert told.keys() == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("state-1", ORIGIN)
    facts = {"client": "office-agent", "server": agent.resource, "rights": "mail:draft mail:read"}
    assert events(application) == [("agent_allowed", facts)]


def test_a_person_refuses(application: Application, agent: Agent, owner: Browser) -> None:
    told = answer_of(decide(owner, agent.question(), "refuse").location)
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "state-1", ORIGIN)
    assert [kind for kind, _ in events(application)] == ["agent_denied"]


def test_whatever_is_no_yes_is_a_no(agent: Agent, owner: Browser) -> None:
    for decision in ("", "Allow", "yes"):
        told = answer_of(decide(owner, agent.question(), decision, "mail:read").location)
        assert told["error"] == "access_denied"


def test_rights_that_were_taken_off_are_not_given(
    application: Application, agent: Agent, owner: Browser
) -> None:
    tokens = agent.tokens(owner, "mail:read")
    assert tokens["scope"] == "mail:read"
    assert claims_of(application, tokens["access_token"])[1]["scope"] == "mail:read"


def test_rights_that_were_not_asked_for_cannot_be_given(agent: Agent, owner: Browser) -> None:
    tokens = agent.tokens(owner, "mail:read", "mail:send", "db:act")
    assert tokens["scope"] == "mail:read"


def test_with_all_rights_taken_off_the_person_is_asked_again(agent: Agent, owner: Browser) -> None:
    answer = allow(owner, agent.question())
    assert answer.status_code == 422
    assert "Leave at least one right" in answer.text


def test_an_answer_needs_the_token_of_the_page(agent: Agent, owner: Browser) -> None:
    fields = {"decision": "allow", "right": ["mail:read"]}
    answer = owner.client.post(agent.question(), data=fields)
    assert answer.status_code == 403
    assert answer.location is None


def test_a_yes_is_for_the_organisation_that_the_page_named(
    application: Application, agent: Agent, owner: Browser
) -> None:
    """In another tab, the person changes to another one."""
    page = owner.get(agent.question()).text
    shown = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    owner.submit("/organisations", {"name": "The Other"}, page="/organisation")
    answer = owner.client.post(
        agent.question(), data={**shown, "decision": "allow", "right": ["mail:read"]}
    )
    assert answer.status_code == 403
    assert "in another session. Load it again." in answer.text
    assert "agent_allowed" not in [kind for kind, _ in events(application)]


def test_a_program_that_opened_the_page_in_a_window_is_not_cut_off_from_it(
    agent: Agent, owner: Browser, visitor: Browser
) -> None:
    """The answer's page tells the program by `window.opener`, which any other policy on the way would empty."""
    on_the_way = [
        visitor.get(agent.question()),
        visitor.get("/sign-in"),
        owner.get(agent.question()),
        allow(owner, agent.question(), "mail:read"),
    ]
    policy = "Cross-Origin-Opener-Policy"
    assert [page.headers[policy] for page in on_the_way] == ["unsafe-none"] * 4
    assert owner.get("/agents").headers[policy] == owner.get("/").headers[policy] == "same-origin"


def test_a_visitor_lets_agents_look_and_no_more(
    application: Application, agent: Agent, owner: Browser
) -> None:
    with application.parts.database.transaction() as session:
        session.execute(update(MembershipRow).values(role="visitor"))
    agent.scope = "mail:read mail:send"
    assert agent.tokens(owner)["scope"] == "mail:read"
    told = answer_of(owner.get(agent.question(scope="mail:send")).location)
    assert told["error"] == "invalid_scope"


def test_the_page_cannot_be_framed_and_its_form_leads_where_it_should(
    agent: Agent, owner: Browser
) -> None:
    policy = owner.get(agent.question()).headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy
    assert policy.endswith("form-action 'self' https:")
    local = owner.get(agent.question(redirect_uri="http://127.0.0.1:4711/callback"))
    assert local.headers["Content-Security-Policy"].endswith(" https: http://127.0.0.1:4711")


WRONG_HERE: Mapping[str, Mapping[str, str | None]] = {
    "no client": {"client_id": None},
    "an unknown client": {"client_id": "nobody"},
    "no address": {"redirect_uri": None},
    "another address": {"redirect_uri": "https://evil.example/callback"},
    "a longer address": {"redirect_uri": f"{CALLBACK}/more"},
    "another case": {"redirect_uri": CALLBACK.replace("callback", "Callback")},
    "with a query": {"redirect_uri": f"{CALLBACK}?next=https://evil.example"},
    "a user in it": {"redirect_uri": "https://agent.example@evil.example/callback"},
    "a fragment": {"redirect_uri": f"{CALLBACK}#x"},
    "a script": {"redirect_uri": "javascript:alert(1)"},
    "quotes": {"redirect_uri": 'https://agent.example/"callback'},
    "other letters": {"redirect_uri": "https://аgent.example/callback"},
    "another path on loopback": {"redirect_uri": "http://127.0.0.1:4711/other"},
    "another loopback": {"redirect_uri": "http://localhost:4711/callback"},
    "not loopback": {"redirect_uri": "http://127.0.0.1.evil.example/callback"},
    "long": {"redirect_uri": f"https://agent.example/{'x' * 1_000}"},
    "a long state": {"state": "x" * 2_001},
    "a long name": {"x" * 101: "x"},
}


def test_nobody_is_sent_to_an_address_that_is_not_the_clients(
    application: Application, agent: Agent, owner: Browser
) -> None:
    for name, changes in WRONG_HERE.items():
        question = agent.question(**changes)
        for answer in (owner.get(question), allow(owner, question, "mail:read")):
            assert answer.status_code == 400, name
            assert answer.location is None, name
            assert "This agent cannot be let in" in answer.text, name
    assert {kind for kind, _ in events(application)} == {"agent_refused"}


def test_a_parameter_that_is_there_twice_is_refused(agent: Agent, owner: Browser) -> None:
    for name in ("client_id", "redirect_uri", "resource", "state", "code_challenge", "scope"):
        assert owner.get(f"{agent.question()}&{name}=other").status_code == 400, name


def test_too_many_parameters_are_refused(agent: Agent, owner: Browser) -> None:
    many = "".join(f"&x{number}=1" for number in range(40))
    assert owner.get(agent.question() + many).status_code == 400


TOLD_THE_CLIENT: Mapping[str, tuple[Mapping[str, str | None], str]] = {
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "no type": ({"response_type": None}, "unsupported_response_type"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "no method": ({"code_challenge_method": None}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a short challenge": ({"code_challenge": "x" * 42}, "invalid_request"),
    "signs in the challenge": ({"code_challenge": "+" * 43}, "invalid_request"),
    "no resource": ({"resource": None}, "invalid_target"),
    "another resource": ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
    "nearly the resource": ({"resource": "http://127.0.0.1:8092/mcp/"}, "invalid_target"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "rights of another server": ({"scope": "db:read"}, "invalid_scope"),
    "an invented right": ({"scope": "mail:delete mail:read:all"}, "invalid_scope"),
}


def test_what_is_wrong_with_a_request_is_told_the_client(
    application: Application, agent: Agent, owner: Browser
) -> None:
    for name, (changes, error) in TOLD_THE_CLIENT.items():
        answer = owner.get(agent.question(**changes))
        assert answer.status_code == 302, name
        assert answer.location.startswith(f"{CALLBACK}?"), name
        told = answer_of(answer.location)
        assert (told["error"], told["state"], told["iss"]) == (error, "state-1", ORIGIN), name
    expected = [("agent_refused", error) for _, error in TOLD_THE_CLIENT.values()]
    recorded = [(kind, facts["error"]) for kind, facts in events(application)]
    assert sorted(recorded) == sorted(expected)


def test_the_port_of_a_loopback_address_may_be_any(agent: Agent, owner: Browser) -> None:
    agent.redirect_uri = LOOPBACK.replace("127.0.0.1", "127.0.0.1:53211")
    answer = allow(owner, agent.question(), "mail:read")
    assert answer.location.startswith("http://127.0.0.1:53211/callback?code=")


def test_rights_that_the_server_does_not_have_are_left_out(agent: Agent, owner: Browser) -> None:
    page = owner.get(agent.question(scope="openid mail:read offline_access db:read")).text
    assert "Read your mail." in page
    assert "db:read" not in page
    assert "openid" not in page


def test_a_single_declared_change_can_be_asked_for(agent: Agent, owner: Browser) -> None:
    agent.resource, agent.scope = DATABASES, "db:read db:act:close_ticket"
    assert "action close_ticket" in owner.get(agent.question()).text
    assert agent.tokens(owner)["scope"] == "db:act:close_ticket db:read"


def test_who_agreed_is_not_asked_again_for_the_same(agent: Agent, owner: Browser) -> None:
    agent.tokens(owner)
    again = owner.get(agent.question(scope="mail:read"))
    assert again.status_code == 302
    assert "code" in answer_of(again.location)


def test_nothing_is_given_silently_when_the_client_wants_the_person_asked(
    agent: Agent, owner: Browser
) -> None:
    agent.tokens(owner)
    assert owner.get(agent.question(prompt="consent")).status_code == 200


def test_other_resources_and_other_clients_are_asked_anew(agent: Agent, owner: Browser) -> None:
    agent.tokens(owner)
    assert owner.get(agent.question(resource=DATABASES, scope="db:read")).status_code == 200
    assert owner.get(agent.question(client_id="backend-agent")).status_code == 200


def test_more_rights_are_asked_for_alone_and_come_on_top(agent: Agent, owner: Browser) -> None:
    agent.tokens(owner)
    page = owner.get(agent.question(scope="mail:send")).text
    new, before = page.split("You allowed it before to")
    assert "Send mails in your name" in new
    assert "Read your mail." not in new
    assert "Read your mail." in before
    tokens = agent.tokens(owner, "mail:send", scope="mail:send")
    assert tokens["scope"] == "mail:draft mail:read mail:send"


def test_more_rights_that_are_refused_leave_the_old_ones(agent: Agent, owner: Browser) -> None:
    agent.tokens(owner)
    decide(owner, agent.question(scope="mail:read mail:send"), "refuse")
    assert agent.tokens(owner, scope="mail:read mail:send")["scope"] == "mail:draft mail:read"


def test_an_answer_to_this_computer_is_never_given_silently(agent: Agent, owner: Browser) -> None:
    agent.redirect_uri = "http://127.0.0.1:4711/callback"
    agent.tokens(owner)
    page = owner.get(agent.question())
    assert page.status_code == 200
    assert "a program on this computer" in page.text
    answer = allow(owner, agent.question())
    assert "code" in answer_of(answer.location)


def test_consent_pages_are_limited_for_each_person(
    make_application: MakeApplication, owner: Browser, agent: Agent
) -> None:
    replica = make_application(agent_consents_a_minute=2)
    again = Browser(replica.flask.test_client())
    cookie = owner.client.get_cookie("steward")
    assert cookie is not None
    again.client.set_cookie("steward", cookie.value)
    assert [again.get(agent.question()).status_code for _ in range(3)] == [200, 200, 429]
