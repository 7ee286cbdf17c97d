"""A frontend with two tool servers to which agents can be let in, and agents."""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support.agents import CLIENTS, RESOURCES, Agent, Clock, MakeApplication
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import settings_for
from support.valkey import Valkey

from frontend.app import Application, create_app


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_application(
    files: Path,
    tmp_path: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
    clock: Clock,
) -> Generator[MakeApplication]:
    """Another replica on the same stores, with settings changed."""
    made: list[Application] = []
    redis_server.forget_everything()
    orchestrator.forget_everything()
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)

    def make(**changes: Any) -> Application:
        options = {"resources": RESOURCES, "clients": CLIENTS, **changes}
        settings = settings_for(tmp_path, redis_server.url, orchestrator.url, **options)
        made.append(create_app(settings, async_mode="threading", now=clock))
        return made[-1]

    yield make
    for application in made:
        application.parts.close()


@pytest.fixture
def application(make_application: MakeApplication) -> Application:
    return make_application()


@pytest.fixture
def agent(application: Application) -> Agent:
    return Agent(application.flask.test_client(use_cookies=False))
