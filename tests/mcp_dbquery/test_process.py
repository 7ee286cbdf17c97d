"""The server as other programs meet it: a process over stdio, a process over HTTP, with and without a token."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from mcp import Client, StdioServerParameters
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.processes import running
from support.servers import serving

from shared.service_tokens import SigningKey, TokenIssuer
from steward_dev.launcher.ports import free_port

ISSUER = "http://orchestrator.test"


def environment(sample: Path, **settings: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "MCP_DBQUERY_DATABASE_URL": f"sqlite:///{sample}",
        **{f"MCP_DBQUERY_{name}": value for name, value in settings.items()},
    }


async def test_another_agent_can_use_it_over_stdio(sample: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_dbquery", "serve", "--stdio"],
        env=environment(sample),
    )
    async with Client(parameters) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("query", {"sql": "SELECT count(*) FROM projects"})
    assert names == ["list_tables", "describe_tables", "query"]
    assert result.structured_content is not None
    assert result.structured_content["rows"] == [[8]]


@asynccontextmanager
async def http_server(sample: Path, key: SigningKey) -> AsyncGenerator[str]:
    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(key.public_jwks())

    async with serving(Starlette(routes=[Route("/jwks", jwks)])) as keys:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "mcp_dbquery", "serve", "--http", address]
        variables = environment(
            sample,
            RESOURCE_URL=f"http://{address}/mcp",
            ISSUERS=f'{{"{ISSUER}": "{keys}/jwks"}}',
        )
        async with running(command, variables, ready=f"http://{address}/ready"):
            yield f"http://{address}"


async def test_over_http_only_a_token_made_for_this_server_opens_it(sample: Path) -> None:
    key, stranger = SigningKey.generate(), SigningKey.generate()
    async with http_server(sample, key) as url, httpx.AsyncClient() as http:
        made_for = f"{url}/mcp"

        def token(signer: SigningKey, audience: str, lifetime_s: int = 60) -> str:
            issuer = TokenIssuer(ISSUER, signer)
            return issuer.issue(
                audience=audience, subject="ada", tenant="acme", lifetime_s=lifetime_s
            )

        tokens = {
            "none": None,
            "garbage": "garbage",
            "for another server": token(key, "http://127.0.0.1:1/mcp"),
            "expired": token(key, made_for, lifetime_s=-60),
            "signed by a stranger": token(stranger, made_for),
        }
        for name, value in tokens.items():
            headers = {"Authorization": f"Bearer {value}"} if value else {}
            answer = await http.post(made_for, json={}, headers=headers)
            assert answer.status_code == 401, name
        good = await http.post(
            made_for, json={}, headers={"Authorization": f"Bearer {token(key, made_for)}"}
        )
        assert good.status_code != 401
        assert (await http.get(f"{url}/live")).json() == {"status": "live"}
        assert "python_info" in (await http.get(f"{url}/metrics")).text


@pytest.mark.parametrize(
    ("arguments", "settings", "complaint"),
    [
        (["serve", "--http", "127.0.0.1:1"], {}, "MCP_DBQUERY_ISSUERS is not set"),
        (["serve", "--http", "0.0.0.0:1", "--insecure-no-auth"], {}, "only allowed on a loopback"),
        (["serve", "--http", "nonsense", "--insecure-no-auth"], {}, "HOST:PORT"),
        (["serve", "--stdio"], {"DATABASE_URL": "sqlite:////no/such.db"}, "no database file"),
        (["serve", "--stdio"], {"DATABASE_URL": "postgresql://x/y"}, "not supported yet"),
        (["serve", "--stdio"], {"DATABASE_URL": f"sqlite:///{__file__}"}, "not an SQLite database"),
        (["check"], {"ACTIONS_FILE": "/no/such.toml"}, "cannot be read"),
        (["check"], {"TIMEOUT_S": "never"}, "MCP_DBQUERY_TIMEOUT_S is not usable"),
    ],
)
async def test_a_bad_start_is_one_sentence_and_status_2(
    sample: Path, arguments: list[str], settings: dict[str, str], complaint: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mcp_dbquery",
        *arguments,
        env={**environment(sample), **{f"MCP_DBQUERY_{k}": v for k, v in settings.items()}},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert complaint in errors.decode()
    assert "Traceback" not in errors.decode()
