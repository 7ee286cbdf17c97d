"""A database server in memory, and the caller at its desk."""

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcp import Client
from mcp.types import CallToolResult
from support.tool_calls import answer, call_tool, said

from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared.service_tokens import Principal


@dataclass
class Desk:
    """Calls the server's tools."""

    client: Client
    database: Path
    parts: Parts

    async def call(
        self, tool: str, arguments: dict[str, Any], key: str | None = None
    ) -> CallToolResult:
        return await call_tool(self.client, tool, arguments, key)

    async def query(self, sql: str, **arguments: Any) -> dict[str, Any]:
        return answer(await self.call("query", {"sql": sql, **arguments}))

    async def refusal(self, sql: str) -> str:
        result = await self.call("query", {"sql": sql})
        assert result.is_error, result.structured_content
        return said(result)

    def fingerprint(self) -> str:
        """Changes when anything in the database file does."""
        return hashlib.sha256(self.database.read_bytes()).hexdigest()


UNHURRIED = {"per_minute": 100_000}
"""Tests ask more in a minute than a person."""


@asynccontextmanager
async def open_desk(
    directory: Path,
    actions: Path | None,
    *,
    roles: Sequence[str] = (),
    database: Mapping[str, Any] | None = None,
    config: Config | None = None,
    mode: Literal["auto", "legacy"] = "auto",
    settings: Mapping[str, Any] | None = None,
    **limits: Any,
) -> AsyncGenerator[Desk]:
    """A server over `sample.db` in the directory, or over what `config` says; `database` are fields of its section."""
    file = directory / "sample.db"
    chosen = Settings(
        store_url=f"sqlite:///{directory / 'ledger.db'}",
        limits=Limits(**{**UNHURRIED, **limits}),
        **(settings or {}),
    )
    section = DatabaseConfig(url=f"sqlite:///{file}", actions_file=actions, **(database or {}))
    config = config or Config(databases={"sample": section})
    config = config.model_copy(update={"limits": chosen.limits})
    parts = make_parts(chosen, config, person("ada", roles))
    async with Client(build_server(chosen, parts), mode=mode) as client:
        yield Desk(client, file, parts)


def person(subject: str, roles: Sequence[str] = (), tenant: str = "acme") -> Principal:
    """A verified caller."""
    return Principal(subject=subject, tenant=tenant, roles=frozenset(roles), name=subject.title())
