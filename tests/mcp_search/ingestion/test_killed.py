"""A server is killed at each step of taking a document in; the next one goes on, and the document is there once."""

import shutil
import signal
from pathlib import Path

import pytest
from support.forking import Forks
from support.taking_in import ADA, jobs_url, knowledge_base

from mcp_search.knowledge.ingestion import jobs
from mcp_search.knowledge.library import Upload
from mcp_search.knowledge.model import Reader

ROOMS = 24
STEPS = [
    "after add_document 1",
    "before original 1",
    "before stage 1",
    "after stage 1",
    "before stage_vectors 1",
    "after stage_vectors 1",
    "before stage_vectors 3",
    "before publish 1",
    "after publish 1",
    "after neighbours 1",
    "before note_state 6",
    "after note_state 6",
]
READER = Reader("acme", "ada", frozenset())


@pytest.fixture(scope="module")
def killed(made: Path, servers: Forks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each step's server left, when it was gone."""
    root = tmp_path_factory.mktemp("killed")
    ends = {step: step for step in [*STEPS, "before add_document 1"]}
    ends |= {"kept": "after stage_vectors 1", "poison": "before stage 1"}
    folders = {name: shutil.copytree(made, root / name) for name in ends}
    servers.start(*((folders[name], step, jobs_url(folders[name])) for name, step in ends.items()))
    assert servers.answer() == [-signal.SIGKILL] * len(ends)
    return folders


@pytest.mark.parametrize("step", STEPS)
async def test_a_document_is_ready_once_whenever_the_server_was_killed(
    killed: dict[str, Path], step: str
) -> None:
    async with knowledge_base(killed[step]) as base:
        [document] = await base.store.documents(READER, None, "", 10)
        ready = await base.settled(document)
        assert (ready.state, ready.version, ready.reason) == ("ready", 1, "")
        passages = await base.store.neighbours(READER, document.id, 0, 1_000)
        assert [each.ordinal for each in passages] == list(range(ready.chunks))
        for number in range(ROOMS):
            assert len(await base.found(ADA, f"number{number}")) == 1


async def test_vectors_that_were_kept_are_not_made_again(killed: dict[str, Path]) -> None:
    async with knowledge_base(killed["kept"]) as base:
        [document] = await base.store.documents(READER, None, "", 10)
        ready = await base.settled(document)
        again = set(base.embedder.embedded)
    assert ready.chunks > 4
    assert len(again) <= ready.chunks - 4 + 1  # and the sentence it is looked for by


async def test_killed_before_the_store_had_it_nothing_is_left_of_the_upload(
    killed: dict[str, Path],
) -> None:
    async with knowledge_base(killed["before add_document 1"]) as base:
        assert await base.store.documents(READER, None, "", 10) == []
        added = await base.library.add(ADA, Upload("rooms.txt", b"Drawer 1 holds a key."))
        assert (await base.settled(added.document)).state == "ready"


async def test_a_document_over_which_servers_end_again_and_again_is_given_up(
    killed: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_TAKEOVERS", 0)
    async with knowledge_base(killed["poison"]) as base:
        [document] = await base.store.documents(READER, None, "", 10)
        failed = await base.settled(document)
    assert failed.state == "failed"
    assert "ended several times" in failed.reason
    assert base.embedder.embedded == []
