"""Migrations go up, down and up again on both engines, and end where the models are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

import frontend.migrations
import orchestrator.migrations

Service = tuple[Callable[[str], Config], str, str]
SERVICES: dict[str, Service] = {
    "orchestrator": (
        orchestrator.migrations.alembic_config,
        "sqlite+aiosqlite",
        "postgresql+asyncpg",
    ),
    "frontend": (frontend.migrations.alembic_config, "sqlite", "postgresql+psycopg"),
}


def up_down_up(config: Config) -> None:
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    command.upgrade(config, "head")
    command.check(config)  # raises when the models have something that no migration makes


@pytest.mark.parametrize("service", SERVICES)
def test_on_sqlite(service: str, tmp_path: Path) -> None:
    make_config, driver, _ = SERVICES[service]
    up_down_up(make_config(f"{driver}:///{tmp_path / 'x.db'}"))


@pytest.mark.postgres
@pytest.mark.parametrize("service", SERVICES)
def test_on_postgres(service: str, postgres_url: str) -> None:
    make_config, _, driver = SERVICES[service]
    url = make_url(postgres_url).set(drivername=driver)
    up_down_up(make_config(url.render_as_string(hide_password=False)))
