"""Our host against the official MCP conformance suite, in both protocol versions it speaks.

The suite plays the server and judges what it sees on the wire; for `auth/…` also the sign-in service, and our own code
for signing in there holds the person's connection in a real database. Only the person's browser is played.
docs/conformance.md says what comes of it.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conformance.suite import ABSENT, ROOT, SUITE, surprises, table, verdict_of

CLIENT = Path(__file__).with_name("client.py")
SCENARIO_TIMEOUT_S = 60
AUTH = (
    "metadata-default",
    "metadata-var1",
    "metadata-var2",
    "metadata-var3",
    "basic-cimd",
    "scope-from-www-authenticate",
    "scope-from-scopes-supported",
    "scope-omitted-when-undefined",
    "scope-step-up",
    "scope-retry-limit",
    "token-endpoint-auth-basic",
    "token-endpoint-auth-post",
    "token-endpoint-auth-none",
    "pre-registration",
)
LATER_AUTH = (
    "resource-mismatch",
    "offline-access-scope",
    "offline-access-not-supported",
    "authorization-server-migration",
    "iss-supported",
    "iss-not-advertised",
    "iss-supported-missing",
    "iss-wrong-issuer",
    "iss-unexpected",
    "iss-normalized",
    "metadata-issuer-mismatch",
)
"""Since 2026-07-28."""
SCENARIOS = {
    "2026-07-28": (
        "tools_call",
        "request-metadata",
        "sep-2322-client-request-state",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "json-schema-ref-no-deref",
        "json-schema-2020-12-preservation",
        *(f"auth/{name}" for name in (*AUTH, *LATER_AUTH)),
    ),
    "2025-11-25": (
        "initialize",
        "tools_call",
        "elicitation-sep1034-client-defaults",
        "sse-retry",
        "json-schema-2020-12-preservation",
        *(f"auth/{name}" for name in AUTH),
    ),
}
"""Written down because tests are collected without Node; the first test holds it against the suite's own list."""

pytestmark = pytest.mark.timeout(600)  # the first one may install the suite


def suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["dev/node", SUITE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("version", SCENARIOS)
def test_every_scenario_is_run(version: str) -> None:
    listing = suite("list", "--client", "--spec-version", version)
    listed = re.findall(r"^ +- (\S+) \[", listing.stdout, re.MULTILINE)

    assert listed, listing.stderr
    assert set(listed) == set(SCENARIOS[version])


@pytest.mark.parametrize(
    ("version", "scenario"),
    [(version, scenario) for version, some in SCENARIOS.items() for scenario in some],
)
def test_the_host_passes(version: str, scenario: str, tmp_path: Path) -> None:
    run = suite(
        "client",
        f"--command={shlex.join([sys.executable, str(CLIENT)])}",
        f"--scenario={scenario}",
        f"--spec-version={version}",
        f"--timeout={SCENARIO_TIMEOUT_S * 1_000}",
        f"--output-dir={tmp_path}",
    )

    (record,) = tmp_path.glob("**/checks.json")
    checks: list[dict[str, Any]] = json.loads(record.read_text())
    verdict = verdict_of(checks)
    assert surprises({scenario: verdict}, "host") == [], run.stdout + run.stderr
    assert verdict.passed
    (row,) = [row for row in table("The host") if row["Scenario"] == scenario]
    assert row[version] == str(verdict)


def test_the_document_tells_of_these_scenarios_alone() -> None:
    told = {
        version: {row["Scenario"] for row in table("The host") if row[version] != ABSENT}
        for version in SCENARIOS
    }
    assert told == {version: set(scenarios) for version, scenarios in SCENARIOS.items()}
