"""A demo model that takes scripts, over real HTTP and in process."""

from collections.abc import AsyncGenerator

import httpx
import pytest
from support.servers import serving

from demo_model.app import create_app
from demo_model.settings import Settings


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    async with serving(create_app(Settings(word_delay_ms=0), scripts_allowed=True)) as url:
        yield url


@pytest.fixture
async def wire(url: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client over real HTTP: for what happens while a response is under way."""
    async with httpx.AsyncClient(base_url=url, timeout=5) as http:
        yield http


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    """A client in process, which gets each response once it is whole."""
    app = create_app(Settings(word_delay_ms=0), scripts_allowed=True)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(base_url="http://demo-model", transport=transport) as http:
        yield http
