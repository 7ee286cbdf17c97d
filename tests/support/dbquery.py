"""A database server in memory, and the caller at its desk."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from mcp import Client
from mcp.types import CallToolResult, RequestParamsMeta, TextContent

from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared.service_tokens import Principal

T = TypeVar("T")


@dataclass
class Desk:
    """Calls the server's tools."""

    client: Client
    database: Path
    parts: Parts

    async def call(
        self, tool: str, arguments: dict[str, Any], key: str | None = None
    ) -> CallToolResult:
        meta = cast("RequestParamsMeta", {"io.steward/idempotency-key": key}) if key else None
        result = await self.client.session.call_tool(tool, arguments, meta=meta)
        assert isinstance(result, CallToolResult)
        return result

    async def query(self, sql: str, **arguments: Any) -> dict[str, Any]:
        return answer(await self.call("query", {"sql": sql, **arguments}))

    async def refusal(self, sql: str) -> str:
        result = await self.call("query", {"sql": sql})
        assert result.is_error, result.structured_content
        return said(result)

    def fingerprint(self) -> str:
        """Changes when anything in the database file does."""
        return hashlib.sha256(self.database.read_bytes()).hexdigest()


def answer(result: CallToolResult) -> dict[str, Any]:
    """What a call that worked gave."""
    assert not result.is_error, said(result)
    return cast("dict[str, Any]", result.structured_content)


def problem(result: CallToolResult) -> dict[str, Any]:
    """What was told of a call that did not."""
    assert result.is_error, result.structured_content
    return cast("dict[str, Any]", result.structured_content)


def said(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


@asynccontextmanager
async def in_one_task(context: AbstractAsyncContextManager[T]) -> AsyncGenerator[T]:
    """Enter and leave a context in one task: fixtures are set up and torn down in two, which anyio refuses."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        async with context as value:
            entered.set_result(value)
            await leave.wait()

    task = asyncio.create_task(hold())
    await asyncio.wait({task, entered}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield entered.result()
    finally:
        leave.set()
        await task


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
