"""`orchestrator audit`: exit statuses and words, as a script or an auditor meets them."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from support.audit import opened, tamper, write_rows


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, in an environment that holds nothing but what is given."""
    command = [sys.executable, "-m", "orchestrator", "audit", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def settings(database_url: str) -> dict[str, str]:
    return {
        "ORCHESTRATOR_DATABASE_URL": database_url,
        "ORCHESTRATOR_KEY_FILE": "key.json",
        "ORCHESTRATOR_ISSUER": "http://orchestrator.test",
        "ORCHESTRATOR_TRUSTED_ISSUERS": "{}",
    }


async def _write(url: str) -> None:
    async with opened(url) as database:
        await write_rows(database, 4, "acme")
        await write_rows(database, 2, "umbrella")


async def _tamper(url: str) -> None:
    async with opened(url) as database:
        await tamper(database, "UPDATE audit_rows SET person_id = 'eve' WHERE seq = 2")


def test_export_and_verify_here_and_offline(database_url: str, tmp_path: Path) -> None:
    asyncio.run(_write(database_url))
    environment = settings(database_url)

    verified = run("verify", **environment)
    assert verified.returncode == 0
    acme, umbrella = verified.stdout.splitlines()
    assert acme.startswith("acme: 4 rows, chain whole, last hash ")
    assert umbrella.startswith("umbrella: 2 rows, chain whole, last hash ")

    file = tmp_path / "audit.jsonl"
    file.write_text(run("export", "--tenant", "acme", **environment).stdout)
    offline = run("verify", "--file", str(file))
    assert (offline.returncode, offline.stdout) == (0, f"{acme}\n")

    file.write_text(
        run("export", "--from", "2026-11-02", "--to", "2026-11-03", **environment).stdout
    )
    partial = run("verify", "--file", str(file), "--tenant", "acme")
    assert partial.returncode == 0
    assert "acme: 2 rows, chain whole from row 2 on" in partial.stdout

    asyncio.run(_tamper(database_url))
    broken = run("verify", **environment)
    assert broken.returncode == 1
    assert "acme: BROKEN at row 2: the row was changed" in broken.stdout
    assert "umbrella: BROKEN at row 2" in broken.stdout


def test_a_chain_that_is_gone_is_a_failure(database_url: str, tmp_path: Path) -> None:
    gone = run("verify", "--tenant", "acme", **settings(database_url))
    assert gone.returncode == 1
    assert "no audit chain" in gone.stderr
    absent = run("verify", "--file", str(tmp_path / "absent.jsonl"))
    assert absent.returncode == 1
    assert "No such file" in absent.stderr
    other = tmp_path / "other.txt"
    other.write_text("hello\n")
    assert run("verify", "--file", str(other)).returncode == 1


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    refused = run("export", "--from", day)
    assert refused.returncode == 2
    assert "--from" in refused.stderr
