"""The program: what `check` prints, what a wrong set-up says, and a server over stdio."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from support.command_line import run_main

from mcp_email.__main__ import main

FILE = """
[accounts.work]
address = "ada@example.org"
people = ["local/local"]
imap = {{ host = "127.0.0.1", port = {port}, security = "plain", user = "ada", password = {{ env = "MAIL_PASSWORD" }} }}
policy = {{ allow = ["example.org"] }}
"""
SECRET = "correct-horse"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_email", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_prints_whose_mail_it_is_and_what_may_be_sent(tmp_path: Path) -> None:
    done = run("check", "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    for line in (
        "Account mailbox (embedded)",
        "  Whose: everybody who is signed in",
        "  May write to: anybody",
        "Tokens accepted of: nobody",
    ):
        assert line in done.stdout.splitlines()
    assert "draft is left" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[accounts.work]\nkind = 'other'\n", "accounts.work.kind"),
        ("accounts = {}\n", "accounts"),
        (FILE.format(port=9) + "secret = 1\n", "secret"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "mail.toml"
    config.write_text(text)
    done = run_main(main, "check", "--config", str(config), "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_mail_server_that_is_not_there_is_one_sentence_without_the_password(
    tmp_path: Path,
) -> None:
    config = tmp_path / "mail.toml"
    config.write_text(FILE.format(port=9))
    where = ("--config", str(config), "--data", str(tmp_path / "data"))
    done = run_main(main, "check", *where, MAIL_PASSWORD=SECRET)
    assert "Traceback" not in done.stderr + done.stdout
    assert SECRET not in done.stderr + done.stdout
    assert done.returncode == 0
    [line] = [one for one in done.stdout.splitlines() if "Connection:" in one]
    assert "127.0.0.1" in line


@pytest.mark.parametrize("way", [("serve", "--stdio"), ("check",)])
def test_what_is_logged_at_the_start_is_kept_apart_from_what_is_answered(
    tmp_path: Path, way: tuple[str, ...]
) -> None:
    config = tmp_path / "mail.toml"
    config.write_text(FILE.format(port=9))
    where = ("--config", str(config), "--data", str(tmp_path / "data"))
    done = run(*way, *where, MAIL_PASSWORD=SECRET)
    assert done.returncode == 0
    assert "mail_server_away" in done.stderr
    assert "mail_server_away" not in done.stdout


def test_over_http_nobody_is_served_without_issuers(tmp_path: Path) -> None:
    done = run("serve", "--http", "127.0.0.1:0", "--data", str(tmp_path))
    assert done.returncode == 2
    assert "MCP_EMAIL_ISSUERS is not set" in done.stderr
    open_to_all = run_main(
        main, "serve", "--http", "0.0.0.0:0", "--insecure-no-auth", "--data", str(tmp_path)
    )
    assert open_to_all.returncode == 2
    assert "loopback" in open_to_all.stderr


async def test_over_stdio_the_local_user_has_a_mailbox_to_begin_with(tmp_path: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_email", "serve", "--stdio", "--data", str(tmp_path)],
    )
    async with Client(stdio_client(server)) as client:
        found = await client.call_tool("search_email", {"folder": "Inbox"})
        assert found.structured_content
        assert found.structured_content["row_count"] == 20
