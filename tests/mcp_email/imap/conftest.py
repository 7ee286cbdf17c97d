"""A Dovecot for all tests of a process; each test has users of its own."""

import itertools
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from support.dovecot import Dovecot, dovecot

from mcp_email.config import Limits
from mcp_email.imap.mailbox import ImapMailbox

HERE = Path(__file__).parent
USERS = (f"user{number}" for number in itertools.count(1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What uses the server needs one on the machine; the rest of this folder runs everywhere."""
    for item in items:
        if HERE in item.path.parents and "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.dovecot)


@pytest.fixture(scope="session")
def server() -> Generator[Dovecot]:
    """Started once."""
    with dovecot() as started:
        yield started


@pytest.fixture
def user() -> str:
    """Nobody had this name before."""
    return next(USERS)


@pytest.fixture
async def mailbox(server: Dovecot, user: str) -> AsyncGenerator[ImapMailbox]:
    """The user's, over an open line."""
    opened = ImapMailbox("mail", server.account(user), Limits())
    yield opened
    await opened.close()
