"""The checks behind `make check` really check: the import contracts once passed because nothing was read."""

import subprocess
from pathlib import Path

from steward_dev.checks import BROWSER_TESTS, QUICK

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_are_looked_at() -> None:
    command = next(check.command for check in QUICK if check.name == "imports")

    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    contracts = (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    told = f"Contracts: {contracts} kept, 0 broken."
    assert told in answer.stdout, answer.stdout + answer.stderr


def test_every_test_in_a_browser_is_run() -> None:
    mark = "pytest.mark" + ".browser"
    marked = {path for path in (ROOT / "tests").rglob("*.py") if mark in path.read_text()}
    run = {path for folder in BROWSER_TESTS for path in (ROOT / folder).rglob("test_*.py")}

    assert marked
    assert marked <= run
