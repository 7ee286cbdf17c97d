"""The whole of Steward, started as people start it, and a browser in front of it."""

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.system import OWNER, System, launched


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


@pytest.fixture(scope="session")
def steward(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    """One system for all journeys, with its owner account made."""
    with launched(tmp_path_factory.mktemp("steward"), STEWARD_DEMO_SCRIPTS="1") as system:
        yield system


@pytest.fixture(scope="session")
def signed_in(steward: System, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a browser remembers after the owner has signed up."""
    page = browser.new_page()
    page.goto(steward.url)
    page.get_by_label("Your name").fill(OWNER.name)
    page.get_by_label("E-mail").fill(OWNER.email)
    page.get_by_label("Password").fill(OWNER.password)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_label("Message to Steward").wait_for()
    state = tmp_path_factory.mktemp("browser") / "state.json"
    page.context.storage_state(path=state)
    page.close()
    return state


@pytest.fixture
def page(steward: System, browser: Browser, signed_in: Path) -> Generator[Page]:
    """A page of the signed-in owner, at desktop width. It must not report any error."""
    context = browser.new_context(
        storage_state=signed_in, viewport={"width": 1280, "height": 800}, base_url=steward.url
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if "Content Security" in m.text else None)
    yield page
    context.close()
    assert errors == []
