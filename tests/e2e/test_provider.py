"""Any OpenAI-compatible server answers when one is set; a question that nobody answers expires on the page."""

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, expect
from support.system import System, launched

pytestmark = pytest.mark.browser
MODEL = "script:provider"


@pytest.fixture(scope="module")
def with_provider(steward: System, tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    """A second system, whose model is another server: the first one's, playing a script."""
    settings = {
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_BASE_URL": f"{steward.service_url('demo-model')}/v1",
        "STEWARD_MODEL": MODEL,
        "STEWARD_APPROVAL_LIFETIME_S": "4",
    }
    with launched(tmp_path_factory.mktemp("provider"), **settings) as system:
        yield system


@pytest.fixture
def page(with_provider: System, browser: Browser) -> Generator[Page]:
    """A page signed in by the launcher's link, which makes its opener the owner."""
    context = browser.new_context(base_url=with_provider.url)
    page = context.new_page()
    page.goto("/sign-in")
    if page.url.endswith("/sign-up"):
        page.goto(with_provider.line("Sign in without a password, once:"))
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Message to Steward").wait_for()
        context.storage_state(path=with_provider.var / "browser.json")
    else:
        context.close()
        context = browser.new_context(
            base_url=with_provider.url, storage_state=with_provider.var / "browser.json"
        )
        page = context.new_page()
    page.goto("/")
    page.locator("html[data-ready]").wait_for(state="attached")
    yield page
    context.close()


def ask(page: Page, text: str) -> None:
    box = page.get_by_label("Message to Steward")
    box.fill(text)
    box.press("Enter")


def test_the_providers_words_arrive_and_no_demo_is_announced(page: Page, steward: System) -> None:
    steward.script("provider", {"text": ["**Bon", "jour** from ", "elsewhere."], "comments": True})
    ask(page, "Who are you?")
    messages = page.get_by_role("region", name="Messages")
    expect(messages.get_by_text("from elsewhere.")).to_be_visible(timeout=15_000)
    expect(messages.locator("strong", has_text="Bonjour")).to_be_visible()
    expect(page.get_by_label("About the demo model")).not_to_be_visible()


def test_a_refused_key_says_what_to_mend_and_the_conversation_goes_on(
    page: Page, steward: System
) -> None:
    steward.script("provider", {"status": 401}, {"text": ["Better now."]})
    ask(page, "Hello")
    messages = page.get_by_role("region", name="Messages")
    expect(messages.get_by_text("Check OPENAI_API_KEY").first).to_be_visible(timeout=15_000)
    ask(page, "Hello again")
    expect(messages.get_by_text("Better now.")).to_be_visible(timeout=15_000)


def test_a_question_nobody_answers_expires_and_says_so(
    page: Page, steward: System, with_provider: System
) -> None:
    call = {"name": "dbquery__set_task_status", "arguments": {"task_id": 42, "status": "done"}}
    steward.script("provider", {"calls": [call], "fragment": 3}, {"text": ["Never mind then."]})
    ask(page, "Set task 42 to done")
    expect(page.get_by_role("alertdialog")).to_be_visible(timeout=15_000)
    messages = page.get_by_role("region", name="Messages")
    expect(messages.get_by_text("Never mind then.")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(page.get_by_test_id("tool-call")).to_contain_text("xpired")
    assert with_provider.stored("SELECT status FROM tasks WHERE id = 42") == ("in_progress",)
