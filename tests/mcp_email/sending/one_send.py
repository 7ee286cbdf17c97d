"""Forks processes that each send one mail, and can kill themselves as the kernel would, at a step of their ledger.

A line of standard input holds the arguments of one process or several; a line with their pids answers, and when all
have ended, a line with what became of them. Forking saves them the seconds that the imports take.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.sending import ADA, account_at, sender_in, wanted, yes

from mcp_email.sending.ledger import Ledger

BODY = "A line of a long mail.\n" * 40_000


class DyingLedger(Ledger):
    """Kills the process before or after one of its steps."""

    def __init__(self, ledger: Ledger, ends_at: str) -> None:
        super().__init__(ledger.store)
        self._ends_at = ends_at

    def __getattribute__(self, name: str) -> Any:
        found: Any = super().__getattribute__(name)
        if name not in {"reserve", "confirm", "start_data", "end"}:
            return found

        def stepped(*values: Any, **named: Any) -> Any:
            self._die_at(f"before {name}")
            result = found(*values, **named)
            self._die_at(f"after {name}")
            return result

        return stepped

    def _die_at(self, step: str) -> None:
        if step == self._ends_at:
            os.kill(os.getpid(), signal.SIGKILL)


async def send(folder: Path, port: int, ends_at: str) -> None:
    sender = sender_in(folder)
    sender.ledger = DyingLedger(sender.ledger, ends_at)
    await sender.send(ADA, account_at(port), wanted(body=BODY), "once", yes)


def forked(folder: str, port: int, ends_at: str) -> int:
    """The pid of a process that sends; it ends with 0 when it was not killed and nothing was raised."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        asyncio.run(send(Path(folder), port, ends_at))
        status = 0
    finally:
        os._exit(status)


def tell(numbers: list[int]) -> None:
    sys.stdout.write(f"{json.dumps(numbers)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for line in sys.stdin:
        pids = [forked(*arguments) for arguments in json.loads(line)]
        tell(pids)
        tell([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
