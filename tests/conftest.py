"""Prints what the fault tests injected and found, gathered from all workers of a run."""

from collections import Counter
from typing import Any

import pytest
from faults.tally import TALLY, Tally

KEY = "faults"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts to the run it works for."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[KEY] = [dict(TALLY.faults), TALLY.lost, TALLY.repeated]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's counts up; one that crashed left none."""
    counted = getattr(node, "workeroutput", {}).get(KEY)
    if counted is not None:
        faults, lost, repeated = counted
        TALLY.add(Tally(Counter(faults), lost, repeated))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line, when there is something to tell."""
    if TALLY.faults:
        terminalreporter.write_line(TALLY.summary())
