"""Our three tool servers as ASGI applications, made as their commands make them, and callers who are signed in."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

import mcp_dbquery.parts
import mcp_dbquery.server
import mcp_dbquery.settings
import mcp_email.parts
import mcp_email.server
import mcp_email.settings
import mcp_search.config
import mcp_search.parts
import mcp_search.server
import mcp_search.settings
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, make_sample
from mcp_email.opening import Opener
from shared.mcp_server import Startable, transport_security
from shared.service_tokens import FixedKeys, KeySource, SigningKey, TokenIssuer, TokenVerifier

ISSUER = "https://login.test"
SCOPES = "db:read db:act mail:read mail:draft mail:send kb:read kb:write web:search"


@dataclass(frozen=True, slots=True)
class ToolApp:
    """One server."""

    app: Starlette
    parts: Any
    audience: str
    key: SigningKey

    def token(self, person: str = "ada", tenant: str = "acme", **claims: Any) -> str:
        """Of an hour, for all that the server can do unless told."""
        named: dict[str, Any] = {"audience": self.audience, "scope": SCOPES, "lifetime_s": 3600}
        issuer = TokenIssuer(ISSUER, self.key)
        return issuer.issue(subject=person, tenant=tenant, **{**named, **claims})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A proxy before an application that puts a token into requests, for clients that can send none."""

    app: ASGIApp
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            bearer = (b"authorization", f"Bearer {self.token}".encode())
            scope = {**scope, "headers": [*scope["headers"], bearer]}
        await self.app(scope, receive, send)


def served(server: MCPServer[Any]) -> Starlette:
    """The application that is served over HTTP."""
    return server.streamable_http_app(transport_security=transport_security([]))


@asynccontextmanager
async def tool_apps(
    folder: Path,
    *,
    issuers: Mapping[str, KeySource] | None = None,
    audiences: Mapping[str, str] | None = None,
) -> AsyncGenerator[Mapping[str, ToolApp]]:
    """All three by their names, on data of their own. Who serves one starts and ends it by its lifespan.

    Tokens of `issuers`, hosts that ask their people, are accepted, too. `audiences`: servers known by other addresses.
    """
    key = SigningKey.generate()
    accepted = {ISSUER: FixedKeys(key.public_jwks()), **(issuers or {})}
    async with AsyncExitStack() as stack:
        apps: dict[str, ToolApp] = {}
        for name, make in {
            "mcp-dbquery": _dbquery,
            "mcp-email": _email,
            "mcp-search": _search,
        }.items():
            audience = (audiences or {}).get(name, f"https://{name}.test/mcp")
            verifier = TokenVerifier(audience, accepted)
            server, parts = await make(folder, verifier, list(issuers or {}))
            stack.push_async_callback(parts.close)
            apps[name] = ToolApp(served(server), parts, audience, key)
        yield apps


async def _dbquery(
    folder: Path, verifier: TokenVerifier, _: list[str]
) -> tuple[MCPServer[Any], Startable]:
    database = folder / "tracker.db"
    make_sample(database)
    settings = mcp_dbquery.settings.Settings(
        database_url=f"sqlite:///{database}",
        actions_file=SAMPLE_ACTIONS,
        resource_url=verifier.audience,
        store_url=f"sqlite:///{folder / 'store.db'}",
    )
    config = mcp_dbquery.settings.configuration(settings)
    parts = mcp_dbquery.parts.make_parts(settings, config)
    await parts.start()
    return mcp_dbquery.server.build_server(settings, parts, verifier), parts


async def _email(
    folder: Path, verifier: TokenVerifier, hosts: list[str]
) -> tuple[MCPServer[Any], Startable]:
    settings = mcp_email.settings.Settings(
        data_dir=folder / "mail", resource_url=verifier.audience, confirming_issuers=hosts
    )
    config = mcp_email.settings.configuration(settings)
    parts = mcp_email.parts.make_parts(settings, config, Opener(settings, config))
    await parts.start()
    return mcp_email.server.build_server(settings, parts, verifier), parts


async def _search(
    folder: Path, verifier: TokenVerifier, hosts: list[str]
) -> tuple[MCPServer[Any], Startable]:
    settings = mcp_search.settings.Settings(
        data_dir=folder / "search", resource_url=verifier.audience, confirming_issuers=hosts
    )
    config = mcp_search.config.Config(
        knowledge=mcp_search.config.Knowledge(embeddings=mcp_search.config.Embeddings(kind="none"))
    )
    parts = mcp_search.parts.make_parts(settings, config)
    await parts.start()
    return mcp_search.server.build_server(settings, parts, verifier), parts
