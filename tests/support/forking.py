"""Forks processes that do one thing each, and may kill themselves in the middle of it.

A line of standard input holds the arguments of one process or several; a line with their pids answers, and when all
have ended, a line with what became of them. Forking saves them the seconds that the imports take.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

Run = Callable[..., Coroutine[Any, Any, None]]


class Forks:
    """The processes of a script that calls `fork_as_told`. Its methods block."""

    def __init__(self, script: Path) -> None:
        self._nursery = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def start(self, *arguments: tuple[object, ...]) -> list[int]:
        """Their pids, one for each tuple of arguments."""
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(json.dumps(arguments, default=str) + "\n")
        self._nursery.stdin.flush()
        return self.answer()

    def answer(self) -> list[int]:
        """How those last started ended, when all have: 0, or minus the signal."""
        assert self._nursery.stdout is not None
        return json.loads(self._nursery.stdout.readline())

    def close(self) -> None:
        self._nursery.communicate(timeout=10)


def fork_as_told(run: Run) -> None:
    """Until standard input ends."""
    for line in sys.stdin:
        pids = [_forked(run, *arguments) for arguments in json.loads(line)]
        _tell(pids)
        _tell([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])


def _forked(run: Run, *arguments: object) -> int:
    """The pid of a process that ends with 0 when it was not killed and nothing was raised."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(run(*arguments))
        status = 0
    finally:
        os._exit(status)


def _tell(numbers: list[int]) -> None:
    sys.stdout.write(f"{json.dumps(numbers)}\n")
    sys.stdout.flush()
