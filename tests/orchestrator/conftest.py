"""A world for each test: a migrated database, a tool server and somebody who signs tokens."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.servers import serving
from support.tracker import Tracker
from support.world import WAIT_S, Clock, World

from orchestrator.migrations import upgrade
from shared.service_tokens import SigningKey


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows, to be copied."""
    path = tmp_path_factory.mktemp("template") / "assistant.db"
    upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
async def world(tmp_path: Path, migrated: Path) -> AsyncGenerator[World]:
    shutil.copy(migrated, tmp_path / "assistant.db")
    key = SigningKey.generate()
    SigningKey.load_or_create(tmp_path / "key.json")
    tracker = Tracker()

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(key.public_jwks())

    keys = Starlette(routes=[Route("/jwks", jwks)])
    async with (
        serving(keys) as keys_url,
        serving(tracker.app()) as tracker_url,
        httpx.AsyncClient(timeout=WAIT_S) as http,
    ):
        yield World(tmp_path, tracker, key, http, Clock(), f"{keys_url}/jwks", tracker_url)
