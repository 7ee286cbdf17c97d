"""The launcher with real child processes: what dies, hangs, is taken or was left behind."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from support.system import launched

from shared.scopes import RESOURCES
from shared.settings import load
from steward_dev.launcher import leftovers
from steward_dev.launcher.failures import CannotStart
from steward_dev.launcher.ports import free_port, require_free, this_or_free_port
from steward_dev.launcher.processes import Child, Command
from steward_dev.launcher.settings import LauncherSettings

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def python(name: str, code: str) -> Command:
    return Command(name, [sys.executable, "-c", code], ENVIRONMENT)


def start(command: Command, logs: Path) -> tuple[Child, "queue.Queue[Child]"]:
    ended: queue.Queue[Child] = queue.Queue()
    return Child(command, logs, ended.put), ended


def test_a_child_that_dies_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    child, ended = start(
        python("brief", "print('one'); print('two'); raise SystemExit(3)"), tmp_path
    )
    assert ended.get(timeout=10) is child
    assert child.exit_status == 3
    assert list(child.last_lines) == ["one", "two"]
    assert (tmp_path / "brief.log").read_text() == "one\ntwo\n"


def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    code = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child, ended = start(python("deaf", code), tmp_path)
    while "up" not in child.last_lines:
        assert child.exit_status is None
    child.ask_to_stop()
    child.wait_stopped(time.monotonic() + 0.3)
    assert ended.get(timeout=10) is child
    assert child.exit_status == -signal.SIGKILL


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} .*STEWARD_PORT={port + 1} make run"):
            require_free("127.0.0.1", port)


def test_a_port_that_is_taken_is_replaced_and_one_that_is_free_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert this_or_free_port(port) != port
    assert this_or_free_port(port) == port
    assert this_or_free_port(0) > 0


def test_only_processes_that_are_really_ours_are_stopped(tmp_path: Path) -> None:
    ours = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    strangers = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    state = tmp_path / "state.json"
    leftovers.write_state(state, "http://x", {"a": {"pid": ours.pid}, "b": {"pid": strangers.pid}})
    written = json.loads(state.read_text())
    written["processes"]["b"]["started_at"] = "1"  # as if the pid had been another process's before
    state.write_text(json.dumps(written))
    leftovers.stop_leftovers(state)
    assert ours.wait(10) == -signal.SIGTERM
    assert strangers.poll() is None
    strangers.communicate(b"\n")
    ours.communicate()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("STEWARD_PORT", "eighty", "STEWARD_PORT is not usable"),
        ("STEWARD_PORT", "70000", "STEWARD_PORT is not usable"),
        ("STEWARD_DATABASE_URL", "oracle://x/y", "it must be sqlite"),
        ("STEWARD_ACTIONS_FILE", "/no/such.toml", "there is no file"),
        ("STEWARD_REDIS_URL", "localhost", "redis://"),
        (
            "OPENAI_API_KEY",
            "sk-a sk-b",
            "OPENAI_API_KEY is not usable: Value error, it contains spaces",
        ),
        ("OPENAI_BASE_URL", "localhost:11434", "must begin with http"),
        ("STEWARD_LOG_LEVEL", "LOUD", "STEWARD_LOG_LEVEL"),
    ],
)
def test_a_bad_variable_is_one_sentence_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    variable: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        load(LauncherSettings)
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert words in errors
    assert "sk-a" not in errors


def test_a_blank_key_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "  ")
    assert load(LauncherSettings).uses_demo_model


def test_the_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("STEWARD_PORT=8111\nSTEWARD_LOG_LEVEL=WARNING\nUNKNOWN=1\n")
    monkeypatch.setenv("STEWARD_PORT", "8222")
    settings = load(LauncherSettings)
    assert (settings.port, settings.log_level) == (8222, "WARNING")


def run_launcher(directory: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "steward_dev.launcher"],
        cwd=directory, env={**ENVIRONMENT, **settings}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


def test_a_system_starts_says_where_it_is_and_leaves_nothing(tmp_path: Path) -> None:
    with launched(tmp_path) as system:
        pids = [process["pid"] for process in system.state["processes"].values()]
        assert system.line("Steward is ready:") == system.url
        assert oct((system.var / "keys").stat().st_mode)[-3:] == "700"
        for server, resource in RESOURCES.items():
            address = system.line(f"  {resource.name}:")
            assert address == f"{system.service_url(server)}/mcp"
            told = address.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
            assert httpx.get(told).json()["authorization_servers"] == [system.url]
        second = run_launcher(tmp_path, STEWARD_VAR=str(system.var), STEWARD_PORT=str(free_port()))
        assert second.returncode == 1
        assert f"Steward runs already at {system.url}" in second.stderr
        other = run_launcher(
            tmp_path, STEWARD_VAR=str(tmp_path / "v2"), STEWARD_PORT=system.url[-5:].lstrip(":")
        )
        assert other.returncode == 1
        assert "cannot be used" in other.stderr
    assert system.process.returncode == 0
    assert [pid for pid in pids if leftovers.started_at(pid) is not None] == []


def test_what_a_killed_launcher_leaves_behind_goes_with_it_or_with_the_next_start(
    tmp_path: Path,
) -> None:
    with launched(tmp_path) as system:
        pids = [process["pid"] for process in system.state["processes"].values()]
        system.process.send_signal(signal.SIGKILL)
        system.process.wait(10)
    with launched(tmp_path):
        assert [pid for pid in pids if leftovers.started_at(pid) is not None] == []
