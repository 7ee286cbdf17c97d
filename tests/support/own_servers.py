"""An orchestrator with one tool server of ours, asked by its routes for pages."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp
from support.models import ScriptedModel
from support.servers import serving
from support.world import Api, World


@asynccontextmanager
async def with_server(
    world: World, app: ASGIApp, key: str, origin: str, *, own: bool = True, **settings: Any
) -> AsyncGenerator[Api]:
    async with serving(app) as url:
        servers = {key: {"url": f"{url}/mcp", "own": own, "origin": origin}}
        async with world.orchestrator(ScriptedModel([]), tool_servers=servers, **settings):
            yield world.api()


async def get(api: Api, path: str) -> Any:
    """What is answered, which is no error."""
    answer = await api.request("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def audit_of(api: Api) -> list[dict[str, Any]]:
    return (await get(api, "/v1/audit"))["rows"]
