"""A Valkey for the whole run; for each test a frontend of its own, before an orchestrator that obeys the test."""

from collections.abc import Generator
from pathlib import Path

import pytest
from support.fake_orchestrator import FakeOrchestrator, fake_orchestrator
from support.frontend_site import (
    ORIGIN,
    OWNER,
    Browser,
    Site,
    copy_database,
    csrf_token,
    running_site,
    settings_for,
)
from support.ports import free_port
from support.valkey import Valkey, valkey

import httpx
from frontend.app import Application, create_app
from frontend.migrations import upgrade
from shared.service_tokens import SigningKey


@pytest.fixture(scope="session")
def redis_server() -> Generator[Valkey]:
    with valkey() as server:
        yield server


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, and a migrated database to be copied."""
    directory = tmp_path_factory.mktemp("frontend")
    SigningKey.load_or_create(directory / "key.json")
    (directory / "secret").write_text("a secret that only these tests know")
    upgrade(f"sqlite:///{directory}/empty.db")
    return directory


@pytest.fixture(scope="session")
def orchestrator(files: Path) -> Generator[FakeOrchestrator]:
    key = SigningKey.load(files / "key.json")
    with fake_orchestrator(key.public_jwks(), ORIGIN) as fake:
        yield fake


@pytest.fixture
def application(
    files: Path, redis_server: Valkey, orchestrator: FakeOrchestrator
) -> Generator[Application]:
    """Without an owner yet."""
    redis_server.forget_everything()
    copy_database(files / "empty.db", files)
    application = create_app(
        settings_for(files, redis_server.url, orchestrator.url), async_mode="threading"
    )
    yield application
    application.flask.extensions["steward"].database.engine.dispose()


@pytest.fixture
def browser(application: Application) -> Browser:
    """Somebody who isn't signed in."""
    return Browser(application.flask.test_client())


@pytest.fixture
def owner(browser: Browser) -> Browser:
    """The owner, signed in."""
    assert browser.sign_up().status_code == 302
    return browser


@pytest.fixture(scope="session")
def running(
    files: Path, redis_server: Valkey, orchestrator: FakeOrchestrator, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Site]:
    """One server process for all socket tests, with an owner."""
    directory = tmp_path_factory.mktemp("site")
    copy_database(files / "empty.db", directory)
    port = free_port()
    settings = settings_for(
        directory,
        redis_server.url,
        orchestrator.url,
        public_url=f"http://127.0.0.1:{port}",
        key_file=files / "key.json",
        secret_key_file=files / "secret",
        sign_in_attempts_a_minute=10_000,
        sign_in_burst=10_000,
        log_level="WARNING",
    )
    with running_site(settings, orchestrator, port) as site:
        with httpx.Client(base_url=site.url) as browser:
            token = csrf_token(browser.get("/sign-up").text)
            assert browser.post("/sign-up", data={**OWNER, "csrf_token": token}).status_code == 302
        yield site


@pytest.fixture
def site(running: Site) -> Generator[Site]:
    yield running
    running.close_all()
