"""Servers of the tests that start processes of their own and are gone with the tests, even with killed ones."""

import os
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager

_GUARD = 'read -r _; kill -s KILL -- "-$1"'
"""Reads until the pipe that only we hold closes: a parent-death signal is lost where a server changes its user."""


@contextmanager
def process_group(command: Sequence[str], *, stderr: int) -> Generator[subprocess.Popen[bytes]]:
    """The program, leading a process group; all of it is killed at the end, or when this process is killed."""
    leader = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True
    )
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "guard", str(leader.pid)],
        stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    with leader, guard:
        try:
            yield leader
        finally:
            guard.kill()
            os.killpg(leader.pid, signal.SIGKILL)
