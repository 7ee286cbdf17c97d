"""The owner's browser before a site of the tests, and the conversation that it opens."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize
from support.fake_orchestrator import FakeTurn
from support.frontend_site import Site

from frontend.accounts.queries import find_owner

Json = dict[str, Any]
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
AT = "2026-11-21T09:00:00Z"


@contextmanager
def own_page(
    chromium: Browser, site: Site, viewport: ViewportSize = DESKTOP, **options: Any
) -> Generator[Page]:
    """A page that is signed in. It breaks no content policy, and asks nobody but this site."""
    context = chromium.new_context(viewport=viewport, locale="en-GB", **options)
    cookie = site.sign_in().cookies["steward"]
    context.add_cookies([{"name": "steward", "value": cookie, "url": site.url}])
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
    )
    page.on(
        "request",
        lambda sent: None if sent.url.startswith((site.url, "ws")) else wrong.append(sent.url),
    )
    site.orchestrator.answers["GET", "/v1/approvals"] = (200, {"approvals": []})
    yield page
    context.close()
    site.orchestrator.forget_everything()
    assert wrong == []


def have_turn(
    site: Site,
    conversation_id: str,
    turn_id: str,
    events: Iterable[Json] = (),
    *,
    title: str,
    state: str = "waiting",
) -> FakeTurn:
    """A conversation of the owner's with one turn, which has come to these events; an answered one ends there."""
    with site.database.transaction() as session:
        owner = find_owner(session)
    assert owner is not None
    stored: Json = {"turn_id": turn_id, "client_id": "client-1", "state": state, "events": []}
    conversation: Json = {
        "conversation_id": conversation_id,
        "title": title,
        "created_at": AT,
        "updated_at": AT,
        "turns": [stored],
        "earlier_turns": False,
    }
    site.orchestrator.answers["GET", f"/v1/conversations/{conversation_id}"] = (200, conversation)
    site.orchestrator.answers["GET", "/v1/approvals"] = (200, {"approvals": []})
    turn = site.orchestrator.add_turn(turn_id, owner.person_id)
    for event in events:
        turn.write(event)
    if state == "answered":
        turn.finish()
    return turn
