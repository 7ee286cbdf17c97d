"""What the README of mcp-search says is tried: every block is run, every table is compared with the code."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.issuer import NAME as ISSUER
from support.issuer import an_issuer
from support.markdown import blocks_of
from support.mcp_clients import CLIENTS, KINDS, ROOT, TYPESCRIPT_1, Kind, Target, connected
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
from support.search import search_desk

from mcp_search import errors
from mcp_search.__main__ import _parser  # pyright: ignore[reportPrivateUsage]
from mcp_search.config import Limits, load_config
from mcp_search.tools.arguments import HIDDEN_META
from shared.scopes import RESOURCES, in_order
from steward_dev.launcher.ports import free_port

pytestmark = pytest.mark.timeout(300)  # the first one may install the clients

README = (ROOT / "services" / "mcp-search" / "README.md").read_text()
BLOCKS = {block.title: block for block in blocks_of(README)}
STDIO_CONFIGURATIONS = ("claude_desktop_config.json", ".cursor/mcp.json", ".vscode/mcp.json")
OVER_HTTP = ".cursor/mcp.json over HTTP"
NOT_RUN = {"install", "container"}
TITLES = {
    *STDIO_CONFIGURATIONS, *NOT_RUN, OVER_HTTP, "two-minutes", "inspector-command-line", "http", "upload",
    "search.toml",
}  # fmt: skip
RULES = b"# Rules\n\nThe heron opens the vault at noon.\n"


def put_in_place(text: str, folder: Path, *, port: int = 0, key_set: str = "") -> str:
    """The README's example places, as they are in a test. Nothing else of a block is changed."""
    places = {
        "/tmp/search": str(folder / "search"),
        "127.0.0.1:8004": f"127.0.0.1:{port}",
        "https://login.example.com/jwks.json": key_set,
        "https://login.example.com": ISSUER,
    }
    for written, here in places.items():
        text = text.replace(written, here)
    return text


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return shell_in(tmp_path_factory.mktemp("tools"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the reader stands, with the packages that npx would fetch."""
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    (tmp_path / "package.json").write_text((CLIENTS / "package.json").read_text())
    return tmp_path


def test_every_block_is_tried_by_a_test() -> None:
    assert set(BLOCKS) == TITLES
    assert len(blocks_of(README)) == len(TITLES)
    assert README.count("```") == 2 * len(TITLES)


def can_be_used(kind: Kind, target: Target, path: str) -> None:
    """A document is added and found with what cites it, and is not deleted where nobody can be asked."""
    with connected(kind, target, path=path) as client:
        assert "kb_search" in client.do("tools")
        content = base64.b64encode(RULES).decode()
        added = client.call("kb_upload", name="rules.md", content_base64=content)["structured"]
        job = {"job_id": added["job_id"]}
        wait_until(
            lambda: client.call("kb_job_status", **job)["structured"]["state"] == "ready",
            "the document is read",
        )
        found = client.call("kb_search", query="Who opens the vault?")
        [passage] = found["structured"]["passages"]
        assert passage["document_id"] == added["document_id"]
        assert f"[^{passage['id']}]" in found["text"]
        refused = client.call("kb_delete_document", document_id=added["document_id"])
        assert refused["is_error"]
        assert refused["structured"]["code"] == "confirmation_required"
        assert refused["structured"]["message"] in refused["text"]


@pytest.mark.parametrize("title", STDIO_CONFIGURATIONS)
def test_a_configuration_starts_a_server_that_answers(
    title: str, folder: Path, shell: Mapping[str, str]
) -> None:
    text = put_in_place(BLOCKS[title].text, folder)
    (server,) = servers_of(title, text, folder, {}).values()
    can_be_used(TYPESCRIPT_1, target_of(server), shell["PATH"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_clients_of_every_kind_and_era_can_use_it(
    kind: Kind, folder: Path, shell: Mapping[str, str]
) -> None:
    arguments = ["serve", "--stdio", "--data", str(folder / "search")]
    can_be_used(kind, {"command": "mcp-search", "args": arguments}, shell["PATH"])


def test_over_http_a_person_with_a_token_is_answered_and_adds_files(
    folder: Path, shell: Mapping[str, str]
) -> None:
    port = free_port()
    with an_issuer() as issuer:
        script = put_in_place(BLOCKS["http"].text, folder, port=port, key_set=issuer.jwks_url)
        with running(script, folder, shell), httpx.Client() as http:
            wait_until(lambda: answers(http, f"http://127.0.0.1:{port}/ready"), "it is ready")
            token = issuer.token(
                f"http://127.0.0.1:{port}/mcp", in_order(RESOURCES["mcp-search"].all)
            )
            text = put_in_place(BLOCKS[OVER_HTTP].text, folder, port=port)
            (server,) = servers_of(OVER_HTTP, text, folder, {"${env:SEARCH_TOKEN}": token}).values()
            can_be_used(TYPESCRIPT_1, target_of(server), shell["PATH"])
            (folder / "rules.md").write_bytes(RULES)
            upload = put_in_place(BLOCKS["upload"].text, folder, port=port)
            done = run(upload, folder, {**shell, "SEARCH_TOKEN": token})
            assert '"duplicate":true' in done.stdout
            refuses_strangers(http, f"http://127.0.0.1:{port}", token)


def refuses_strangers(http: httpx.Client, url: str, token: str) -> None:
    """Those without a token, and requests that a web page sends (DNS rebinding)."""
    assert http.post(f"{url}/mcp", json={}).status_code == 401
    files = f"{url}/v1/documents?name=a.md"
    assert http.put(files, content=RULES).status_code == 401
    signed = {"Authorization": f"Bearer {token}"}
    page = {**signed, "Origin": "https://evil.example"}
    assert http.put(files, content=RULES, headers=page).status_code == 403
    rebound = {**signed, "Host": "evil.example"}
    assert http.put(files, content=RULES, headers=rebound).status_code == 421


def test_the_first_answer_is_found_in_two_minutes(folder: Path, shell: Mapping[str, str]) -> None:
    done = run(put_in_place(BLOCKS["two-minutes"].text, folder), folder, shell)
    assert "duckduckgo at html.duckduckgo.com" in done.stdout
    found = structured(done.stdout)
    assert any("28 days of holiday" in passage["quote"] for passage in found["passages"])


def test_the_inspectors_command_line_lists_the_tools(
    folder: Path, shell: Mapping[str, str]
) -> None:
    done = run(put_in_place(BLOCKS["inspector-command-line"].text, folder), folder, shell)
    assert '"name": "kb_search"' in done.stdout


@pytest.mark.parametrize("title", sorted(NOT_RUN | {"http"}))
def test_commands_that_are_not_run_here_are_commands_of_ours(title: str) -> None:
    for command in commands_of(BLOCKS[title]):
        if (
            "mcp-search" in command
            and command[0] in {"mcp-search", "docker"}
            and "build" not in command
        ):
            _parser().parse_args(command[command.index("mcp-search") + 1 :])


def test_the_configuration_can_be_read(folder: Path) -> None:
    (folder / "search.toml").write_text(BLOCKS["search.toml"].text)
    config = load_config(folder / "search.toml")
    kinds = [provider.kind for provider in config.web.providers]
    assert kinds == ["searxng", "brave", "tavily", "duckduckgo"]
    tavily = config.web.providers[2].key
    assert tavily is not None
    assert tavily.file == folder / "tavily.key"
    assert config.knowledge.embeddings.dimension == 1536


async def test_the_table_of_tools_is_complete(tmp_path: Path) -> None:
    async with search_desk(tmp_path) as desk:
        tools = (await desk.client.list_tools()).tools
    seen = [tool.name for tool in tools if not (tool.meta or {}).get(HIDDEN_META)]
    assert column(README, "Tools", 0) == seen


def test_the_table_of_limits_is_complete() -> None:
    defaults: dict[str, Any] = {name: one.default for name, one in Limits.model_fields.items()}
    assert limits_in(README) == defaults


def test_the_table_of_errors_is_complete() -> None:
    assert sorted(column(README, "Errors", 0)) == sorted(codes_of(errors))
