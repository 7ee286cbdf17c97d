"""Two replicas get the same code, or the same refresh token, at the same moment: on SQLite and on PostgreSQL."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import make_url
from support.agents import CLIENTS, RESOURCES, Agent
from support.frontend_site import Browser, json_of, path_of, settings_for

from frontend.accounts.queries import add_owner
from frontend.app import Application, create_app
from frontend.commands import make_sign_in_link
from frontend.migrations import upgrade
from shared.service_tokens import SigningKey
from shared.sql import utc_now

REPLICAS = 3


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/identity.db"
    url = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    return url.render_as_string(hide_password=False)


@pytest.fixture
def replicas(tmp_path: Path, valkey: str, database_url: str) -> Generator[list[Application]]:
    SigningKey.load_or_create(tmp_path / "key.json")
    (tmp_path / "secret").write_text("a secret that only these tests know")
    upgrade(database_url)
    settings = settings_for(
        tmp_path,
        valkey,
        "http://127.0.0.1:1",
        database_url=database_url,
        resources=RESOURCES,
        clients=CLIENTS,
    )
    made = [create_app(settings, async_mode="threading") for _ in range(REPLICAS)]
    with made[0].parts.database.transaction() as session:
        add_owner(session, email="a@b.example", name="Ada", password_hash=None, now=utc_now())
    yield made
    for application in made:
        application.parts.close()


@pytest.fixture
def owner(replicas: list[Application]) -> Browser:
    browser = Browser(replicas[0].flask.test_client())
    browser.submit(path_of(make_sign_in_link(replicas[0].parts.settings)), {})
    return browser


@pytest.fixture
def agents(replicas: list[Application]) -> list[Agent]:
    """The same agent before each replica."""
    return [Agent(one.flask.test_client(use_cookies=False)) for one in replicas]


def at_once(agents: list[Agent], ask: Callable[[Agent], Any]) -> list[tuple[int, dict[str, Any]]]:
    together = Barrier(len(agents))

    def asked(agent: Agent) -> tuple[int, dict[str, Any]]:
        together.wait(5)
        answer = ask(agent)
        return answer.status_code, json_of(answer)

    with ThreadPoolExecutor(len(agents)) as pool:
        return list(pool.map(asked, agents))


def test_of_several_redemptions_of_a_code_one_wins_and_then_all_is_ended(
    agents: list[Agent], owner: Browser
) -> None:
    code = agents[0].code(owner)
    answers = at_once(agents, lambda agent: agent.redeem(code))
    won = [body for status, body in answers if status == 200]
    lost = [body["error"] for status, body in answers if status == 400]
    assert (len(won), lost) == (1, ["invalid_grant"] * (REPLICAS - 1))
    answer = agents[0].refresh(won[0]["refresh_token"])
    assert json_of(answer)["error"] == "invalid_grant"


def test_several_refreshes_at_once_come_to_one_token(agents: list[Agent], owner: Browser) -> None:
    token = agents[0].tokens(owner)["refresh_token"]
    for _ in range(3):
        answers = at_once(agents, lambda agent, token=token: agent.refresh(token))
        assert [status for status, _ in answers] == [200] * REPLICAS
        (token,) = {body["refresh_token"] for _, body in answers}


def test_a_theft_that_is_found_out_during_a_refresh_leaves_nothing(
    agents: list[Agent], owner: Browser
) -> None:
    first = agents[0].tokens(owner)["refresh_token"]
    second = json_of(agents[0].refresh(first))["refresh_token"]
    third = json_of(agents[0].refresh(second))["refresh_token"]
    known = iter([first, third, third])
    tokens = {id(agent): next(known) for agent in agents}
    answers = at_once(agents, lambda agent: agent.refresh(tokens[id(agent)]))
    for status, body in answers:
        if status == 200:
            after = agents[0].refresh(body["refresh_token"])
            assert json_of(after)["error"] == "invalid_grant"
    assert json_of(agents[0].refresh(third))["error"] == "invalid_grant"
