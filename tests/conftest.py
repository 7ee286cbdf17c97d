"""For all tests: one browser, one PostgreSQL, and a line on what the fault tests injected and found."""

from collections import Counter
from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from faults.tally import TALLY, Tally
from playwright.sync_api import Browser, expect, sync_playwright
from support.once import make_once
from support.postgres import postgres
from xdist.scheduler import LoadFileScheduling

from steward_dev.browser import find_browser

KEY = "faults"
BROWSER_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(
    timeout=15_000
)  # only what fails takes so long; a loaded machine is slow, not wrong
make_once()


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    """One Chromium for all tests of a process: Playwright can be started only once in each."""
    path = find_browser()
    assert path is not None, "no browser: `make test` installs one or leaves these tests out"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=BROWSER_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres_server() -> Generator[str]:
    """Address of a PostgreSQL's own database, without a driver named. Tests make databases of theirs beside it."""
    with postgres() as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # Nothing here outlives the tests.
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()


class _Distribution(LoadFileScheduling):
    """Gives workers whole files, for the sake of what a file's tests share; and one of them all tests of faults.

    These share a cluster of nine processes, and mostly wait: beside them there is room for another worker's tests.
    """

    def _split_scope(self, nodeid: str) -> str:
        faults = "tests/faults/"
        return faults if nodeid.startswith(faults) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """For runs by several workers."""
    return _Distribution(config, log)


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
