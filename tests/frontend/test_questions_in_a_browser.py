"""Questions to the person in a real browser: its own checks, reloads, two tabs, and what never happens unasked."""

import re
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support.fake_orchestrator import FakeTurn
from support.frontend_site import Site
from support.own_pages import Json, have_turn

pytestmark = pytest.mark.browser

CONVERSATION, TURN, CALL, INPUT = "conversation-1", "turn-1", "call-1", "input-1"
LATER = "2099-01-01T00:00:00Z"

STARTED: Json = {
    "kind": "turn_started",
    "turn_id": TURN,
    "conversation_id": CONVERSATION,
    "client_id": "client-1",
    "question": "Book a room",
    "title": "A room",
    "model": "demo",
    "at": "2026-11-21T09:00:00Z",
}
PROPOSED: Json = {
    "kind": "call_proposed",
    "call_id": CALL,
    "server": "rooms",
    "tool": "book",
    "title": "Book a room",
    "arguments": {},
    "read_only": False,
    "repeatable": False,
    "verdict": "run",
    "rule": "allowed",
    "reason": "It may.",
}
SENT: Json = {"kind": "call_started", "call_id": CALL, "at": "2026-11-21T09:00:01Z"}
LOST: Json = {
    "kind": "outcome_needed",
    "call_id": CALL,
    "message": "The answer was lost.",
    "can_check": True,
    "expires_at": LATER,
}
QUESTION: Json = {
    "kind": "input_needed",
    "input_id": INPUT,
    "call_id": CALL,
    "server": "rooms",
    "mode": "form",
    "message": "For whom?",
    "answer_schema": {
        "type": "object",
        "properties": {
            "email": {"type": "string", "format": "email", "title": "E-mail"},
            "people": {"type": "integer", "minimum": 1, "maximum": 9, "title": "People"},
        },
        "required": ["email"],
    },
    "url": None,
    "domain": None,
    "expires_at": LATER,
}
ELSEWHERE: Json = {
    **QUESTION,
    "mode": "url",
    "answer_schema": {},
    "url": "https://elsewhere.test/sign-in",
    "domain": "elsewhere.test",
}


@pytest.fixture
def tabs(chromium: Browser, site: Site) -> Generator[BrowserContext]:
    """A browser that is signed in."""
    context = chromium.new_context()
    cookie = site.sign_in().cookies["steward"]
    context.add_cookies([{"name": "steward", "value": cookie, "url": site.url}])
    yield context
    context.close()
    site.orchestrator.forget_everything()


@pytest.fixture
def turn(site: Site) -> FakeTurn:
    """A turn that goes on in the owner's conversation."""
    return have_turn(site, CONVERSATION, TURN, title="A room")


def write(turn: FakeTurn, *events: Json) -> None:
    for event in events:
        turn.write(event)


def opened(tabs: BrowserContext, site: Site) -> Page:
    page = tabs.new_page()
    page.goto(f"{site.url}/c/{CONVERSATION}")
    return page


def test_a_lost_outcome_survives_a_reload_and_two_tabs_stay_in_step(
    tabs: BrowserContext, site: Site, turn: FakeTurn
) -> None:
    path = f"/v1/calls/{CALL}/outcome"
    answer = {"call_id": CALL, "choice": None, "checked": "done", "text": "Room 5 is booked."}
    site.orchestrator.answers["PUT", path] = (200, answer)
    write(turn, STARTED, PROPOSED, SENT, LOST)
    here, there = opened(tabs, site), opened(tabs, site)
    card = "Book a room"
    expect(there.get_by_role("alertdialog", name=card)).to_be_visible()

    here.get_by_role("button", name="Check").click()
    expect(here.get_by_text("The server says that it was done. Room 5 is booked.")).to_be_visible()
    assert site.orchestrator.last("PUT", path).body == {"choice": "check"}
    checked = {"kind": "outcome_checked", "call_id": CALL, "answer": "done", "text": "Room 5."}
    write(turn, checked)
    expect(there.get_by_text("The server says that it was done. Room 5.")).to_be_visible()

    here.reload()
    expect(here.get_by_text("The server says that it was done. Room 5.")).to_be_visible()
    here.get_by_role("button", name="Mark as done").click()
    expect(here.get_by_text("Marking it as done…")).to_be_visible()
    decided = {
        "kind": "outcome_decided",
        "call_id": CALL,
        "choice": "done",
        "decided_by": "Ada Lovelace",
    }
    write(turn, decided)
    for page in (here, there):
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        expect(page.get_by_text("You marked it as done.")).to_be_visible()


def test_the_browser_checks_a_servers_question_before_it_is_answered(
    tabs: BrowserContext, site: Site, turn: FakeTurn
) -> None:
    path = f"/v1/inputs/{INPUT}"
    site.orchestrator.answers["PUT", path] = (200, {"input_id": INPUT})
    write(turn, STARTED, PROPOSED, SENT, QUESTION)
    page = opened(tabs, site)
    email, people = page.get_by_label("E-mail"), page.get_by_label("People")

    for wrong in ("", "ada"):
        email.fill(wrong)
        page.get_by_role("button", name="Send", exact=True).first.click()
        assert email.evaluate("field => field.matches(':user-invalid')")
    email.fill("ada@example.org")
    people.fill("12")
    page.get_by_role("button", name="Send", exact=True).first.click()
    assert not [request for request in site.orchestrator.received if request.path == path]

    people.fill("3")
    people.press("Enter")
    expect(page.get_by_text("Sending your answer…")).to_be_visible()
    content = {"email": "ada@example.org", "people": 3}
    assert site.orchestrator.last("PUT", path).body == {"action": "accept", "content": content}


def test_an_address_is_not_opened_before_a_click(
    tabs: BrowserContext, site: Site, turn: FakeTurn
) -> None:
    asked_for: list[str] = []
    tabs.route(re.compile("^https://elsewhere.test/"), lambda route: route.fulfill(body="Hello"))
    tabs.on("request", lambda request: asked_for.append(request.url))
    write(turn, STARTED, PROPOSED, SENT, ELSEWHERE)
    page = opened(tabs, site)

    expect(page.get_by_text("elsewhere.test", exact=True)).to_be_visible()
    assert not [url for url in asked_for if "elsewhere" in url]
    with tabs.expect_page() as other:
        page.get_by_role("link", name="Open the page in a new tab").click()
    other.value.wait_for_load_state()
    assert other.value.url == "https://elsewhere.test/sign-in"
    assert other.value.evaluate("[opener, document.referrer]") == [None, ""]


SIGN_IN: Json = {
    **QUESTION,
    "mode": "sign_in",
    "message": "“rooms” wants you to sign in there.",
    "answer_schema": {},
    "domain": "rooms.example",
}


def test_a_call_that_needs_a_sign_in_offers_it_in_a_new_tab_and_goes_on_by_itself(
    tabs: BrowserContext, site: Site, turn: FakeTurn
) -> None:
    service = f"{site.url}/connections/callback?state=s1&code=c1"
    site.orchestrator.answers["POST", "/v1/connections/rooms/sign-in"] = (200, {"url": service})
    signed_in = (200, {"server": "rooms", "turns": 1})
    site.orchestrator.answers["POST", "/v1/connections/callback"] = signed_in
    write(turn, STARTED, PROPOSED, SENT, SIGN_IN)
    page = opened(tabs, site)
    card = page.get_by_role("alertdialog", name="Sign in to continue")
    expect(card.get_by_text("rooms.example")).to_be_visible()
    expect(card.get_by_role("button", name="Send")).to_be_hidden()
    assert all(
        request.path != "/v1/connections/rooms/sign-in" for request in site.orchestrator.received
    )

    with tabs.expect_page() as opening:
        card.get_by_role("link", name="Sign in in a new tab").click()
    elsewhere = opening.value
    expect(elsewhere.get_by_role("heading", name="You are signed in at “rooms”")).to_be_visible()
    assert elsewhere.evaluate("window.opener") is None
    assert "c1" not in elsewhere.url
    expect(card).to_be_visible()

    answered = {"kind": "input_answered", "input_id": INPUT, "call_id": CALL, "action": "accept"}
    write(turn, answered, SENT)
    expect(card).to_be_hidden()


def test_a_sign_in_can_be_declined_and_survives_a_reload(
    tabs: BrowserContext, site: Site, turn: FakeTurn
) -> None:
    path = f"/v1/inputs/{INPUT}"
    answer = {"input_id": INPUT, "action": "decline"}
    site.orchestrator.answers["PUT", path] = (200, answer)
    write(turn, STARTED, PROPOSED, SENT, SIGN_IN)
    page = opened(tabs, site)
    page.get_by_role("alertdialog", name="Sign in to continue").wait_for()
    page.reload()
    page.get_by_role("button", name="Do not sign in").click()
    expect(page.get_by_text("Sending your answer…")).to_be_visible()
    assert site.orchestrator.last("PUT", path).body == {"action": "decline"}
