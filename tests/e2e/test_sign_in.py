"""Getting in and out."""

import pytest
from playwright.sync_api import Browser, Page, expect
from support.system import OWNER, System

pytestmark = pytest.mark.browser


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("E-mail").fill(OWNER.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.usefixtures("signed_in")
def test_signing_out_really_is_out_in_every_tab(steward: System, browser: Browser) -> None:
    context = browser.new_context(base_url=steward.url)
    page = context.new_page()
    page.goto("/tools")
    sign_in(page, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.get_by_label("E-mail")).to_have_value(OWNER.email)
    sign_in(page, OWNER.password)
    expect(page).to_have_url(f"{steward.url}/tools")
    page.goto("/")
    other = context.new_page()
    other.goto("/")
    expect(other.get_by_label("Message to Steward")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{steward.url}/sign-in")
    expect(other).to_have_url(f"{steward.url}/sign-in", timeout=15_000)
    context.close()


@pytest.mark.usefixtures("signed_in")
def test_nobody_else_can_sign_up_once_there_is_an_owner(steward: System, browser: Browser) -> None:
    page = browser.new_page(base_url=steward.url)
    page.goto("/sign-up")
    expect(page.get_by_role("alert")).to_contain_text("exists already")
    page.close()


def test_the_launchers_link_signs_in_once(steward: System, browser: Browser) -> None:
    link = steward.line("Sign in without a password, once:")
    page = browser.new_context(base_url=steward.url).new_page()
    page.goto(link)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    # The owner signed up meanwhile, so the link that was made before there was one is worth nothing.
    expect(page.get_by_role("alert")).to_contain_text("used already or has expired")
    page.close()
