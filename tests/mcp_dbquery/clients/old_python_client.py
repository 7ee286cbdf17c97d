"""A client of the Python SDK before 2.0 that does what it is told on stdin: one JSON object a line, one answer each.

Runs in an environment of its own (old-python.txt), which this project's types know nothing of. Argument: where the
server is ({"command", "args", "env", "cwd"} or {"url", "headers"}).
"""
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportArgumentType=false, reportAssignmentType=false

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connected(target: dict[str, Any]):
    if "url" not in target:
        async with stdio_client(StdioServerParameters(**target)) as streams:
            yield streams
        return
    async with (
        httpx.AsyncClient(headers=target.get("headers", {}), timeout=60) as http,
        streamable_http_client(target["url"], http_client=http) as (read, write, _),
    ):
        yield read, write


class Hands:
    """What it can be told to do."""

    def __init__(self, session: ClientSession, version: str) -> None:
        self._session = session
        self._version = version
        self._begun: asyncio.Task[Any] | None = None
        self._begun_id = 0

    async def version(self) -> str:
        return self._version

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self._session.list_tools()).tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._session.call_tool(tool, arguments)
        text = "\n".join(getattr(part, "text", "") for part in result.content)
        return {"is_error": result.isError, "structured": result.structuredContent, "text": text}

    async def resources(self) -> list[str]:
        return [str(one.uri) for one in (await self._session.list_resources()).resources]

    async def read(self, uri: str) -> str:
        return (await self._session.read_resource(types.AnyUrl(uri))).contents[0].text

    async def prompts(self) -> list[str]:
        return [one.name for one in (await self._session.list_prompts()).prompts]

    async def prompt(self, name: str, arguments: dict[str, str]) -> str:
        return (await self._session.get_prompt(name, arguments)).messages[0].content.text

    async def begin(self, tool: str, arguments: dict[str, Any]) -> None:
        self._begun_id = self._session._request_id  # the id that the next request gets
        self._begun = asyncio.create_task(self._session.call_tool(tool, arguments))

    async def cancel(self) -> str:
        """This SDK gives a caller no other way to cancel than the notification itself."""
        assert self._begun is not None
        params = types.CancelledNotificationParams(requestId=self._begun_id, reason="test")
        notification = types.CancelledNotification(params=params)
        await self._session.send_notification(types.ClientNotification(notification))
        self._begun.cancel()
        await asyncio.wait({self._begun})
        return "cancelled" if self._begun.cancelled() else "answered"


async def main(target: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    async with connected(target) as (read, write), ClientSession(read, write) as session:
        agreed = await session.initialize()
        hands = Hands(session, str(agreed.protocolVersion))
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            told = json.loads(line)
            try:
                answer = {"answer": await getattr(hands, told.pop("deed"))(**told)}
            except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
                answer = {"error": repr(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
