"""A yes from elsewhere than the chat: the inbox, and one that was given for longer."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def visit(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.locator("html[data-ready]").wait_for(state="attached")


def ask(page: Page, text: str) -> None:
    visit(page)
    box = page.get_by_label("Message to Steward")
    box.fill(text)
    box.press("Enter")


def test_a_question_is_answered_from_the_inbox_and_the_chat_goes_on(page: Page) -> None:
    ask(page, "Set task 401 to done")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    inbox = page.context.new_page()
    visit(inbox, "/approvals")
    card = inbox.get_by_role("alertdialog").filter(has_text="Set task 401")
    card.get_by_role("button", name="Approve").click()
    expect(card).to_be_hidden()
    expect(page.get_by_role("region", name="Messages")).to_contain_text("is now done")
    inbox.close()


def test_a_yes_for_longer_holds_until_it_is_withdrawn(page: Page) -> None:
    ask(page, "Set task 402 to done")
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_label(re.compile("Say yes for longer")).check()
    dialog.get_by_role("button", name="Approve for 1 hour").click()
    messages = page.get_by_role("region", name="Messages")
    expect(messages).to_contain_text("is now done")

    ask(page, "Set task 402 to done")
    expect(messages).to_contain_text("Covered by a standing approval")

    visit(page, "/grants")
    page.get_by_role("button", name="Withdraw: Set a task's status").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("Withdrawn").first).to_be_visible()
    ask(page, "Set task 402 to done")
    expect(page.get_by_role("alertdialog")).to_be_visible()
    page.get_by_role("alertdialog").get_by_role("button", name="Reject").click()
    expect(messages).to_contain_text("left task 402")
