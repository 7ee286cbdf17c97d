"""Starts Steward with its launcher, in a folder of the test's own, and stops it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from steward_dev.launcher.ports import free_port

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 20
ROOT = Path(__file__).parents[2]


class Account(NamedTuple):
    name: str
    email: str
    password: str


OWNER = Account("Ada Lovelace", "ada@example.org", "analytical engine")


@dataclass
class System:
    """A running Steward."""

    url: str
    var: Path
    process: "subprocess.Popen[str]"
    output: list[str] = field(default_factory=list[str])

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.var / "run" / "state.json").read_text())

    def service_url(self, name: str) -> str:
        return str(self.state["processes"][name]["url"])

    def kill(self, name: str) -> None:
        """As the system's out-of-memory killer would."""
        os.kill(self.state["processes"][name]["pid"], signal.SIGKILL)

    def line(self, start: str) -> str:
        """The rest of the output line that starts like this."""
        return (
            next(line for line in self.output if line.startswith(start)).removeprefix(start).strip()
        )

    def stored(self, sql: str, *values: object) -> Any:
        """The first row of a query of the sample database."""
        connection = sqlite3.connect(f"file:{self.var / 'sample.db'}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchone()
        finally:
            connection.close()

    def script(self, name: str, *replies: dict[str, Any]) -> None:
        """Put replies down for the demo model's `script:NAME`."""
        url = f"{self.service_url('demo-model')}/v1/scripts/{name}"
        httpx.put(url, json={"replies": list(replies)}).raise_for_status()


@contextmanager
def launched(directory: Path, **settings: str) -> Generator[System]:
    port = free_port()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STEWARD_", "OPENAI_", "PYTEST_"))
    }
    environment |= {
        "STEWARD_PORT": str(port), "STEWARD_TOOL_PORTS": "0", "STEWARD_VAR": str(directory / "var"),
        **settings,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "steward_dev.launcher"],
        env=environment, cwd=directory, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    system = System(f"http://127.0.0.1:{port}", directory / "var", process)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(system, ready), daemon=True)
    reader.start()
    try:
        assert ready.wait(START_TIMEOUT_S), "\n".join(system.output[-30:])
        assert process.poll() is None, "\n".join(system.output[-30:])
        yield system
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            reader.join()
            assert process.stdout is not None
            process.stdout.close()


def _read(system: System, ready: threading.Event) -> None:
    assert system.process.stdout is not None
    for line in system.process.stdout:
        system.output.append(line.rstrip())
        if line.startswith("Ctrl-C stops everything"):
            ready.set()
    ready.set()
