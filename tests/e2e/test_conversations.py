"""What people do with conversations as a whole: versions, the queue, search, files, links, temporary chats."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

DEMO = "I am Steward's demo model"


def visit(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.locator("html[data-ready]").wait_for(state="attached")


def ask(page: Page, text: str) -> None:
    box = page.get_by_label("Message to Steward")
    box.fill(text)
    box.press("Enter")


def answered(page: Page, count: int) -> None:
    """So many turns are shown, and all of them are over."""
    over = page.locator('.turns:not([data-busy]) .turn[aria-busy="false"]:visible')
    expect(over).to_have_count(count, timeout=15_000)


def test_an_edited_question_keeps_the_one_before_as_a_version_in_every_tab(page: Page) -> None:
    visit(page)
    ask(page, "hello")
    answered(page, 1)
    ask(page, "Who are you?")
    answered(page, 2)
    other = page.context.new_page()
    visit(other, page.url)

    page.get_by_role("button", name="Edit the question").first.click()
    page.get_by_role("textbox", name="Edit the question").fill("What can you do?")
    page.keyboard.press("Enter")

    for tab in (page, other):
        expect(tab.get_by_text("2 / 2", exact=True)).to_be_visible(timeout=15_000)
        answered(tab, 1)
    page.get_by_role("button", name="Version before").click()
    for tab in (page, other):
        expect(tab.get_by_text("1 / 2", exact=True)).to_be_visible(timeout=15_000)
        answered(tab, 2)
    page.get_by_role("button", name="Answer again").last.click()
    for tab in (page, other):
        answered(tab, 2)
        expect(tab.get_by_text("2 / 2", exact=True)).to_be_visible(timeout=15_000)
    page.reload()
    answered(page, 2)


def test_questions_wait_in_line_and_stop_ends_them_too(page: Page) -> None:
    visit(page)
    ask(page, "Set task 311 to review")
    expect(page.get_by_role("alertdialog")).to_be_visible(timeout=15_000)
    for text in ("hello", "Who are you?"):
        ask(page, text)
    expect(page.get_by_role("button", name="Remove")).to_have_count(2, timeout=15_000)
    page.reload()
    expect(page.get_by_role("button", name="Remove")).to_have_count(2, timeout=15_000)

    page.get_by_role("button", name="Remove").last.click()
    expect(page.get_by_role("button", name="Remove")).to_have_count(1, timeout=15_000)
    page.get_by_role("button", name="Stop all: this answer and the question that waits").click()

    answered(page, 3)
    expect(page.get_by_text("Not answered: removed while it waited")).to_have_count(2)


def test_a_question_in_line_is_answered_by_itself(page: Page) -> None:
    visit(page)
    ask(page, "Set task 312 to review")
    expect(page.get_by_role("alertdialog")).to_be_visible(timeout=15_000)
    ask(page, "hello")
    expect(page.get_by_role("button", name="Remove")).to_be_visible(timeout=15_000)

    page.get_by_role("alertdialog").get_by_role("button", name="Reject").click()

    answered(page, 2)
    expect(page.locator(".answer", has_text=DEMO)).to_be_visible()


def test_what_was_said_is_found_and_opened_at_its_place(page: Page) -> None:
    visit(page)
    ask(page, "hello zeppelin")
    answered(page, 1)
    visit(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("zeppel")
    hit = page.locator(".hit", has_text="hello zeppelin").first
    expect(hit.locator("mark")).to_be_visible(timeout=15_000)

    hit.get_by_role("link").press("Enter")

    expect(page.locator(".turn:focus", has_text="hello zeppelin")).to_be_visible(timeout=15_000)


def test_a_conversation_is_taken_along_as_a_file(page: Page) -> None:
    visit(page)
    ask(page, "hello")
    answered(page, 1)
    files: dict[str, str] = {}
    for name in ("Markdown", "JSON"):
        page.get_by_role("button", name="Share or export this conversation").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Export as {name}").click()
        files[download.value.suggested_filename] = Path(download.value.path()).read_text()

    assert [Path(name).suffix for name in files] == [".md", ".json"]
    markdown, document = files.values()
    assert DEMO in markdown
    assert DEMO in json.dumps(json.loads(document))


def test_a_link_shows_what_was_said_to_anybody_until_it_is_withdrawn(
    page: Page, browser: Browser
) -> None:
    visit(page)
    ask(page, "hello")
    answered(page, 1)
    page.get_by_role("button", name="Share or export this conversation").click()
    page.get_by_role("menuitem", name="Share…").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link", exact=True)
    expect(link).to_be_focused()
    address = link.input_value()
    stranger = browser.new_context().new_page()
    stranger.goto(address)
    expect(stranger.locator(".answer", has_text=DEMO)).to_be_visible()
    assert stranger.context.cookies() == []

    page.get_by_role("button", name="Withdraw the link").click()

    expect(page.get_by_text("The link no longer works.")).to_be_visible()
    answer = stranger.goto(address)
    assert answer is not None
    assert answer.status == 404
    stranger.context.close()


def test_a_temporary_chat_is_in_no_list_and_left_with_a_warning(page: Page) -> None:
    visit(page)
    page.get_by_role("switch", name="Temporary chat").check()
    ask(page, "hello quagga")
    answered(page, 1)
    page.reload()
    expect(page.get_by_role("main").get_by_text("Temporary", exact=True)).to_be_visible()

    page.get_by_role("link", name="New chat").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave").click()

    page.keyboard.press("Control+k")
    page.keyboard.type("quagga")
    expect(page.get_by_text("Nothing found for “quagga”.")).to_be_visible(timeout=15_000)
