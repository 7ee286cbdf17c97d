"""A Steward and a load model to measure, started as people start them."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from steward_dev.launcher.leftovers import read_state
from steward_dev.launcher.ports import free_port

START_TIMEOUT_S = 90
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """What runs."""

    model_url: str
    url: str
    orchestrator_url: str
    pids: dict[str, int]
    cookies: dict[str, str]
    token: str

    def cpu_s(self, *names: str) -> float:
        """CPU time these processes have used, user and system."""
        return sum(_cpu_ticks(self.pids[name]) for name in names) / TICKS_A_SECOND


@contextmanager
def running_target(model: str) -> Generator[Target]:
    """Start everything with `model` behind it, and stop it again."""
    with tempfile.TemporaryDirectory() as directory, _load_model() as model_url:
        environment = {
            **os.environ,  # noqa: TID251 - handed on
            "STEWARD_PORT": str(free_port()),
            "STEWARD_TOOL_PORTS": "0",
            "STEWARD_VAR": directory,
            "STEWARD_LOG_LEVEL": "WARNING",
            "OPENAI_BASE_URL": f"{model_url}/v1",
            "OPENAI_API_KEY": "none",
            "STEWARD_MODEL": model,
        }
        command = [sys.executable, "-m", "steward_dev.launcher"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            try:
                yield _wait_ready(process, Path(directory), model_url, environment)
            finally:
                process.terminate()
                process.communicate()


def _wait_ready(
    process: "subprocess.Popen[str]", var: Path, model_url: str, environment: dict[str, str]
) -> Target:
    link = ""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    for line in process.stdout:
        if line.startswith("Sign in without a password"):
            link = line.partition(": ")[2].strip()
        if line.startswith("Ctrl-C"):
            break
    else:
        raise SystemExit("Steward did not start.")
    threading.Thread(target=process.stdout.read, daemon=True).start()
    state: dict[str, Any] = read_state(var / "run" / "state.json")
    processes = state["processes"]
    cookies = _sign_in(link)
    token = subprocess.run(
        [sys.executable, "-m", "steward_dev.launcher", "token"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return Target(
        model_url=model_url,
        url=state["url"],
        orchestrator_url=processes["orchestrator"]["url"],
        pids={name: facts["pid"] for name, facts in processes.items()},
        cookies=cookies,
        token=token,
    )


def _sign_in(link: str) -> dict[str, str]:
    """The cookies of a signed-in browser."""
    with httpx.Client(follow_redirects=True) as http:
        page = http.get(link).text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        http.post(link, data={"csrf_token": token})
        return dict(http.cookies)


@contextmanager
def _load_model() -> Generator[str]:
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "demo_model", "serve", "--http", address]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=50)) as http:
                http.get(f"http://{address}/ready", timeout=START_TIMEOUT_S)
            yield f"http://{address}"
        finally:
            process.terminate()


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
