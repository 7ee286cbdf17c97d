"""Child processes: started in a session of their own, their output prefixed, stopped gracefully and then firmly."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

GRACE_S = 5.0
LAST_LINES = 15
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a child gets when its parent dies, so that a killed launcher leaves nothing behind."""

_COLOURS = {
    "valkey": 31,
    "demo-model": 35,
    "mcp-dbquery": 33,
    "mcp-email": 34,
    "mcp-search": 36,
    "orchestrator": 37,
    "frontend": 32,
}
_printing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Command:
    """How to start one process."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class Child:
    """A running process of ours."""

    def __init__(self, command: Command, logs: Path, on_exit: Callable[["Child"], None]) -> None:
        self.command = command
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._log = (logs / f"{command.name}.log").open("a", encoding="utf-8")
        self._process = subprocess.Popen(
            command.argv,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C in the terminal reaches the launcher alone
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one thread starts children
        )
        self._on_exit = on_exit
        self._pump = threading.Thread(target=self._copy_output, daemon=True)
        self._pump.start()

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        return self._process.poll()

    def ask_to_stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def wait_stopped(self, deadline: float) -> None:
        """Wait until `deadline` (monotonic seconds), then kill the process and whatever it started."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{self.name} does not stop by itself and is killed.")
        kill_session(self.pid)
        self._process.wait()
        self._pump.join(timeout=2)

    def _copy_output(self) -> None:
        output: IO[str] | None = self._process.stdout
        assert output is not None  # noqa: S101 - it is a pipe
        with output:
            for line in output:
                text = line.rstrip("\n")
                self.last_lines.append(text)
                self._log.write(line)
                self._log.flush()
                _print_line(self.name, text)
        self._process.wait()
        self._log.close()
        self._on_exit(self)


def kill_session(pid: int) -> None:
    """Kill what is left of the session a child led (its own children)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def run_to_end(command: Command, logs: Path) -> tuple[int, str]:
    """Run a short command; gives its status and its output, which also goes to its log."""
    finished = subprocess.run(
        command.argv,
        env=dict(command.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    with (logs / f"{command.name}.log").open("a", encoding="utf-8") as log:
        log.write(finished.stderr)
    return finished.returncode, finished.stdout if finished.returncode == 0 else finished.stderr


def say(text: str) -> None:
    """One line of the launcher's own."""
    with _printing:
        print(text, flush=True)


def _print_line(name: str, text: str) -> None:
    prefix = f"{name:<13}| "
    if sys.stdout.isatty():
        prefix = f"\x1b[{_COLOURS.get(name, 37)}m{prefix}\x1b[0m"
    say(prefix + text)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
