"""Calls of a tool server's tools, and what came of them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, cast

from mcp import Client
from mcp.types import CallToolResult, RequestParamsMeta, TextContent

T = TypeVar("T")


async def call_tool(
    client: Client, tool: str, arguments: Mapping[str, Any] | None, key: str | None
) -> CallToolResult:
    """As it is answered at once: nothing is asked of a person. With an idempotency key, as our host gives one."""
    meta = cast("RequestParamsMeta", {"io.steward/idempotency-key": key}) if key else None
    result = await client.call_tool(tool, dict(arguments or {}), meta=meta)
    assert isinstance(result, CallToolResult)
    return result


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
