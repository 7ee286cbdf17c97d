"""One process that reads pages for all tests of a session: it takes half a second to start."""

from collections.abc import AsyncGenerator

import pytest
from support.web_servers import FakeWeb, web_server


@pytest.fixture
async def web() -> AsyncGenerator[FakeWeb]:
    """The tests' web over http."""
    async with web_server() as web:
        yield web
