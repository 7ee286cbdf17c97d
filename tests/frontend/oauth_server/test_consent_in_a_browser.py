"""The consent page and the page of connected agents in a real browser, also on a phone."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from support.agents import Agent, answer_of
from support.document_site import DocumentSite, Served
from support.frontend_site import Site
from support.own_pages import DESKTOP, PHONE

pytestmark = pytest.mark.browser


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, chromium: Browser, agent_site: Site) -> Generator[Page]:
    """The owner's browser. It breaks no content policy."""
    viewport: ViewportSize = request.param
    context = chromium.new_context(viewport=viewport, ignore_https_errors=True)
    cookie = agent_site.sign_in().cookies["steward"]
    context.add_cookies([{"name": "steward", "value": cookie, "url": agent_site.url}])
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
    )
    yield page
    context.close()
    assert wrong == []


def test_a_person_lets_an_agent_in_and_ends_it(
    page: Page, agent_site: Site, agent_maker: DocumentSite
) -> None:
    callback = agent_maker.url.replace("client.json", "callback")
    agent_maker.describe(redirect_uris=[callback], client_name="Travel Agent")
    agent_maker.asked.clear()
    agent_maker.served["/callback"] = Served(b"You can close this page.")
    # Nothing of Flask's is used here: only the address at which it asks.
    agent = Agent(http=None, client_id=agent_maker.url, redirect_uri=callback)  # pyright: ignore[reportArgumentType]
    page.goto(agent_site.url + agent.question(state="a state"))

    expect(page.get_by_role("heading", level=1)).to_have_text("Let Travel Agent use Mail?")
    expect(page.get_by_text("Nobody here has checked who this is.")).to_be_visible()
    wanted = page.get_by_role("group", name="It wants to")
    expect(wanted.get_by_role("checkbox", checked=True)).to_have_count(2)
    assert not scrolls_sideways(page)
    page.get_by_label("Write drafts, mark mails").uncheck()
    page.get_by_role("button", name="Allow").click()

    expect(page.get_by_text("You can close this page.")).to_be_visible()
    (came_back,) = (path for path in agent_maker.asked if path.startswith("/callback"))
    told = answer_of(came_back)
    assert (told["state"], told["iss"]) == ("a state", agent_site.settings.issuer)
    assert told["code"]

    page.goto(f"{agent_site.url}/agents")
    listed = page.get_by_role("listitem").filter(has_text="Travel Agent")
    expect(listed).to_contain_text("Read your mail.")
    expect(listed).not_to_contain_text("Write drafts")
    assert not scrolls_sideways(page)
    page.get_by_role("button", name="Disconnect Travel Agent from Mail").click()
    expect(page.get_by_text("You have let none in.")).to_be_visible()


def scrolls_sideways(page: Page) -> bool:
    return page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
