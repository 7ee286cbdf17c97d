"""Processes that each send one mail, and can kill themselves as the kernel would, at a step of their ledger."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.forking import fork_as_told
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


async def send(folder: str, port: int, ends_at: str) -> None:
    sender = sender_in(Path(folder))
    sender.ledger = DyingLedger(sender.ledger, ends_at)
    await sender.send(ADA, account_at(port), wanted(body=BODY), "once", yes)


if __name__ == "__main__":
    fork_as_told(send)
