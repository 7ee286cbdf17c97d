"""What signing in needs around it: a mail server, and providers."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support.mail_sink import MailSink, mail_sink
from support.sign_in_providers import (
    CLIENT_ID,
    CLIENT_SECRET,
    GitHub,
    OidcProvider,
    github,
    oidc_provider,
)


@pytest.fixture(scope="session")
def _sink() -> Generator[MailSink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def mails(_sink: MailSink) -> MailSink:
    _sink.mails.clear()
    return _sink


@pytest.fixture(scope="session")
def _provider() -> Generator[OidcProvider]:
    with oidc_provider() as provider:
        yield provider


@pytest.fixture
def provider(_provider: OidcProvider) -> OidcProvider:
    _provider.behave()
    return _provider


@pytest.fixture(scope="session")
def _hub() -> Generator[GitHub]:
    with github() as hub:
        yield hub


@pytest.fixture
def hub(_hub: GitHub) -> GitHub:
    _hub.behave()
    return _hub


@pytest.fixture
def client(tmp_path: Path) -> dict[str, Any]:
    """How we are known to a provider."""
    secret = tmp_path / "client-secret"
    secret.write_text(CLIENT_SECRET)
    return {"client_id": CLIENT_ID, "client_secret": {"file": str(secret)}}
