"""What the README of mcp-dbquery says is tried: every block is run, every table is compared with the code."""

import json
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from support.issuer import NAME as ISSUER
from support.issuer import an_issuer
from support.markdown import blocks_of
from support.mcp_clients import (
    CLIENTS,
    ROOT,
    TYPESCRIPT_1,
    Target,
    connected,
)
from support.proc import wait_until
from support.readme import (
    answers,
    codes_of,
    column,
    commands_of,
    limits_in,
    run,
    running,
    servers_of,
    shell_in,
    structured,
    target_of,
)

from mcp_dbquery import errors
from mcp_dbquery.__main__ import _parser  # pyright: ignore[reportPrivateUsage]
from mcp_dbquery.config import Limits, load_config
from mcp_dbquery.parts import make_parts
from mcp_dbquery.sample.make import make_sample
from mcp_dbquery.server import build_server
from mcp_dbquery.settings import Settings, configuration
from shared.scopes import DB_READ
from shared.service_tokens import Principal
from steward_dev.launcher.ports import free_port

pytestmark = pytest.mark.timeout(300)  # the first one may install the clients

README = (ROOT / "services" / "mcp-dbquery" / "README.md").read_text()
BLOCKS = {block.title: block for block in blocks_of(README)}
STDIO_CONFIGURATIONS = ("claude_desktop_config.json", ".cursor/mcp.json", ".vscode/mcp.json")
HTTP_CONFIGURATIONS = (".cursor/mcp.json over HTTP", ".vscode/mcp.json over HTTP")
COMMANDS = ("two-minutes", "inspector-command-line")
ELSEWHERE = {"install", "install-pipx", "container", "init"}
"""Not run here: what they install is tried by test_packaging.py, `init` by the tests of the engines that have one."""
TITLES = {
    *STDIO_CONFIGURATIONS, *HTTP_CONFIGURATIONS, *COMMANDS, *ELSEWHERE,
    "inspector-page", "http", "inspector-over-http", "dbquery.toml", "actions.toml", "servers.toml",
}  # fmt: skip
FOLDER, ADDRESS = "/tmp/dbquery", "127.0.0.1:8001"
LOGIN, KEY_SET = "https://login.example.com", "https://login.example.com/jwks.json"
TOKEN = "DBQUERY_TOKEN"


def put_in_place(text: str, folder: Path, *, port: int = 0, key_set: str = "") -> str:
    """The README's example places, as they are in a test. Nothing else of a block is changed."""
    places = {
        FOLDER: str(folder),
        ADDRESS: f"127.0.0.1:{port}",
        KEY_SET: key_set,
        LOGIN: ISSUER,
    }
    for written, here in places.items():
        text = text.replace(written, here)
    return text


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return shell_in(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader stands: with the sample, its configuration, and the packages that npx would fetch."""
    make_sample(tmp_path / "tracker.db")
    (tmp_path / "dbquery.toml").write_text(
        f'[databases.tracker]\nurl = "sqlite:///{tmp_path}/tracker.db"\n'
    )
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    shutil.copy(CLIENTS / "package.json", tmp_path)
    return tmp_path


def test_every_block_is_tried_by_a_test() -> None:
    assert set(BLOCKS) == TITLES
    assert len(blocks_of(README)) == len(TITLES)
    assert README.count("```") == 2 * len(TITLES)


# Configurations of other programs


def can_be_asked(target: Target, path: str | None = None) -> None:
    """It lists its tools, answers a query in a structure, and refuses a DELETE."""
    with connected(TYPESCRIPT_1, target, path=path) as client:
        assert "query" in client.do("tools")
        answer = client.call("query", sql="SELECT count(*) AS projects FROM projects")
        assert answer["structured"]["rows"] == [[8]]
        refused = client.call("query", sql="DELETE FROM projects")
        assert refused["is_error"]
        assert refused["structured"]["code"] == "sql_rejected"


@pytest.mark.parametrize("title", STDIO_CONFIGURATIONS)
def test_a_configuration_starts_a_server_that_answers(
    title: str, folder: Path, shell: Mapping[str, str]
) -> None:
    text = put_in_place(BLOCKS[title].text, folder)
    (server,) = servers_of(title, text, folder, {}).values()
    assert server.get("type", "stdio") == "stdio"
    can_be_asked(target_of(server), shell["PATH"])


@contextmanager
def over_http(folder: Path, shell: Mapping[str, str]) -> Generator[tuple[int, str]]:
    """The README's server over HTTP, as its block starts it. Yields its port and a token."""
    port = free_port()
    with an_issuer() as issuer:
        script = put_in_place(BLOCKS["http"].text, folder, port=port, key_set=issuer.jwks_url)
        with running(script, folder, shell), httpx.Client() as http:
            wait_until(lambda: answers(http, f"http://127.0.0.1:{port}/ready"), "it is ready")
            yield port, issuer.token(f"http://127.0.0.1:{port}/mcp", DB_READ)


def test_over_http_the_configurations_and_the_inspector_are_answered(
    folder: Path, shell: Mapping[str, str]
) -> None:
    with over_http(folder, shell) as (port, token):
        for title in HTTP_CONFIGURATIONS:
            text = put_in_place(BLOCKS[title].text, folder, port=port)
            secrets = {f"${{env:{TOKEN}}}": token, "${input:dbquery-token}": token}
            (server,) = servers_of(title, text, folder, secrets).values()
            assert server.get("type", "http") == "http"
            can_be_asked(target_of(server))
        script = put_in_place(BLOCKS["inspector-over-http"].text, folder, port=port)
        answer = run(script, folder, {**shell, TOKEN: token})
        assert structured(answer.stdout)["rows"] == [[8]]
        refused = run(script, folder, {**shell, TOKEN: "forged"}, check=False)
        assert refused.returncode != 0


# Commands


def test_the_first_question_is_answered_in_two_minutes(
    folder: Path, shell: Mapping[str, str]
) -> None:
    (folder / "tracker.db").unlink()
    done = run(put_in_place(BLOCKS["two-minutes"].text, folder), folder, shell)
    assert "Database tracker (sqlite)" in done.stdout
    answer = structured(done.stdout)
    assert [column["name"] for column in answer["columns"]] == ["name", "status"]
    assert answer["row_count"] == 8


def test_the_inspectors_command_line_lists_tools_and_reads_a_resource(
    folder: Path, shell: Mapping[str, str]
) -> None:
    done = run(put_in_place(BLOCKS["inspector-command-line"].text, folder), folder, shell)
    assert '"name": "run_saved_query"' in done.stdout
    assert '"uri": "schema://tracker/projects"' in done.stdout


def test_the_inspectors_page_is_served(folder: Path, shell: Mapping[str, str]) -> None:
    port = free_port()
    environment = {
        **shell,
        "CLIENT_PORT": str(port),
        "MCP_SANDBOX_PORT": str(free_port()),
    }
    script = put_in_place(BLOCKS["inspector-page"].text, folder)
    with running(script, folder, environment), httpx.Client() as http:
        wait_until(lambda: answers(http, f"http://127.0.0.1:{port}/"), "the page is there")


@pytest.mark.parametrize("title", sorted(ELSEWHERE | {"http"}))
def test_commands_that_are_not_run_here_are_commands_of_ours(title: str) -> None:
    block = BLOCKS[title]
    for command in commands_of(block):
        if command[0] == "mcp-dbquery":
            _parser().parse_args(command[1:])  # which ends the test with what is wrong
        if command[:2] == ["docker", "run"]:
            _parser().parse_args(command[command.index("mcp-dbquery") + 1 :])
        if command[:2] == ["docker", "build"]:
            dockerfile = (ROOT / command[command.index("-f") + 1]).read_text()
            assert (
                'ENTRYPOINT ["/bin/sh", "-c", "exec \\"$SERVICE\\" \\"$@\\"", "--"]' in dockerfile
            )


# Configuration


def test_the_configuration_is_what_check_prints(folder: Path, shell: Mapping[str, str]) -> None:
    make_sample(folder / "archive.db")
    for title in ("dbquery.toml", "actions.toml"):
        (folder / title).write_text(put_in_place(BLOCKS[title].text, folder))
    environment = {**shell, "MCP_DBQUERY_STORE_URL": f"sqlite:///{folder}/store.db"}
    nobody = run(f"mcp-dbquery check --config {folder}/dbquery.toml", folder, environment).stdout
    assert "email masked (domain)" in nobody
    assert "projects (table, 8 columns): rows filtered" in nobody
    assert "1 hidden" in nobody
    assert "comments (table" not in nobody
    assert "Not for this caller: needs owner" in nobody
    assert "5 s, 100 rows a page" in nobody
    assert "set_task_status(task_id, status): owner, member (not this caller)" in nobody
    assert "open_tasks(priority) in tracker: Open tasks of a priority" in nobody


def test_the_rules_of_the_configuration_hold_for_whom_they_name(
    folder: Path, shell: Mapping[str, str]
) -> None:
    make_sample(folder / "archive.db")
    for title in ("dbquery.toml", "actions.toml"):
        (folder / title).write_text(put_in_place(BLOCKS[title].text, folder))
    seen: dict[str, list[Any]] = {}
    for roles in ([], ["owner"]):
        target = {
            "command": "mcp-dbquery",
            "args": ["serve", "--stdio", "--config", str(folder / "dbquery.toml")],
            "env": {
                "MCP_DBQUERY_STORE_URL": f"sqlite:///{folder}/store.db",
                "MCP_DBQUERY_STDIO_ROLES": json.dumps(roles),
            },
        }
        with connected(TYPESCRIPT_1, target, path=shell["PATH"]) as client:
            sql = "SELECT count(*), (SELECT email FROM people WHERE id = 1) FROM projects"
            answer = client.call("query", sql=sql, database="tracker")
            ((projects, email),) = answer["structured"]["rows"]
            saved = client.call("run_saved_query", name="open_tasks", params={"priority": "high"})
            assert not saved["is_error"]
            done = client.call("set_task_status", task_id=42, status="done")
            seen[",".join(roles)] = [projects, email.partition("@")[0], done["is_error"]]
    assert seen[""] == [0, "•••", True]
    assert seen["owner"][0] == 8
    assert "•" not in seen["owner"][1]
    assert not seen["owner"][2]


def test_the_configuration_of_servers_can_be_read(folder: Path) -> None:
    path = folder / "servers.toml"
    path.write_text(BLOCKS["servers.toml"].text)
    config = load_config(path)
    assert {name: one.safe_schema for name, one in config.databases.items()} == {
        "crm": "mcp_safe",
        "shop": "mcp_safe",
    }


# Tables


async def test_the_tables_of_tools_and_prompts_are_complete(folder: Path) -> None:
    settings = Settings(config=folder / "dbquery.toml")
    parts = make_parts(settings, configuration(settings), Principal(subject="ada", tenant="acme"))
    async with Client(build_server(settings, parts)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
    assert column(README, "Tools", 0) == tools
    assert f"Prompts: {', '.join(f'`{name}`' for name in prompts)}." in " ".join(README.split())


def test_the_table_of_limits_is_complete() -> None:
    defaults = {name: field.default for name, field in Limits.model_fields.items()}
    assert limits_in(README) == defaults


def test_the_table_of_errors_is_complete() -> None:
    assert sorted(column(README, "Errors", 0)) == sorted(codes_of(errors))
