"""Chatting, looking things up, changing them with a yes: what people do on the page."""

import re
from pathlib import Path

import axe_core_python
import pytest
from playwright.sync_api import Locator, Page, expect
from support.system import System

pytestmark = pytest.mark.browser


def visit(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.locator("html[data-ready]").wait_for(state="attached")


def ask(page: Page, text: str) -> None:
    box = page.get_by_label("Message to Steward")
    box.fill(text)
    box.press("Enter")


def said(page: Page, text: str | re.Pattern[str]) -> Locator:
    """Text in the conversation (screen readers hear it from another element as well)."""
    return page.get_by_role("region", name="Messages").get_by_text(text).first


def dialog(page: Page) -> Locator:
    return page.get_by_role("alertdialog")


def task_status(steward: System, task_id: int) -> str:
    return str(steward.stored("SELECT status FROM tasks WHERE id = ?", task_id)[0])


def test_an_empty_conversation_offers_four_prompts_that_work(page: Page) -> None:
    visit(page)
    prompts = page.get_by_label("Try one of these").get_by_role("button")
    expect(prompts).to_have_count(4)
    texts = prompts.all_inner_texts()
    expected = {
        "How many open": page.get_by_role("cell", name="Harbor"),
        "Set task": dialog(page),
        "Show a chart": page.get_by_role("img", name=re.compile("Open bugs by severity")),
        "What can you": page.get_by_text("not a language model"),
    }
    for text in texts:
        visit(page)
        page.get_by_role("button", name=text.strip()).click()
        outcome = next(found for start, found in expected.items() if text.strip().startswith(start))
        expect(outcome.first).to_be_visible(timeout=15_000)


def test_a_count_is_looked_up_without_asking_and_shown_as_a_table(page: Page) -> None:
    visit(page)
    ask(page, "How many open tasks does each project have?")
    expect(page.get_by_role("cell", name="Patient Portal")).to_be_visible(timeout=15_000)
    expect(dialog(page)).to_have_count(0)
    call = page.get_by_test_id("tool-call")
    expect(call).to_contain_text("dbquery")
    expect(call).to_contain_text(re.compile(r"\d+ ms\s*6 rows"))
    expect(call.get_by_text("SELECT")).not_to_be_visible()
    call.locator("summary").click()
    expect(call.get_by_text("GROUP BY").first).to_be_visible()
    expect(call.get_by_role("button", name="Download as CSV")).to_be_visible()
    call.get_by_role("button", name="Chart", exact=True).click()
    expect(call.get_by_role("img", name="Bar chart")).to_be_visible()


def test_a_change_shows_old_and_new_and_is_done_once_after_a_yes(
    page: Page, steward: System
) -> None:
    before = task_status(steward, 301)
    visit(page)
    ask(page, "Set task 301 to review")
    card = dialog(page)
    expect(card).to_contain_text("set_task_status", timeout=15_000)
    expect(card).to_contain_text("dbquery")
    expect(card).to_contain_text(before)
    expect(card).to_contain_text("it needs your yes")
    assert task_status(steward, 301) == before
    card.get_by_role("button", name="Approve").dblclick()
    expect(said(page, re.compile(r"Task 301 “.*” is now review"))).to_be_visible(timeout=15_000)
    assert task_status(steward, 301) == "review"


def test_exactly_the_edited_arguments_are_sent(page: Page, steward: System) -> None:
    visit(page)
    untouched = task_status(steward, 302)
    ask(page, "Set task 302 to done")
    card = dialog(page)
    expect(card).to_be_visible(timeout=15_000)
    card.get_by_role("textbox", name="Task ID", exact=True).fill("303")
    card.get_by_role("combobox", name="Status", exact=True).first.select_option("review")
    expect(card).to_contain_text("Task 303")
    card.get_by_role("button", name="Approve").click()
    expect(said(page, re.compile(r"Task 303 “.*” is now review"))).to_be_visible(timeout=15_000)
    assert task_status(steward, 303) == "review"
    assert task_status(steward, 302) == untouched


def test_a_no_is_taken_gracefully_and_nothing_is_done(page: Page, steward: System) -> None:
    before = task_status(steward, 304)
    visit(page)
    ask(page, "Set task 304 to review")
    dialog(page).get_by_role("button", name="Reject").click(timeout=15_000)
    expect(said(page, "I left task 304 as it is")).to_be_visible(timeout=15_000)
    assert task_status(steward, 304) == before


def test_a_reload_brings_the_open_question_back(page: Page, steward: System) -> None:
    visit(page)
    ask(page, "Set task 305 to review")
    expect(dialog(page)).to_be_visible(timeout=15_000)
    page.reload()
    expect(dialog(page)).to_contain_text("Task 305", timeout=15_000)
    dialog(page).get_by_role("button", name="Approve").click()
    expect(said(page, re.compile(r"Task 305 .* is now review"))).to_be_visible(timeout=15_000)
    assert task_status(steward, 305) == "review"


def test_two_tabs_stay_in_step_and_one_decision_counts(page: Page) -> None:
    visit(page)
    ask(page, "Set task 306 to review")
    expect(dialog(page)).to_be_visible(timeout=15_000)
    other = page.context.new_page()
    visit(other, page.url)
    expect(dialog(other)).to_be_visible(timeout=15_000)
    dialog(other).get_by_role("button", name="Reject").click()
    expect(said(page, "I left task 306 as it is")).to_be_visible(timeout=15_000)
    expect(said(other, "I left task 306 as it is")).to_be_visible(timeout=15_000)
    expect(dialog(page)).to_have_count(0)
    ask(page, "what is task 306?")
    expect(said(other, "what is task 306?")).to_be_visible(timeout=15_000)


def test_an_orchestrator_killed_while_a_question_is_open_loses_nothing(
    page: Page, steward: System
) -> None:
    visit(page)
    ask(page, "Add a comment to task 307: Survived a crash")
    expect(dialog(page)).to_be_visible(timeout=15_000)
    steward.kill("orchestrator")
    page.reload()
    expect(dialog(page)).to_contain_text("Survived a crash", timeout=40_000)
    dialog(page).get_by_role("button", name="Approve").click()
    expect(said(page, "The comment was added to task 307")).to_be_visible(timeout=40_000)
    count = steward.stored("SELECT count(*) FROM comments WHERE body = 'Survived a crash'")
    assert count == (1,)


def test_stop_keeps_what_was_said_and_says_so(page: Page) -> None:
    visit(page)
    ask(page, "What can you do?")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("stopped", re.IGNORECASE)).first).to_be_visible(
        timeout=15_000
    )
    ask(page, "hello")
    expect(said(page, "I am Steward's demo model")).to_be_visible(timeout=15_000)


def test_conversations_are_named_renamed_found_and_deleted(page: Page) -> None:
    visit(page)
    ask(page, "Who are you?")
    expect(said(page, "a set of rules, not a language model")).to_be_visible(timeout=15_000)
    conversations = page.get_by_role("navigation", name="Conversations")
    expect(conversations.get_by_role("link", name="Who are you?")).to_be_visible()
    item = conversations.get_by_role("listitem").filter(has_text="Who are you?").first
    item.hover()
    item.get_by_role("button", name=re.compile("Rename")).click()
    box = conversations.get_by_role("textbox", name=re.compile("name|title", re.IGNORECASE)).last
    box.fill("Introductions")
    box.press("Enter")
    expect(page.get_by_role("heading", name="Introductions")).to_be_visible(timeout=15_000)
    item = conversations.get_by_role("listitem").filter(has_text="Introductions").first
    item.hover()
    item.get_by_role("button", name=re.compile("Delete")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Delete")).click()
    expect(conversations.get_by_text("Introductions")).to_have_count(0, timeout=15_000)


def test_text_that_is_too_long_or_binary_is_refused_and_kept(page: Page) -> None:
    visit(page)
    box = page.get_by_label("Message to Steward")
    box.fill("x" * 200_000)
    box.press("Enter")
    expect(page.get_by_text("This is too long: 200,000 characters")).to_be_visible(timeout=15_000)
    expect(box).to_have_value("x" * 200_000)


def test_somebody_elses_conversation_reads_as_absent(page: Page) -> None:
    visit(page, "/c/00000000-0000-4000-8000-000000000000")
    expect(
        page.get_by_text(re.compile("(no|not).*(conversation|found|here)", re.IGNORECASE)).first
    ).to_be_visible(timeout=15_000)


def test_the_tools_page_says_what_each_tool_may_do(page: Page) -> None:
    visit(page, "/tools")
    expect(page.get_by_role("heading", name="Query the database")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="Set a task's status")).to_be_visible()
    page.get_by_role("link", name="Add a server").click()
    expect(page.get_by_label("Name here")).to_be_in_viewport()


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious_and_nothing_overflows(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(reduced_motion="reduce")  # half-faded text has no contrast of its own
    visit(page)
    ask(page, "Set task 310 to review")
    expect(dialog(page)).to_be_visible(timeout=15_000)
    for address in (page.url, "/tools"):
        visit(page, address)
        assert serious_violations(page) == []
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0


def serious_violations(page: Page) -> list[str]:
    """What axe-core finds, evaluated outside the page's CSP."""
    source = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
    page.evaluate(source)
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{v['id']}: {[node['html'][:150] for node in v['nodes']]}"
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]
