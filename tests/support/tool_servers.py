"""The three tool servers as processes over HTTP, as agents meet them, and the issuers whose tokens they accept."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from support.issuer import Issuer, an_issuer
from support.ports import free_port
from support.proc import wait_until
from support.readme import answers

from mcp_dbquery.sample.make import SAMPLE_CONFIG, make_sample
from shared.scopes import RESOURCES, in_order

Era = Literal["auto", "legacy"]
SERVERS = tuple(RESOURCES)
HOST = "http://orchestrator.test"
"""The issuer of a host that asks its people."""
FRONTEND = "http://frontend.test"
"""The authorization server at which people let other agents in."""
GONE = "http://gone.test"
"""An issuer whose key set nobody answers for."""
MODERN = "2026-07-28"
START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class ToolServers:
    """All three, running."""

    addresses: dict[str, str]
    """Server → where it listens."""
    host: Issuer
    frontend: Issuer
    http: httpx.Client
    folder: Path
    """What they keep is in it."""

    def url(self, server: str) -> str:
        """What tokens for it name."""
        return f"{self.addresses[server]}/mcp"

    def metadata_url(self, server: str) -> str:
        return f"{self.addresses[server]}/.well-known/oauth-protected-resource/mcp"

    def token(self, server: str, scope: str | None = None, **claims: Any) -> str:
        """Of an agent that Ada has let in; with all scopes unless told."""
        allowed = in_order(RESOURCES[server].all) if scope is None else scope
        return self.frontend.token(self.url(server), allowed, **{"client": "agent", **claims})

    @asynccontextmanager
    async def client(
        self,
        server: str,
        token: str,
        era: Era = "auto",
        *,
        elicitation: ElicitationFnT | None = None,
    ) -> AsyncGenerator[Client]:
        """One of the SDK of today."""
        async with (
            httpx2.AsyncClient(headers=bearer(token), timeout=30) as http,
            Client(
                streamable_http_client(self.url(server), http_client=http),
                mode=era,
                elicitation_callback=elicitation,
            ) as client,
        ):
            yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def modern_request(
    method: str, params: dict[str, Any] | None = None, name: str | None = None
) -> dict[str, Any]:
    """Arguments for httpx: a request as clients of MODERN send it, with its name in a header where it has one."""
    about = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return {
        "json": {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {**(params or {}), "_meta": about},
        },
        "headers": {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": method,
            **({"Mcp-Name": name} if name is not None else {}),
        },
    }


@contextmanager
def tool_servers(folder: Path, **foreign_keys: Any) -> Generator[ToolServers]:
    """Run until the block ends. `foreign_keys` as for `an_issuer`: in the key set of FRONTEND."""
    make_sample(folder / "tracker.db")
    with (
        an_issuer(HOST) as host,
        an_issuer(FRONTEND, **foreign_keys) as frontend,
        ExitStack() as stack,
    ):
        addresses = {server: f"http://127.0.0.1:{free_port()}" for server in SERVERS}
        for server, address in addresses.items():
            _start(stack, server, address, folder, host, frontend)
        with httpx.Client() as http:
            for server, address in addresses.items():
                wait_until(
                    lambda address=address: answers(http, f"{address}/ready"),
                    f"{server} is ready",
                    at_most_s=START_TIMEOUT_S,
                )
            yield ToolServers(addresses, host, frontend, http, folder)


def _start(
    stack: ExitStack, server: str, address: str, folder: Path, host: Issuer, frontend: Issuer
) -> None:
    key_sets = {
        HOST: host.jwks_url,
        FRONTEND: frontend.jwks_url,
        GONE: f"http://127.0.0.1:{free_port()}/jwks.json",
    }
    settings = {
        "RESOURCE_URL": f"{address}/mcp",
        "ISSUERS": json.dumps(key_sets),
        "AUTHORIZATION_SERVERS": json.dumps([FRONTEND]),
        "LOG_LEVEL": "ERROR",
        **_settings(server, folder),
    }
    prefix = server.replace("-", "_").upper()
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name(server)),
            *("serve", "--http", address.removeprefix("http://")),
        ],
        env={
            "PATH": os.environ["PATH"],
            **{f"{prefix}_{name}": value for name, value in settings.items()},
        },
    )
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)


def _settings(server: str, folder: Path) -> dict[str, str]:
    if server == "mcp-dbquery":
        return {
            "CONFIG": str(SAMPLE_CONFIG),
            "DATABASE_URL": f"sqlite:///{folder / 'tracker.db'}",
            "STORE_URL": f"sqlite:///{folder / 'store.db'}",
        }
    return {
        "DATA_DIR": str(folder / server),
        "CONFIRMING_ISSUERS": json.dumps([HOST]),
    }
