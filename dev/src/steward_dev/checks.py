"""Behind `make check` and `make test`: runs each check, says what failed, and what had to be left out."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from steward_dev import browser, dovecot, mariadb

PYTHON = sys.executable
SCRIPTS = Path(PYTHON).parent
WORKERS = "3"
"""For two processors: much of the tests' time passes with waiting, for processes, leases and networks."""
BROWSER_WORKERS = "2"
"""A browser waits for little but processors."""
BROWSER_TESTS = ("tests/browser", "tests/e2e", "tests/frontend")
"""Folders with tests in a browser. Each worker imports all that it is given, which takes longer than some tests."""
QUICK_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One command that must end with status 0."""

    name: str
    command: Sequence[str]


QUICK = (
    Check("lint", (PYTHON, "-m", "ruff", "check", "--quiet", ".")),
    Check("format", (PYTHON, "-m", "ruff", "format", "--check", "--quiet", ".")),
    Check("types", (PYTHON, "-m", "basedpyright", "--level", "warning")),
    Check("imports", (str(SCRIPTS / "lint-imports"),)),
    Check("spelling", (PYTHON, "-m", "codespell_lib")),
    Check("manifests", (PYTHON, "-m", "steward_dev.manifests")),
    Check("javascript", ("sh", "dev/js-check")),
)


def main() -> None:
    """`quick` or `all`; exits 1 when a check failed."""
    everything = sys.argv[1:] == ["all"]
    left_out: list[str] = []
    failed = _run_quick()
    if everything:
        failed += _run_tests(left_out)
    for line in left_out:
        print(f"Left out: {line}")
    if left_out and os.environ.get("CI") == "true":  # noqa: TID251 - CI's own variable
        failed.append("something was left out, which CI does not allow")
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")
    print("All checks passed.")


def _run_quick() -> list[str]:
    """The names of those that failed. The types take the longest, and the others pass beside them."""
    with ThreadPoolExecutor(QUICK_AT_ONCE) as pool:
        passed = pool.map(_passes_aside, QUICK)
        return [check.name for check, ok in zip(QUICK, passed, strict=True) if not ok]


def _run_tests(left_out: list[str]) -> list[str]:
    # Playwright keeps an event loop running in its process, which asyncio's own tests cannot share.
    # Not the files of many tests first, as is usual: a long file of few tests would run alone in the end.
    pytest = (PYTHON, "-m", "pytest", "-q", "--no-loadscope-reorder")
    marks = ["not browser"]
    if mariadb.get_mariadb() is None:
        marks.append("not mariadb")
        left_out.append(f"the MariaDB tests, as there is no server; {mariadb.HOW_TO_GET_ONE}.")
    if dovecot.get_dovecot() is None:
        marks.append("not dovecot")
    if dovecot.find_dovecot() is None or dovecot.find_postfix() is None:
        marks.append("not postfix")
        left_out.append(f"tests with real mail servers; {dovecot.HOW_TO_GET_THEM}.")
    checks = [Check("tests", (*pytest, "-n", WORKERS, "-m", " and ".join(marks)))]
    if browser.get_browser() is None:
        left_out.append(f"the browser tests, as there is no browser; {browser.HOW_TO_GET_ONE}.")
    else:
        checks.append(
            Check(
                "browser tests", (*pytest, "-n", BROWSER_WORKERS, "-m", "browser", *BROWSER_TESTS)
            )
        )
    return [check.name for check in checks if not _passes(check)]


def _passes(check: Check) -> bool:
    """Shows what it says as it comes."""
    print(f"── {check.name}", flush=True)
    started = time.monotonic()
    done = subprocess.run(check.command, check=False)
    print(_verdict(done.returncode, started), flush=True)
    return done.returncode == 0


def _passes_aside(check: Check) -> bool:
    """Shows what it said when it has ended, as others run beside it."""
    started = time.monotonic()
    done = subprocess.run(
        check.command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = f"── {check.name}\n{done.stdout}{_verdict(done.returncode, started)}"
    print(said, flush=True)
    return done.returncode == 0


def _verdict(status: int, started: float) -> str:
    return f"   {'FAILED' if status else 'ok'} ({time.monotonic() - started:.0f} s)"


if __name__ == "__main__":
    main()
