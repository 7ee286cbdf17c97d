"""What the kernel knows of processes (Linux's /proc)."""

import os
import time
from collections.abc import Callable
from pathlib import Path

WAIT_AT_MOST_S = 20
LOOK_EVERY_S = 0.01


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that are not yet reaped, its threads' included."""
    tasks = Path(f"/proc/{pid}/task")
    try:
        return [
            int(child)
            for task in tasks.iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants_of(pid: int) -> list[int]:
    children = children_of(pid)
    return children + [one for child in children for one in descendants_of(child)]


def command_of(pid: int) -> str:
    """Its command line, empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state_of(pid: int) -> str:
    """R running, S asleep, Z ended and not reaped, empty once it is gone (proc(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def processor_time_s(pid: int) -> float:
    """What it has used so far; 0 once it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until(
    happened: Callable[[], bool], what: str, *, at_most_s: float = WAIT_AT_MOST_S
) -> None:
    """Nothing tells when another process changes its state, so this looks again and again. Raises AssertionError."""
    give_up_at = time.monotonic() + at_most_s
    while not happened():
        if time.monotonic() > give_up_at:
            raise AssertionError(f"it never came to this: {what}")
        os.sched_yield()
        time.sleep(LOOK_EVERY_S)  # see above
