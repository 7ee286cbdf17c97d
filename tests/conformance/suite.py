"""Runs the official MCP conformance suite, and reads its verdicts and what docs/conformance.md says of them."""

import asyncio
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
DOCUMENT = ROOT / "docs" / "conformance.md"
REVISIONS = ("2026-07-28", "2025-11-25")
ABSENT = "–"
"""The cell of a scenario that a revision does not have."""
RELAY = Path(__file__).with_name("relay.py")
AT_ONCE = 2
"""Scenarios of hosts: some wait for a while, and none needs a processor to itself."""
SCENARIO_TIMEOUT_S = 60
SUITE_TIMEOUT_S = 500
"""For a scenario with its waiting for others."""

_RECORD = re.compile(r"(?:server-)?(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite says of one scenario. Checks that it skipped and mere remarks count for nothing."""

    passed: int
    failed: tuple[str, ...]
    """Checks that failed or were warned of, by their ids."""

    def __str__(self) -> str:
        """As the tables show it."""
        judged = self.passed + len(self.failed)
        return f"{self.passed} of {judged}" if self.failed else str(self.passed)


Verdicts = Mapping[str, Verdict]
"""By scenario."""


def verdict_of(checks: Iterable[Mapping[str, Any]]) -> Verdict:
    """Of a scenario's record."""
    by_status = [(check["status"], str(check["id"])) for check in checks]
    failed = sorted(id_ for status, id_ in by_status if status in {"FAILURE", "WARNING"})
    return Verdict(sum(status == "SUCCESS" for status, _ in by_status), tuple(failed))


async def judge_whole(url: str, revision: str, folder: Path) -> Verdicts:
    """Every scenario that a revision has for servers. `folder` keeps the records."""
    await _run(
        SUITE, "server", f"--url={url}", f"--requirements={revision}", f"--output-dir={folder}"
    )
    return _verdicts(folder)


async def judge_scenarios(
    url: str, revision: str, scenarios: Sequence[str], folder: Path
) -> Verdicts:
    """These alone."""
    await _run("tests/conformance/scenarios.mjs", url, revision, str(folder), *scenarios)
    return _verdicts(folder)


Play = Callable[[str, str, dict[str, Any]], Awaitable[list[str]]]
"""Scenario, address of its server, and what else it tells the client → what was turned away."""


async def judge_host(play: Play, revision: str, folder: Path) -> Verdicts:
    """Every scenario that a revision has for hosts. What `play` raises is raised when all have ended."""
    gate = asyncio.Semaphore(AT_ONCE)
    raised: list[Exception] = []

    async def answer(told: asyncio.StreamReader, said: asyncio.StreamWriter) -> None:
        scenario, url, context = json.loads(await told.readline())
        try:
            async with gate, asyncio.timeout(SCENARIO_TIMEOUT_S):
                refused = await play(scenario, url, context)
            said.write(f"{json.dumps(refused)}\n".encode())
        except Exception as error:  # noqa: BLE001 - it would be lost in a task nobody waits for
            error.add_note(scenario)
            raised.append(error)
        said.close()

    with tempfile.TemporaryDirectory() as directory:
        at = f"{directory}/tests"  # short, as the addresses of such sockets have to be
        async with await asyncio.start_unix_server(answer, at):
            relay = shlex.join([sys.executable, "-S", "-E", str(RELAY), at])
            await _run(
                SUITE, "client", "--suite=all", f"--spec-version={revision}", f"--command={relay}",
                f"--timeout={SUITE_TIMEOUT_S * 1_000}", f"--output-dir={folder}",
            )  # fmt: skip
    if raised:
        raise ExceptionGroup("The host broke off.", raised)
    return _verdicts(folder)


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "dev/node", *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await process.wait()  # Its status is of no account: it knows nothing of what is expected.
    except asyncio.CancelledError:
        process.terminate()
        raise


def _verdicts(folder: Path) -> Verdicts:
    records = {
        record.parent.relative_to(folder).as_posix(): record
        for record in sorted(folder.glob("**/checks.json"))
    }
    assert records, "The suite has judged nothing; it says on standard error why."
    return {
        _RECORD.sub(r"\g<scenario>", name): verdict_of(json.loads(record.read_text()))
        for name, record in records.items()
    }


def table(heading: str) -> list[dict[str, str]]:
    """The rows of the document's table under a heading, by the names of its columns, without marks of code."""
    _, _, after = DOCUMENT.read_text().partition(f"\n## {heading}\n")
    section = after.partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def cell(verdicts: Verdicts, scenario: str) -> str:
    """What a table says of a scenario that may not have been run."""
    return str(verdicts[scenario]) if scenario in verdicts else ABSENT


@dataclass(frozen=True, slots=True)
class Expected:
    """A check that is expected to fail. The document alone says which, and why."""

    where: str
    scenario: str
    check: str
    reason: str


def expected_failures() -> list[Expected]:
    """All of them, each with its reason."""
    found = [
        Expected(row["Where"], row["Scenario"], row["Check"], row["Reason"])
        for row in table("Expected failures")
    ]
    assert all(one.reason for one in found)
    return found


def surprises(verdicts: Verdicts, *where: str) -> list[str]:
    """Checks that fail or pass and are not expected to, in these places of the document."""
    known = {(one.scenario, one.check) for one in expected_failures() if one.where in where}
    failed = {(name, check) for name, verdict in verdicts.items() for check in verdict.failed}
    return [
        *(f"{scenario}: {check} fails" for scenario, check in sorted(failed - known)),
        *(
            f"{scenario}: {check} passes, and is expected to fail"
            for scenario, check in sorted(known - failed)
            if scenario in verdicts
        ),
    ]
