"""What the README of mcp-email says is tried: every block is run, every table is compared with the code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.issuer import NAME as ISSUER
from support.issuer import an_issuer
from support.mail import mail_desk
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

from mcp_email import errors
from mcp_email.__main__ import _parser  # pyright: ignore[reportPrivateUsage]
from mcp_email.config import Limits, load_config
from mcp_email.templates import load_templates
from mcp_email.tools.arguments import HIDDEN_META
from shared.scopes import RESOURCES, in_order
from steward_dev.launcher.ports import free_port

pytestmark = pytest.mark.timeout(300)  # the first one may install the clients

README = (ROOT / "services" / "mcp-email" / "README.md").read_text()
BLOCKS = {block.title: block for block in blocks_of(README)}
STDIO_CONFIGURATIONS = ("claude_desktop_config.json", ".cursor/mcp.json", ".vscode/mcp.json")
OVER_HTTP = ".cursor/mcp.json over HTTP"
NOT_RUN = {"install", "container"}
TITLES = {
    *STDIO_CONFIGURATIONS, *NOT_RUN, OVER_HTTP, "two-minutes", "inspector-command-line", "http", "mail.toml",
    "late.toml",
}  # fmt: skip
MAIL = {"to": ["bob@example.com"], "subject": "Hi", "body": "Hi"}


def put_in_place(text: str, folder: Path, *, port: int = 0, key_set: str = "") -> str:
    """The README's example places, as they are in a test. Nothing else of a block is changed."""
    places = {
        "/tmp/mail": str(folder / "mail"),
        "127.0.0.1:8003": f"127.0.0.1:{port}",
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
    """It finds and reads a mail, and leaves a draft where it cannot ask the person."""
    with connected(kind, target, path=path) as client:
        assert "send_email" in client.do("tools")
        found = client.call("search_email", limit=1)["structured"]["mails"]
        assert client.call("read_email", id=found[0]["id"])["structured"]["subject"]
        refused = client.call("send_email", **MAIL)
        assert refused["is_error"]
        assert refused["structured"]["code"] == "confirmation_required"
        assert refused["structured"]["message"] in refused["text"]
        drafts = client.call("search_email", folder="Drafts", subject="Hi")["structured"]
        assert drafts["mails"][0]["id"] == refused["structured"]["details"]["draft_id"]


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
    target = {"command": "mcp-email", "args": ["serve", "--stdio", "--data", str(folder / "mail")]}
    can_be_used(kind, target, shell["PATH"])


def test_over_http_a_person_with_a_token_is_answered(
    folder: Path, shell: Mapping[str, str]
) -> None:
    port = free_port()
    with an_issuer() as issuer:
        script = put_in_place(BLOCKS["http"].text, folder, port=port, key_set=issuer.jwks_url)
        with running(script, folder, shell), httpx.Client() as http:
            wait_until(lambda: answers(http, f"http://127.0.0.1:{port}/ready"), "it is ready")
            token = issuer.token(
                f"http://127.0.0.1:{port}/mcp", in_order(RESOURCES["mcp-email"].all)
            )
            text = put_in_place(BLOCKS[OVER_HTTP].text, folder, port=port)
            (server,) = servers_of(OVER_HTTP, text, folder, {"${env:MAIL_TOKEN}": token}).values()
            can_be_used(TYPESCRIPT_1, target_of(server), shell["PATH"])
            assert http.post(f"http://127.0.0.1:{port}/mcp", json={}).status_code == 401


def test_the_first_mails_are_found_in_two_minutes(folder: Path, shell: Mapping[str, str]) -> None:
    done = run(put_in_place(BLOCKS["two-minutes"].text, folder), folder, shell)
    assert "Account mailbox (embedded)" in done.stdout
    assert all(mail["has_attachments"] for mail in structured(done.stdout)["mails"])


def test_the_inspectors_command_line_lists_the_tools(
    folder: Path, shell: Mapping[str, str]
) -> None:
    done = run(put_in_place(BLOCKS["inspector-command-line"].text, folder), folder, shell)
    assert '"name": "reply_email"' in done.stdout


@pytest.mark.parametrize("title", sorted(NOT_RUN | {"http"}))
def test_commands_that_are_not_run_here_are_commands_of_ours(title: str) -> None:
    for command in commands_of(BLOCKS[title]):
        if (
            "mcp-email" in command
            and command[0] in {"mcp-email", "docker"}
            and "build" not in command
        ):
            _parser().parse_args(command[command.index("mcp-email") + 1 :])


def test_the_configuration_and_the_template_can_be_read(folder: Path) -> None:
    (folder / "mail.toml").write_text(BLOCKS["mail.toml"].text)
    (folder / "templates").mkdir()
    (folder / "templates" / "late.toml").write_text(BLOCKS["late.toml"].text)
    config = load_config(folder / "mail.toml")
    assert config.limits_of("work").recipients == 5
    assert config.limits_of("play").sends_a_day == 50
    assert config.templates is not None
    assert load_templates(config.templates)["late"].variables == ("name", "task")


async def test_the_table_of_tools_is_complete(tmp_path: Path) -> None:
    async with mail_desk(tmp_path) as desk:
        tools = (await desk.client.list_tools()).tools
    seen = [tool.name for tool in tools if not (tool.meta or {}).get(HIDDEN_META)]
    assert column(README, "Tools", 0) == seen


def test_the_table_of_limits_is_complete() -> None:
    defaults: dict[str, Any] = {name: one.default for name, one in Limits.model_fields.items()}
    assert limits_in(README) == defaults


def test_the_table_of_errors_is_complete() -> None:
    assert sorted(column(README, "Errors", 0)) == sorted(codes_of(errors))
