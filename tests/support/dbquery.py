"""A database server in memory, and the caller at its desk."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from mcp import Client
from mcp.types import CallToolResult, RequestParamsMeta, TextContent

from mcp_dbquery.server import build_server, make_parts
from mcp_dbquery.settings import Settings
from shared.service_tokens import Principal

T = TypeVar("T")


@dataclass
class Desk:
    """Calls the server's tools."""

    client: Client
    database: Path

    async def call(
        self, tool: str, arguments: dict[str, Any], key: str | None = None
    ) -> CallToolResult:
        meta = cast("RequestParamsMeta", {"io.steward/idempotency-key": key}) if key else None
        result = await self.client.session.call_tool(tool, arguments, meta=meta)
        assert isinstance(result, CallToolResult)
        return result

    async def query(self, sql: str, **arguments: Any) -> dict[str, Any]:
        result = await self.call("query", {"sql": sql, **arguments})
        assert not result.is_error, said(result)
        return cast("dict[str, Any]", result.structured_content)

    async def refusal(self, sql: str) -> str:
        result = await self.call("query", {"sql": sql})
        assert result.is_error, result.structured_content
        return said(result)

    def fingerprint(self) -> str:
        """Changes when anything in the database file does."""
        return hashlib.sha256(self.database.read_bytes()).hexdigest()


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


@asynccontextmanager
async def open_desk(
    directory: Path, actions: Path | None, *, roles: Sequence[str] = (), **limits: Any
) -> AsyncGenerator[Desk]:
    settings = Settings(
        database_url=f"sqlite:///{directory / 'sample.db'}",
        actions_file=actions,
        ledger_path=directory / "ledger.db",
        workers=2,
        **limits,
    )
    caller = Principal(subject="ada", tenant="acme", roles=frozenset(roles), name="Ada")
    parts = make_parts(settings, caller)
    try:
        async with Client(build_server(settings, parts)) as client:
            yield Desk(client, directory / "sample.db")
    finally:
        await parts.engine.close()
