"""Inviting somebody and their joining, in real browsers; and what the pages look like, also on a phone."""

import re
from collections.abc import Generator
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Browser, Page, expect
from support.frontend_site import Site
from support.own_pages import PHONE, own_page

pytestmark = pytest.mark.browser

PAGES = (
    "/organisation",
    "/admin/people",
    "/admin/keys",
    "/admin/agents",
    "/admin/security",
    "/admin/organisations",
)


@pytest.fixture
def page(chromium: Browser, site: Site) -> Generator[Page]:
    with own_page(chromium, site) as page:
        yield page


def open_page(page: Page, site: Site, path: str) -> None:
    page.goto(f"{site.url}{path}")
    page.wait_for_selector("html[data-ready]")


def test_somebody_is_invited_and_joins_and_is_administered(
    page: Page, chromium: Browser, site: Site
) -> None:
    open_page(page, site, "/tools")
    menu = page.locator(".person-menu > summary")
    menu.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Organisation", exact=True).click()
    page.get_by_label("Role").first.select_option("support")
    page.get_by_role("button", name="Make the invitation").click()
    link = page.get_by_role("textbox", name="Link of the invitation").input_value()

    context = chromium.new_context(viewport=PHONE, locale="en-GB")
    theirs = context.new_page()
    theirs.goto(link)
    expect(theirs.get_by_role("heading", level=1)).to_contain_text("Join Ada Lovelace")
    theirs.get_by_label("Your name").fill("Grace Hopper")
    theirs.get_by_label("E-mail").fill("grace@example.org")
    theirs.get_by_label("Password").fill("a long password")
    theirs.get_by_role("button", name="Create the account and join").click()
    expect(theirs.get_by_label("Message to Steward")).to_be_visible()
    theirs.goto(link)
    expect(theirs.get_by_role("alert")).to_contain_text("used already")

    open_page(page, site, "/admin/people?q=grace")
    page.get_by_role("link", name="Grace Hopper").click()
    page.get_by_role("combobox", name="Role").select_option("member")
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_role("status").filter(has_text="The role was changed.")).to_be_visible()
    page.get_by_text("Remove", exact=True).click()
    page.get_by_role("button", name="Remove from the organisation").click()
    expect(page.get_by_text("Removed.")).to_be_visible()
    open_page(page, site, "/admin/security")
    expect(page.get_by_role("row").filter(has_text="Person removed")).to_contain_text(
        "Grace Hopper"
    )

    theirs.goto(site.url)
    expect(theirs.get_by_role("heading", level=1)).not_to_have_text("New chat")
    context.close()


def test_the_menu_opens_and_closes_by_keyboard(page: Page, site: Site) -> None:
    open_page(page, site, "/tools")
    menu = page.locator(".person-menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="API keys")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="API keys")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()


def test_pages_are_usable_by_everybody_at_both_widths(page: Page, site: Site) -> None:
    open_page(page, site, "/admin/keys")
    page.get_by_label("What it is for").fill("Nightly report")
    page.get_by_label("chat").check()
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("textbox", name="The new key: Nightly report")).to_have_value(
        re.compile(r"^stw_[0-9a-f]{12}_[0-9a-f]{64}$")
    )
    for path in PAGES:
        open_page(page, site, path)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} scrolls sideways at {width}"
        page.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text())
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], path
        page.set_viewport_size({"width": 1280, "height": 900})
