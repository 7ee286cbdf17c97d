"""A caller that goes away takes its statement along: over real HTTP, in both eras of the protocol."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from structlog.testing import capture_logs
from support.dbquery import UNHURRIED, person
from support.servers import serving
from support.tool_calls import answer

from mcp_dbquery.config import Config, DatabaseConfig, Limits
from mcp_dbquery.parts import Parts, make_parts
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings
from shared.mcp_server import transport_security

WORKERS = 4
"""Of an SQLite engine."""
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
SOON_S = 20
"""Far below the 60 s after which the statements would have been stopped anyhow."""


async def until(parts: Parts, number: int) -> None:
    """Until so many statements are under way."""
    quota = parts.databases.by_name["sample"].quota
    while quota.under_way != number:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_statements_end_when_their_callers_go_away(
    sample: Path, tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    file = shutil.copy(sample, tmp_path / "sample.db")
    limits = Limits(**UNHURRIED, timeout_s=60, concurrent=WORKERS)
    config = Config(limits=limits, databases={"sample": DatabaseConfig(url=f"sqlite:///{file}")})
    settings = Settings()
    parts = make_parts(settings, config, person("ada"))
    app = build_server(settings, parts).streamable_http_app(
        transport_security=transport_security([])
    )

    async def ask(url: str, sql: str) -> dict[str, Any]:
        async with (
            httpx2.AsyncClient(timeout=None) as http,
            Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
        ):
            return answer(await client.call_tool("query", {"sql": sql}))

    with capture_logs() as logs:
        async with asyncio.timeout(SOON_S), serving(app) as url:
            # As many as there are workers: one that went on would leave the next question waiting for it.
            crowd = [asyncio.create_task(ask(url, ENDLESS)) for _ in range(WORKERS)]
            await until(parts, WORKERS)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)
            await until(parts, 0)
            answers = await asyncio.gather(*(ask(url, "SELECT 1") for _ in range(WORKERS)))
    assert [told["rows"] for told in answers] == [[[1]]] * WORKERS
    decisions = [log["decision"] for log in logs if log["event"] == "tool_called"]
    assert decisions == ["cancelled"] * WORKERS + ["done"] * WORKERS
