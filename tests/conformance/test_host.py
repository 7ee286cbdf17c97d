"""Our host against the official MCP conformance suite, in both protocol versions it speaks.

The suite plays the server and judges what it sees on the wire; for `auth/…` also the sign-in service, and our own code
for signing in there holds the person's connection in a real database. Only the person's browser is played.
docs/conformance.md says what comes of it.
"""

import asyncio
from collections.abc import Mapping

import pytest
from conformance.client import play
from conformance.suite import REVISIONS, Verdicts, cell, judge_host, surprises, table

pytestmark = pytest.mark.timeout(600)  # the first one may install the suite
Judged = Mapping[str, Verdicts]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Revision → verdicts."""
    folder = tmp_path_factory.mktemp("conformance")
    return {
        revision: asyncio.run(judge_host(play, revision, folder / revision))
        for revision in REVISIONS
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_host_passes_everything(judged: Judged, revision: str) -> None:
    assert surprises(judged[revision], "host") == []
    assert all(verdict.passed for verdict in judged[revision].values())


def test_the_document_tells_what_the_host_passes(judged: Judged) -> None:
    names = {name for verdicts in judged.values() for name in verdicts}
    rows = [
        {"Scenario": name, **{rev: cell(found, name) for rev, found in judged.items()}}
        for name in sorted(names)
    ]
    assert table("The host") == rows
