"""The server as other programs meet it: a process over stdio, a process over HTTP, with and without a token."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import httpx2
import pytest
import structlog
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.processes import running
from support.servers import serving

from mcp_dbquery.__main__ import main
from mcp_dbquery.sample.make import SAMPLE_ACTIONS, SAMPLE_CONFIG
from mcp_dbquery.sqlite.url import path_of
from shared.scopes import DB_ACT, DB_READ
from shared.service_tokens import SigningKey, TokenIssuer
from steward_dev.launcher.ports import free_port

ISSUER = "http://orchestrator.test"
READING_TOOLS = [
    "list_databases",
    "list_tables",
    "describe_tables",
    "search_schema",
    "query",
    "explain",
    "list_saved_queries",
    "run_saved_query",
    "save_query",
]


@pytest.fixture(autouse=True)
def logs_of_this_process() -> Generator[None]:
    """They go where they went before: `main` sends them to a standard error that is closed after the test."""
    configured, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)


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
    assert names == READING_TOOLS
    assert result.structured_content is not None
    assert result.structured_content["rows"] == [[8]]


@asynccontextmanager
async def http_server(sample: Path, key: SigningKey, **settings: str) -> AsyncGenerator[str]:
    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(key.public_jwks())

    async with serving(Starlette(routes=[Route("/jwks", jwks)])) as keys:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "mcp_dbquery", "serve", "--http", address]
        variables = environment(
            sample,
            RESOURCE_URL=f"http://{address}/mcp",
            ISSUERS=f'{{"{ISSUER}": "{keys}/jwks"}}',
            **settings,
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
                audience=audience,
                subject="ada",
                tenant="acme",
                lifetime_s=lifetime_s,
                scope=DB_READ,
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


async def test_over_http_the_roles_in_the_token_decide(sample: Path, tmp_path: Path) -> None:
    key = SigningKey.generate()
    database = Path(shutil.copy(sample, tmp_path / "sample.db"))
    settings = {
        "ACTIONS_FILE": str(SAMPLE_ACTIONS),
        "STORE_URL": f"sqlite:///{tmp_path / 'store.db'}",
    }
    async with http_server(database, key, **settings) as url:
        said: dict[str, bool] = {}
        for role in ("member", "visitor"):
            token = TokenIssuer(ISSUER, key).issue(
                audience=f"{url}/mcp",
                subject=role,
                tenant="acme",
                lifetime_s=60,
                roles=[role],
                scope=DB_ACT,
            )
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                httpx2.AsyncClient(headers=headers) as http,
                Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
            ):
                comment = {"task_id": 42, "body": f"From a {role}."}
                said[role] = (await client.call_tool("add_comment", comment)).is_error
    assert said == {"member": False, "visitor": True}


BAD_STARTS: list[tuple[list[str], dict[str, str], str]] = [
    (["serve", "--http", "127.0.0.1:1"], {}, "MCP_DBQUERY_ISSUERS is not set"),
    (["serve", "--http", "0.0.0.0:1", "--insecure-no-auth"], {}, "only allowed on a loopback"),
    (["serve", "--http", "nonsense", "--insecure-no-auth"], {}, "HOST:PORT"),
    (["serve", "--stdio"], {"DATABASE_URL": "sqlite:////no/such.db"}, "there is no such file"),
    (["serve", "--stdio"], {"DATABASE_URL": ""}, "No database is given"),
    (["serve", "--stdio"], {"DATABASE_URL": "oracle://x:hunter2@y"}, "oracle is not supported"),
    (["serve", "--stdio"], {"REDIS_URL": "valkey:6379"}, "MCP_DBQUERY_REDIS_URL is not usable"),
    (["serve", "--stdio"], {"STORE_URL": "mongodb://x:hunter2@y"}, "store's URL is not understood"),
    (["serve", "--stdio"], {"CURSOR_KEY": "short"}, "at least 32 characters"),
    (["serve", "--stdio", "--config", "/no/such.toml"], {}, "cannot be read"),
    (["init", "--database", "tracker"], {}, "has no database tracker. It has: sample"),
    (["init", "--database", "sample"], {}, "Give the owner's URL in MCP_DBQUERY_OWNER_URL"),
    (["init", "--database", "sample", "--owner-url-file", "/no/such"], {}, "cannot be read"),
    (["init", "--database", "sample"], {"OWNER_URL": "sqlite:////x.db"}, "needs no preparation"),
    (["serve", "--stdio"], {"DATABASE_URL": "host=db password=hunter2"}, "this is not supported"),
    (["serve", "--stdio"], {"DATABASE_URL": f"sqlite:///{__file__}"}, "not an SQLite database"),
    (["check"], {"ACTIONS_FILE": "/no/such.toml"}, "cannot be read"),
    (["check"], {"ACTIONS_FILE": str(SAMPLE_ACTIONS)}, "STORE_URL is not set"),
    (
        ["check"],
        {"ACTIONS_FILE": str(SAMPLE_ACTIONS), "STORE_URL": "sqlite:////proc/no/store.db"},
        "cannot be written",
    ),
    (["check"], {"LIMITS": '{"timeout_s": "never"}'}, "MCP_DBQUERY_LIMITS is not usable"),
    (["check"], {"LIMITS": '{"timeout_s": 600}'}, "MCP_DBQUERY_LIMITS is not usable"),
    (
        ["serve", "--http", "127.0.0.1:1", "--insecure-no-auth"],
        {"DATABASE_URL": "sqlite:////no/such.db"},
        "there is no such file",
    ),
    (["init", "--database", "sample"], {"OWNER_URL": "oracle://o:hunter2@x"}, "not supported"),
    (["sample", __file__], {}, "Use --force to replace it"),
]


@pytest.mark.parametrize(("arguments", "settings", "complaint"), BAD_STARTS)
def test_a_bad_start_is_one_sentence_and_status_2(
    sample: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    settings: dict[str, str],
    complaint: str,
) -> None:
    for name, value in {**environment(sample), **environment(sample, **settings)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["mcp-dbquery", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert complaint in errors
    assert "hunter2" not in errors


@pytest.mark.parametrize("way", [["--stdio"], ["--http", "127.0.0.1:1", "--insecure-no-auth"]])
def test_what_only_the_database_can_find_wrong_ends_a_start_as_plainly(
    sample: Path, tmp_path: Path, way: list[str]
) -> None:
    actions = tmp_path / "actions.toml"
    actions.write_text(SAMPLE_ACTIONS.read_text().replace("FROM tasks", "FROM nowhere"))
    store = f"sqlite:///{tmp_path / 'store.db'}"
    ended = subprocess.run(
        [sys.executable, "-m", "mcp_dbquery", "serve", *way],
        env=environment(sample, ACTIONS_FILE=str(actions), STORE_URL=store),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "nowhere" in ended.stderr
    assert ended.stdout == ""


def test_check_shows_a_configuration_as_a_role_sees_it(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment(sample, STORE_URL=f"sqlite:///{tmp_path / 'store.db'}").items():
        monkeypatch.setenv(name, value)
    told: dict[str, str] = {}
    for role in ("member", "visitor"):
        arguments = ["mcp-dbquery", "--check", "--config", str(SAMPLE_CONFIG), "--as", role]
        monkeypatch.setattr(sys, "argv", arguments)
        main()
        told[role] = capsys.readouterr().out
    assert "As seen by a caller with: member" in told["member"]
    assert "late_tasks(day) in tracker: Late tasks" in told["member"]
    action = "add_comment(task_id, body): owner, admin, support, member"
    assert f"{action}\n" in told["member"]
    assert f"{action} (not this caller)" in told["visitor"]


def test_a_server_with_sqlite_alone_loads_no_other_engine(sample: Path) -> None:
    check = (
        "import sys; from mcp_dbquery.settings import Settings, configuration; "
        "from mcp_dbquery.parts import make_parts; s = Settings(); make_parts(s, configuration(s)); "
        "sys.exit(bool({'pglast', 'aiomysql', 'mcp_dbquery.postgres', 'mcp_dbquery.mysql'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", check]
    assert subprocess.run(command, env=environment(sample), check=False).returncode == 0


def test_the_store_may_not_be_the_database_itself(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = environment(
        sample, ACTIONS_FILE=str(SAMPLE_ACTIONS), STORE_URL=f"sqlite:///{sample}"
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["mcp-dbquery", "check"])
    with pytest.raises(SystemExit):
        main()
    assert "names the database itself" in capsys.readouterr().err


def test_check_tells_what_may_be_asked_and_changed_and_by_whom(
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = f"sqlite:///{tmp_path / 'new folder' / 'store.db'}"
    settings = environment(sample, ACTIONS_FILE=str(SAMPLE_ACTIONS), STORE_URL=store)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["mcp-dbquery", "check"])
    main()
    told = capsys.readouterr().out
    assert "read-only" in told
    assert "set_task_status(task_id, status): owner, admin, support, member" in told


@pytest.mark.parametrize("name", ["sample.db", "my data.db", "100%.db", "a%20b.db", "wünsche?#.db"])
def test_a_database_file_may_have_any_name(sample: Path, tmp_path: Path, name: str) -> None:
    path = shutil.copy(sample, tmp_path / name)
    assert path_of(f"sqlite:///{path}") == path
    assert path_of(f"sqlite:///{quote(str(path))}") == path


def test_a_worker_starts_with_the_standard_library_only() -> None:
    check = "import sys, mcp_dbquery.sqlite.worker; sys.exit(bool({'mcp', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
