"""`orchestrator audit`: exit statuses and words, as a script or an auditor meets them."""

import asyncio
import io
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from support.audit import opened, tamper, write_rows

from orchestrator.__main__ import main
from orchestrator.audit.commands import export_database, verify_database, verify_file

SECOND, THIRD = date(2026, 11, 2), date(2026, 11, 3)


@pytest.fixture
def chains_url(database_url: str) -> str:
    """A database with two tenants' chains."""

    async def write() -> None:
        async with opened(database_url) as database:
            await write_rows(database, 4, "acme")
            await write_rows(database, 2, "umbrella")

    asyncio.run(write())
    return database_url


def export_to(
    file: Path, url: str, tenant_id: str | None, days: tuple[date | None, date | None]
) -> int:
    with file.open("w", encoding="utf-8") as out:
        return export_database(url, tenant_id, *days, out)


def run(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> object:
    """The command line in this process; gives its exit status."""
    monkeypatch.setattr(sys, "argv", ["orchestrator", "audit", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_chains_are_verified_in_the_database(
    chains_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_database(chains_url, None) == 0
    acme, umbrella = capsys.readouterr().out.splitlines()
    assert acme.startswith("acme: 4 rows, chain whole, last hash ")
    assert umbrella.startswith("umbrella: 2 rows, chain whole, last hash ")


def test_the_first_broken_row_is_named(chains_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def forge() -> None:
        async with opened(chains_url) as database:
            await tamper(
                database,
                "UPDATE audit_rows SET person_id = 'eve' WHERE seq > 1 AND tenant_id = 'acme'",
            )

    asyncio.run(forge())
    assert verify_database(chains_url, None) == 1
    acme, umbrella = capsys.readouterr().out.splitlines()
    assert acme.startswith("acme: BROKEN at row 2: the row was changed")
    assert "chain whole" in umbrella
    assert verify_database(chains_url, "umbrella") == 0


def test_an_export_is_verified_without_settings_and_database(
    chains_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = {
        "ORCHESTRATOR_DATABASE_URL": chains_url,
        "ORCHESTRATOR_KEY_FILE": "key.json",
        "ORCHESTRATOR_ISSUER": "http://orchestrator.test",
        "ORCHESTRATOR_TRUSTED_ISSUERS": "{}",
    }
    file = tmp_path / "audit.jsonl"
    with file.open("wb") as out:
        command = [sys.executable, "-m", "orchestrator", "audit", "export"]
        subprocess.run(command, env=settings, stdout=out, timeout=60, check=True)
    for name in settings:
        monkeypatch.delenv(name, raising=False)
    assert run(monkeypatch, ["verify", "--file", str(file)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(monkeypatch, ["verify", "--file", str(file), "--tenant", "umbrella"]) == 0
    assert capsys.readouterr().out.startswith("umbrella: 2 rows, chain whole")


def test_part_of_a_chain_says_where_it_begins(
    chains_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.jsonl"
    assert export_to(file, chains_url, "acme", (SECOND, THIRD)) == 0
    assert verify_file(file, None) == 0
    assert "acme: 2 rows, chain whole from row 2 on" in capsys.readouterr().out


def test_a_chain_that_is_gone_is_a_failure(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_database(database_url, "acme") == 1
    assert export_database(database_url, "acme", None, None, io.StringIO()) == 1
    assert "no audit chain" in capsys.readouterr().err


def test_a_file_that_cannot_be_checked_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_file(tmp_path / "absent.jsonl", None) == 1
    assert "No such file" in capsys.readouterr().err
    other = tmp_path / "other.txt"
    other.write_text("hello\n")
    assert verify_file(other, None) == 1
    assert "header" in capsys.readouterr().err


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01"])
def test_a_day_that_is_none_is_refused(
    day: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, ["export", "--from", day]) == 2
    assert "--from" in capsys.readouterr().err
