"""Signing in as people see it: in Chromium, with a provider that we did not write, on a phone, without JavaScript."""

import shutil
from collections.abc import Generator
from pathlib import Path

import axe_core_python
import pytest
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import OWNER, Site, running_site, settings_for
from support.mail_sink import MailSink, mail_sink
from support.own_pages import DESKTOP, PHONE
from support.ports import free_port
from support.valkey import Valkey

pytestmark = [
    pytest.mark.browser,
    # The provider's own, who uses what its Authlib is about to drop.
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]

GRACE: dict[str, object] = {
    "email": "grace@example.org",
    "email_verified": True,
    "name": "Grace Hopper",
}
ALAN = "alan@example.org"
CHOSEN = "nanoseconds matter"


@pytest.fixture(scope="module")
def mails() -> Generator[MailSink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def site(
    files: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
    mails: MailSink,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    """With an owner, a provider that brings people, and open registration."""
    directory = tmp_path_factory.mktemp("sign-in")
    shutil.copytree(files, directory, dirs_exist_ok=True)
    port = free_port()
    with run_server_in_thread(user_claims=[User(sub="grace", claims=GRACE)]) as provider:
        acme = {
            "label": "Acme",
            "issuer": f"http://localhost:{provider.server_port}",
            "client_id": "steward",
            "client_secret": {"file": str(directory / "secret")},
            "newcomers": "own_organisation",
        }
        settings = settings_for(
            directory,
            redis_server.url,
            orchestrator.url,
            public_url=f"http://127.0.0.1:{port}",
            oidc_providers={"acme": acme},
            registration="own_organisation",
            smtp_url=mails.url,
            log_level="WARNING",
        )
        with running_site(settings, orchestrator, port) as site:
            site.sign_up()
            yield site


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Generator[Page]:
    """It breaks no content policy."""
    context = chromium.new_context(viewport=DESKTOP, base_url=site.url)
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda said: (
            wrong.append(said.text)
            if "Content Security" in said.text and page.url.startswith(site.url)
            else None
        ),
    )
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def plain_page(chromium: Chromium, site: Site) -> Generator[Page]:
    """On a phone, without JavaScript."""
    context = chromium.new_context(viewport=PHONE, base_url=site.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def look(page: Page) -> None:
    """What axe-core finds, evaluated outside the page's CSP; and nothing is wider than a phone."""
    page.evaluate((Path(axe_core_python.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run()")["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found] == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size(DESKTOP)


def sign_in_with_acme(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with Acme").click()
    page.get_by_role("button", name="grace", exact=True).click()


def test_a_whole_sign_in_with_a_provider_and_codes(page: Page) -> None:
    page.goto("/sign-in")
    look(page)
    sign_in_with_acme(page)
    expect(page.get_by_label("Message to Steward")).to_be_visible()

    page.goto("/account")
    expect(page.get_by_role("listitem").filter(has_text="This one")).to_contain_text("with Acme")
    look(page)
    page.get_by_role("link", name="Set up codes").click()
    page.get_by_role("button", name="Set it up").click()
    key = page.locator("code.key").inner_text().replace(" ", "")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    look(page)
    page.get_by_label("The code that the app shows now").fill(TOTP(key).now())
    page.keyboard.press("Enter")
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    look(page)
    recovery_code = codes.first.inner_text()

    page.goto("/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    page.wait_for_url("**/sign-in")
    sign_in_with_acme(page)
    expect(page).to_have_title("Your code · Steward")
    look(page)
    page.goto("/account")
    expect(page).to_have_title("Sign in · Steward")
    page.goto("/sign-in/code")
    page.get_by_label("Code of your authenticator app").fill(recovery_code)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.goto("/account")
    expect(page.get_by_text("9 recovery codes left")).to_be_visible()


def test_registering_and_a_forgotten_password_need_no_script(
    plain_page: Page, mails: MailSink
) -> None:
    page = plain_page
    page.goto("/sign-in")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Your name").fill("Alan Turing")
    page.get_by_label("E-mail").fill(ALAN)
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("status")).to_contain_text(ALAN)
    mails.wait_for(1, ALAN)
    page.goto(mails.link())
    page.get_by_label("Password").fill(CHOSEN)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/")
    page.goto("/account")
    expect(page.get_by_role("heading", name="Your account")).to_be_visible()
    page.get_by_role("button", name="Sign out Chrome on Linux, this one").click()

    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(ALAN)
    page.get_by_role("button", name="Send me the link").click()
    mails.wait_for(2, ALAN)
    page.goto(mails.link())
    page.get_by_label("New password").fill("another password")
    page.get_by_role("button", name="Set the password").click()
    page.get_by_role("link", name="Go to the sign-in page").click()
    page.get_by_label("E-mail").fill(ALAN)
    page.get_by_label("Password").fill("another password")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.goto("/account")
    expect(page.get_by_label("Name")).to_have_value("Alan Turing")


def test_ending_a_session_elsewhere_closes_its_open_page(page: Page, site: Site) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(OWNER["email"])
    page.get_by_label("Password").fill(OWNER["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_label("Message to Steward")).to_be_visible()
    elsewhere = site.sign_in()
    account = elsewhere.get("/account").text
    token = account.split('name="csrf-token" content="')[1].split('"')[0]
    others = account.split('action="/account/sessions/')[2].split('/end"')[0]

    elsewhere.post(f"/account/sessions/{others}/end", data={"csrf_token": token})

    expect(page).to_have_url(f"{site.url}/sign-in")
    site.close_all()
