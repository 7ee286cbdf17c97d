"""A client of the Python SDK of today that does what it is told on stdin: one JSON object a line, one answer each.

Arguments: the protocol era, and where the server is ({"command", "args", "env", "cwd"} or {"url", "headers"}).
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, TextResourceContents

MODERN = "2026-07-28"


@asynccontextmanager
async def connected(era: str, target: dict[str, Any]) -> AsyncGenerator[Client]:
    mode = MODERN if era == "modern" else "legacy"
    if "url" not in target:
        async with Client(StdioServerParameters(**target), mode=mode) as client:
            yield client
        return
    async with (
        httpx2.AsyncClient(headers=target.get("headers", {}), timeout=60) as http,
        Client(streamable_http_client(target["url"], http_client=http), mode=mode) as client,
    ):
        yield client


class Hands:
    """What it can be told to do."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._begun: asyncio.Task[Any] | None = None

    async def version(self) -> str:
        return self._client.protocol_version

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self._client.list_tools()).tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        return {"is_error": result.is_error, "structured": result.structured_content, "text": text}

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in (await self._client.list_resources()).resources]

    async def read(self, uri: str) -> str:
        (content, *_) = (await self._client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        return content.text

    async def prompts(self) -> list[str]:
        return [one.name for one in (await self._client.list_prompts()).prompts]

    async def prompt(self, name: str, arguments: dict[str, str]) -> str:
        (message, *_) = (await self._client.get_prompt(name, arguments)).messages
        assert isinstance(message.content, TextContent)
        return message.content.text

    async def begin(self, tool: str, arguments: dict[str, Any]) -> None:
        self._begun = asyncio.create_task(self._client.call_tool(tool, arguments))

    async def cancel(self) -> str:
        assert self._begun is not None
        self._begun.cancel()
        await asyncio.wait({self._begun})
        return "cancelled" if self._begun.cancelled() else "answered"


async def main(era: str, target: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    async with connected(era, target) as client:
        hands = Hands(client)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            told = json.loads(line)
            try:
                answer = {"answer": await getattr(hands, told.pop("deed"))(**told)}
            except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
                answer = {"error": repr(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
