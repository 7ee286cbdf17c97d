"""For tests of the web."""

from collections.abc import AsyncGenerator

import pytest
from support.web_servers import FakeWeb, web_server


@pytest.fixture
async def web() -> AsyncGenerator[FakeWeb]:
    """The tests' web over http."""
    async with web_server() as web:
        yield web
