"""`steward policy` as an operator meets it."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.policy_file import load_policy
from orchestrator.steward.__main__ import main

README = Path(__file__).parents[3] / "services" / "orchestrator" / "README.md"
CALL = ("--server", "tracker", "--tool", "set_status", "--arguments", '{"task_id": 42}')

Steward = Callable[..., str]


@pytest.fixture
def steward(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steward:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["steward", "policy", *arguments])
        main()
        return capsys.readouterr().out

    return run


def test_it_says_which_rule_decides_and_why_those_above_do_not(steward: Steward) -> None:
    told = steward("explain", *CALL, "--role", "member", "--own")
    assert told.splitlines() == [
        "ask: writes_ask",
        "  This changes something, so it needs your yes.",
        "Rules above:",
        "  role_may_not_change (refuse): does not fit: the person has the role member",
        "  untrusted_text_asks (ask): does not fit: no untrusted text is in the turn",
        "  server_not_trusted (ask): does not fit: the server is ours",
        "  destructive_asks (ask): does not fit: destructive is false",
    ]


def test_a_server_that_nobody_configured_counts_as_foreign_and_it_says_so(steward: Steward) -> None:
    told = steward("explain", *CALL, "--role", "member", "--read-only")
    assert "ask: server_not_trusted" in told
    assert "Say --own if it is ours." in told
    assert "untrusted_text_asks (ask): does not fit: no untrusted text is in the turn" in told


def test_a_configured_server_is_as_trusted_as_configured(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = {"tracker": {"url": "http://127.0.0.1:9/mcp", "own": True}}
    monkeypatch.setenv("ORCHESTRATOR_TOOL_SERVERS", json.dumps(servers))
    assert "ask: writes_ask" in steward("explain", *CALL, "--role", "member")
    assert "server_not_trusted" in steward("explain", *CALL, "--role", "member", "--foreign")


def test_programs_get_every_rule_and_the_files_hash(steward: Steward) -> None:
    told = steward("explain", *CALL, "--role", "member", "--own", "--tainted", "--json")
    explained: dict[str, Any] = json.loads(told)
    assert (explained["verdict"], explained["rule"]) == ("ask", "untrusted_text_asks")
    assert explained["may_grant"] is False
    assert explained["policy_sha256"] == load_policy(None).sha256
    fits = {rule["name"]: rule["fits"] for rule in explained["rules"]}
    assert fits["role_may_not_change"] == "no"
    assert fits["writes_ask"] == "yes"


def test_a_file_is_checked(
    steward: Steward, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[[rule]]\nname = 'only'\nverdict = 'refuse'\nreason = 'No.'\n")
    assert steward("check", str(file)).startswith(f"{file} can be used: 1 rules, SHA-256 ")
    assert steward("explain", *CALL, "--policy", str(file)).startswith("refuse: only")
    file.write_text("[[rule]]\nname = 'only'\n")
    with pytest.raises(SystemExit) as ended:
        steward("check", str(file))
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"The policy file {file} cannot be used: rule 1 “only” (line 1): “verdict” is missing; add it.\n"
    )


def test_the_readmes_example_is_a_policy_and_does_what_it_says(
    steward: Steward, tmp_path: Path
) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    file = tmp_path / "policy.toml"
    file.write_text(example)
    told: list[tuple[str, str]] = re.findall(
        r"^steward policy explain (.*)$\n# (.*)$", README.read_text(), re.MULTILINE
    )
    assert told
    for command, answer in told:
        arguments = re.findall(r"'([^']*)'|(\S+)", command)
        words = [quoted or bare for quoted, bare in arguments]
        words = [str(file) if word == "policy.toml" else word for word in words]
        assert steward("explain", *words).splitlines()[0] == answer, command
