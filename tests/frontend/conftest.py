"""A Valkey for the whole run; for each test a frontend of its own, before an orchestrator that obeys the test."""

import shutil
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pwdlib import PasswordHash
from sqlalchemy import make_url
from support.fake_orchestrator import FakeOrchestrator, fake_orchestrator
from support.frontend_site import (
    BURST,
    CHEAP_HASH,
    ORIGIN,
    OWNER,
    Browser,
    Site,
    path_of,
    running_site,
    settings_for,
)
from support.organisation import World
from support.ports import free_port
from support.valkey import Valkey, valkey

from frontend.accounts.queries import add_owner
from frontend.app import Application, create_app
from frontend.commands import make_sign_in_link
from frontend.migrations import upgrade
from shared.service_tokens import SigningKey
from shared.sql import utc_now


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
    upgrade(f"sqlite:///{directory}/identity.db")
    return directory


@pytest.fixture(scope="session")
def orchestrator(files: Path) -> Generator[FakeOrchestrator]:
    key = SigningKey.load(files / "key.json")
    with fake_orchestrator(key.public_jwks(), ORIGIN) as fake:
        yield fake


@pytest.fixture(scope="session")
def owner_password_hash() -> str:
    return CHEAP_HASH.hash(OWNER["password"])


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process only, and for what is made in a test."""
    monkeypatch.setattr(PasswordHash, "recommended", lambda: CHEAP_HASH)


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings that a module's tests want otherwise."""
    return {}


@pytest.fixture
def application(
    files: Path,
    tmp_path: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
    changes: dict[str, Any],
) -> Generator[Application]:
    """Without an owner yet."""
    redis_server.forget_everything()
    orchestrator.forget_everything()
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    changes = {"sign_in_burst": BURST, **changes}
    settings = settings_for(tmp_path, redis_server.url, orchestrator.url, **changes)
    application = create_app(settings, async_mode="threading")
    yield application
    application.parts.close()


@pytest.fixture
def browser(application: Application) -> Browser:
    """Somebody who is not signed in."""
    return Browser(application.flask.test_client())


@pytest.fixture
def visitor(application: Application, owner_password_hash: str) -> Browser:
    """Somebody who is not signed in, where there is an owner."""
    with application.parts.database.transaction() as session:
        account = {name: OWNER[name] for name in ("email", "name")}
        add_owner(session, **account, password_hash=owner_password_hash, now=utc_now())
    return Browser(application.flask.test_client())


@pytest.fixture
def owner(visitor: Browser, application: Application) -> Browser:
    """The owner, signed in."""
    visitor.submit(path_of(make_sign_in_link(application.parts.settings)), {})
    return visitor


@pytest.fixture(scope="session")
def running(
    files: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    """One server process for all socket tests, with an owner."""
    directory = tmp_path_factory.mktemp("site")
    shutil.copytree(files, directory, dirs_exist_ok=True)
    port = free_port()
    settings = settings_for(
        directory,
        redis_server.url,
        orchestrator.url,
        public_url=f"http://127.0.0.1:{port}",
        session_check_s=600,  # What ends elsewhere is heard of, not found out.
        relay_grace_s=0.2,
        max_queued_packets=50,
        sign_in_attempts_a_minute=10_000,
        sign_in_burst=10_000,
        log_level="WARNING",
    )
    with running_site(settings, orchestrator, port) as site:
        site.sign_up()
        yield site


@pytest.fixture
def site(running: Site) -> Generator[Site]:
    yield running
    running.close_all()


@pytest.fixture
def world(application: Application) -> World:
    """Two organisations on SQLite."""
    return World(application)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated database to be copied."""
    name = "frontend_template"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    upgrade(postgres_address(postgres_server, name))
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_world(
    request: pytest.FixtureRequest,
    files: Path,
    tmp_path: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
) -> Generator[World]:
    """Two organisations, on each engine: where statements race, the engines differ."""
    redis_server.forget_everything()
    orchestrator.forget_everything()
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    changes: dict[str, str] = {}
    if request.param == "postgres":
        server: str = request.getfixturevalue("postgres_server")
        template: str = request.getfixturevalue("postgres_template")
        name = f"frontend_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        changes["database_url"] = postgres_address(server, name)
    settings = settings_for(tmp_path, redis_server.url, orchestrator.url, **changes)
    application = create_app(settings, async_mode="threading")
    yield World(application)
    application.parts.close()


def postgres_address(server: str, database: str) -> str:
    url = make_url(server).set(drivername="postgresql+psycopg", database=database)
    return url.render_as_string(hide_password=False)
