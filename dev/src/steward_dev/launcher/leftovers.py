"""What a launcher that was killed left running: found by what it wrote down, stopped only if it really is ours."""

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from steward_dev.launcher.processes import kill_session, say

STOP_S = 5.0
POLL_S = 0.05


def started_at(pid: int) -> str | None:
    """When a process started, in clock ticks since boot (proc(5), field 22); None when it does not run.

    Together with the pid this names a process: pids are used again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def write_state(path: Path, url: str, processes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down what runs, so that tests and a later start find it."""
    state = {
        "url": url,
        "launcher": os.getpid(),
        "processes": {
            name: {**facts, "started_at": started_at(facts["pid"])}
            for name, facts in processes.items()
        },
    }
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(state, indent=2))
    temporary.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    try:
        return cast("dict[str, Any]", json.loads(path.read_text()))
    except (OSError, json.JSONDecodeError):
        return {}


def stop_leftovers(path: Path) -> None:
    """Stop the processes of an earlier run that are still there."""
    ours: dict[str, int] = {}
    for name, facts in read_state(path).get("processes", {}).items():
        pid, then = facts.get("pid"), facts.get("started_at")
        if isinstance(pid, int) and then is not None and started_at(pid) == then:
            ours[name] = pid
    if not ours:
        return
    say(f"Stopping what an earlier run left behind: {', '.join(ours)}.")
    for pid in ours.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _wait_gone(list(ours.values()))
    path.unlink(missing_ok=True)


def _wait_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + STOP_S
    pause = threading.Event()
    while any(started_at(pid) for pid in pids) and time.monotonic() < deadline:
        pause.wait(POLL_S)
    for pid in pids:
        kill_session(pid)
