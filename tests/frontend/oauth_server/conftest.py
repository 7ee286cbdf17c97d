"""A frontend with two tool servers to which agents can be let in, and agents."""

import shutil
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.agents import CLIENTS, RESOURCES, Agent, Clock, MakeApplication
from support.document_site import DocumentSite, document_site
from support.fake_orchestrator import FakeOrchestrator
from support.frontend_site import Site, running_site, settings_for
from support.ports import free_port
from support.valkey import Valkey

from frontend.app import Application, create_app


@pytest.fixture(scope="session")
def agent_maker(tmp_path_factory: pytest.TempPathFactory) -> Generator[DocumentSite]:
    """The site of an agent's maker, at an address that real processes reach."""
    with document_site(tmp_path_factory.mktemp("maker"), host="127.0.0.1") as maker:
        yield maker


@pytest.fixture(scope="session")
def running_agent_site(
    files: Path,
    redis_server: Valkey,
    orchestrator: FakeOrchestrator,
    agent_maker: DocumentSite,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Site]:
    """A frontend process that trusts the maker's certificate, with an owner."""
    directory = tmp_path_factory.mktemp("agent-site")
    shutil.copytree(files, directory, dirs_exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_for(
        directory,
        redis_server.url,
        orchestrator.url,
        issuer=url,
        public_url=url,
        resources=RESOURCES,
        client_document_networks=["127.0.0.0/8"],
        sign_in_attempts_a_minute=10_000,
        sign_in_burst=10_000,
        log_level="WARNING",
    )
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SSL_CERT_FILE", str(agent_maker.ca_file))
            site = stack.enter_context(running_site(settings, orchestrator, port))
        site.sign_up()
        yield site


@pytest.fixture
def agent_site(running_agent_site: Site) -> Generator[Site]:
    yield running_agent_site
    running_agent_site.close_all()


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
        options = {
            "resources": RESOURCES,
            "clients": CLIENTS,
            "agent_consents_a_minute": 1_000,
            **changes,
        }
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
