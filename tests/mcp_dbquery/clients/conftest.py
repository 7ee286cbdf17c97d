"""A server over the sample database as other programs meet it: started by them, or over HTTP with a token."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from support.issuer import NAME, Issuer, an_issuer
from support.mcp_clients import Target
from support.proc import wait_until

from mcp_dbquery.sample.make import make_sample
from shared.scopes import DB_READ
from steward_dev.launcher.ports import free_port

SCRIPTS = Path(sys.executable).parent
CONFIGURATION = """
[limits]
timeout_s = 60
per_minute = 1000

[databases.tracker]
url = "sqlite:///{database}"
description = "A project tracker."

[databases.tracker.tables.people.columns.email]
mask = "domain"
"""


@dataclass(frozen=True, slots=True)
class HttpServer:
    """One that runs."""

    url: str
    pid: int
    issuer: Issuer

    def target(self, roles: tuple[str, ...] = ("member",)) -> Target:
        token = self.issuer.token(self.url, DB_READ, roles=roles)
        return {"url": self.url, "headers": {"Authorization": f"Bearer {token}"}}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample database and a configuration for it."""
    folder = tmp_path_factory.mktemp("place")
    make_sample(folder / "tracker.db")
    text = CONFIGURATION.format(database=folder / "tracker.db")
    (folder / "dbquery.toml").write_text(text)
    return folder


@pytest.fixture(scope="session")
def stdio_target(place: Path) -> Target:
    return {
        "command": str(SCRIPTS / "mcp-dbquery"),
        "args": ["serve", "--stdio", "--config", str(place / "dbquery.toml")],
    }


@pytest.fixture(scope="module")
def http_server(place: Path) -> Generator[HttpServer]:
    with an_issuer() as issuer:
        port = free_port()
        arguments = ["--config", str(place / "dbquery.toml")]
        with serving(["serve", "--http", f"127.0.0.1:{port}", *arguments], issuer, port) as pid:
            yield HttpServer(f"http://127.0.0.1:{port}/mcp", pid, issuer)


@contextmanager
def serving(arguments: list[str], issuer: Issuer, port: int) -> Generator[int]:
    """Start mcp-dbquery over HTTP, wait until it is ready, stop it at the end. Yields its process id."""
    environment = {
        "PATH": os.environ["PATH"],
        "MCP_DBQUERY_RESOURCE_URL": f"http://127.0.0.1:{port}/mcp",
        "MCP_DBQUERY_ISSUERS": f'{{"{NAME}": "{issuer.jwks_url}"}}',
    }
    process = subprocess.Popen([str(SCRIPTS / "mcp-dbquery"), *arguments], env=environment)
    try:
        with httpx.Client() as http:
            wait_until(lambda: _is_ready(http, port), "the server is ready")
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def _is_ready(http: httpx.Client, port: int) -> bool:
    try:
        return http.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.TransportError:
        return False
