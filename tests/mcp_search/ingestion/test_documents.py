"""Files become passages that are found, or documents that say why not; work is called off, and is done again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.taking_in import ADA, PlayedEmbedder, knowledge_base, store_url

from mcp_search.config import Knowledge
from mcp_search.errors import KnowledgeAway, NotThere
from mcp_search.knowledge.ingestion import jobs
from mcp_search.knowledge.ingestion.reading import ConfinedReader
from mcp_search.knowledge.ingestion.work import Job
from mcp_search.knowledge.library import Upload
from mcp_search.knowledge.model import EmbeddingModel, Filters, Reader
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

TEXT = "The kettle boils at noon.\n" + "".join(
    f"Paragraph {number} tells about drawer{number} and nothing else in the office.\n"
    for number in range(20)
)
READER = Reader("acme", "ada", frozenset({"editor"}))


def gated() -> PlayedEmbedder:
    return PlayedEmbedder(gate=asyncio.Event())


def opened(embedder: PlayedEmbedder) -> None:
    assert embedder.gate is not None
    embedder.gate.set()


async def test_an_upload_is_found_once_it_is_ready_and_not_before(folder: Path) -> None:
    async with knowledge_base(folder, embedder=gated()) as base:
        added = await base.library.add(ADA, Upload("house.txt", TEXT.encode()))
        assert (added.document.state, added.duplicate) == ("queued", False)
        await base.embedder.reached.wait()
        under_way = await base.library.document(ADA, added.document.id)
        assert (under_way.state, under_way.progress) == ("embedding", 0.2)
        assert await base.found(ADA, "kettle boils") == []
        opened(base.embedder)
        ready = await base.settled(added.document)
        assert (ready.state, ready.progress, ready.reason) == ("ready", 1, "")
        assert len(await base.found(ADA, "kettle boils")) == 1


async def test_the_same_file_again_is_the_same_document_and_no_work(folder: Path) -> None:
    async with knowledge_base(folder) as base:
        first, second = await asyncio.gather(
            *(base.library.add(ADA, Upload(name, TEXT.encode())) for name in ("a.txt", "b.txt"))
        )
        await base.settled(first.document)
        embedded = len(base.embedder.embedded)
        third = await base.library.add(ADA, Upload("c.txt", TEXT.encode()))
        await base.jobs.submit(Job("acme", first.document.id, 1))
        assert {first.duplicate, second.duplicate} == {True, False}
        assert first.document.id == second.document.id == third.document.id
        assert len(await base.found(ADA, "kettle boils")) == 1
        assert len(base.embedder.embedded) == embedded


async def test_an_old_version_is_found_until_the_new_one_is_ready(folder: Path) -> None:
    async with knowledge_base(folder) as base:
        old = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await base.settled(old)
        base.embedder.gate = asyncio.Event()
        base.embedder.reached.clear()
        text = TEXT.replace("noon", "midnight").encode()
        new = (await base.library.add(ADA, Upload("house.txt", text, document_id=old.id))).document
        assert (new.id, new.version) == (old.id, 2)
        await base.embedder.reached.wait()
        assert len(await base.found(ADA, "noon")) == 1
        assert await base.found(ADA, "midnight") == []
        opened(base.embedder)
        await base.settled(new)
        assert await base.found(ADA, "noon") == []
        assert len(await base.found(ADA, "midnight")) == 1


async def test_called_off_work_leaves_nothing_and_an_older_version_as_it_was(folder: Path) -> None:
    async with knowledge_base(folder) as base:
        old = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await base.settled(old)
        base.embedder.gate = asyncio.Event()
        base.embedder.reached.clear()
        text = TEXT.replace("noon", "midnight").encode()
        new = (await base.library.add(ADA, Upload("house.txt", text, document_id=old.id))).document
        await base.embedder.reached.wait()
        assert (await base.library.cancel(ADA, new.id)).state == "cancelled"
        opened(base.embedder)
        # One more document through the same queue: by then the worker has seen that it is not wanted.
        await base.settled(
            (await base.library.add(ADA, Upload("b.txt", b"Another text."))).document
        )
        assert (await base.library.document(ADA, new.id)).state == "cancelled"
        assert await base.store.staged_chunks("acme", new.id, 2, -1, 100) == []
        assert await base.store.original("acme", new.id, 2) is None
        assert len(await base.found(ADA, "noon")) == 1
        assert (await base.library.original(ADA, new.id))[1] == TEXT.encode()
        # Ready stays ready.
        [other] = [each for each in await base.library.documents(ADA) if each.name == "b.txt"]
        assert (await base.library.cancel(ADA, other.id)).state == "ready"
        assert len(await base.found(ADA, "another")) == 1


async def test_a_document_removed_while_it_is_read_stays_removed(folder: Path) -> None:
    async with knowledge_base(folder, embedder=gated()) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await base.embedder.reached.wait()
        await base.library.remove_document(ADA, document.id)
        opened(base.embedder)
        other = (await base.library.add(ADA, Upload("b.txt", b"Another text."))).document
        assert (await base.settled(other)).state == "ready"
        with pytest.raises(NotThere):
            await base.library.document(ADA, document.id)
        assert await base.found(ADA, "kettle") == []
        assert await base.store.original("acme", document.id, 1) is None


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdf", b"%PDF-1.7\nnothing more", "damaged"),
        ("a.docx", b"PK\x03\x04 word/document.xml", "damaged"),
        ("a.txt", b"\x7fELF" + bytes(500), "program"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "picture"),
        ("a.txt", b" \n ", "no text"),
    ],
)
async def test_a_file_without_text_ends_failed_and_says_why(
    folder: Path, name: str, content: bytes, reason: str
) -> None:
    embedder = PlayedEmbedder()
    reader = ConfinedReader(Knowledge(), embedder)
    async with knowledge_base(folder, reader=reader, embedder=embedder) as base:
        added = await base.library.add(ADA, Upload(name, content))
        failed = await base.settled(added.document)
        assert failed.state == "failed"
        assert reason in failed.reason.lower()


async def test_a_web_page_is_read_in_the_other_process(folder: Path) -> None:
    embedder = PlayedEmbedder()
    reader = ConfinedReader(Knowledge(), embedder)
    page = b"<html><title>Tea</title><body><h1>Tea</h1><p>Water boils at 100 degrees.</p></body></html>"
    async with knowledge_base(folder, reader=reader, embedder=embedder) as base:
        added = await base.library.add(ADA, Upload("../../tea.htm", page))
        ready = await base.settled(added.document)
        assert (ready.state, ready.name, ready.media_type, ready.title) == (
            "ready", "tea.htm", "text/html", "Tea",
        )  # fmt: skip
        assert len(await base.found(ADA, "water boils")) == 1


async def test_what_is_away_for_a_moment_is_waited_for(folder: Path) -> None:
    async with knowledge_base(folder, embedder=PlayedEmbedder(away=3)) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        assert (await base.settled(document)).state == "ready"


async def test_what_stays_away_is_the_reason_and_the_same_file_may_be_tried_again(
    folder: Path,
) -> None:
    async with knowledge_base(folder, embedder=PlayedEmbedder(away=4)) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        failed = await base.settled(document)
        assert failed.state == "failed"
        assert "does not answer" in failed.reason
        again = await base.library.add(ADA, Upload("house.txt", TEXT.encode()))
        assert (again.duplicate, again.document.id, again.document.version) == (
            False,
            document.id,
            2,
        )
        assert (await base.settled(again.document)).state == "ready"


class SilentStore:
    """Cannot note anything for the first so many times."""

    def __init__(self, store: SqlStore, times: int) -> None:
        self._store = store
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def note_state(self, *values: Any) -> None:
        self.times -= 1
        if self.times >= 0:
            raise KnowledgeAway("The store does not answer.")
        await self._store.note_state(*values)


async def test_work_that_could_not_even_be_noted_to_have_failed_does_not_stay_under_way(
    folder: Path,
) -> None:
    tries = 4
    store: Any = SilentStore(open_store(store_url(folder)), 2 * tries)
    async with knowledge_base(folder, store=store) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        failed = await base.settled(document)
        assert (failed.state, store.times < 0) == ("failed", True)
        assert "broke off" in failed.reason


async def test_jobs_that_ended_long_ago_are_forgotten_and_their_documents_are_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "KEPT_FOR", timedelta(0))
    async with knowledge_base(folder) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await base.settled(document)
        await base.jobs.sweep()
        await base.jobs.submit(Job("acme", document.id, 1))
        other = (await base.library.add(ADA, Upload("b.txt", b"Another text."))).document
        await base.settled(other)
        assert (await base.library.document(ADA, document.id)).state == "ready"
        assert len(await base.found(ADA, "kettle boils")) == 1


async def test_a_crash_of_our_own_is_told_without_its_words(folder: Path) -> None:
    def crash() -> None:
        raise ValueError("the secret is 12345")

    async with knowledge_base(folder, embedder=PlayedEmbedder(before=crash)) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        failed = await base.settled(document)
        assert failed.state == "failed"
        assert "logged as" in failed.reason
        assert "12345" not in failed.reason


async def test_a_document_that_no_search_finds_is_not_called_ready(folder: Path) -> None:
    embedder = PlayedEmbedder()
    async with knowledge_base(folder, embedder=embedder) as base:
        base.deaf()
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        failed = await base.settled(document)
        assert failed.state == "failed"
        assert "does not find it" in failed.reason


async def test_another_model_embeds_what_is_there_again_and_words_find_it_meanwhile(
    folder: Path,
) -> None:
    async with knowledge_base(folder) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await base.settled(document)
    other = PlayedEmbedder("other", 32, gate=asyncio.Event())
    async with knowledge_base(folder, embedder=other) as base:
        await other.reached.wait()
        assert len(await base.found(ADA, "kettle boils")) == 1
        assert [base.jobs.is_behind(tenant) for tenant in ("acme", "rival")] == [True, False]
        opened(other)
        await base.embedded()
        assert [each.model for each in await base.library.collections(ADA)] == [
            EmbeddingModel("other", 32)
        ]
        vector = await other.embed(["the kettle boils at noon"])
        [best, *_] = await base.store.near(READER, other.model, vector, Filters(), 3)
        assert "kettle" in best.passage.text
        assert best.passage.document_id == document.id


async def test_vectors_of_another_model_are_never_put_among_a_collections_own(
    folder: Path,
) -> None:
    """As when replicas run with two models of one dimension while the newer version is rolled out."""
    embedder = PlayedEmbedder(gate=asyncio.Event())
    async with knowledge_base(folder, embedder=embedder) as base:
        document = (await base.library.add(ADA, Upload("house.txt", TEXT.encode()))).document
        await embedder.reached.wait()
        [collection] = await base.store.collections(READER)
        changed = replace(collection, model=EmbeddingModel("other", embedder.dimension))
        await base.store.change_collection(changed)
        opened(embedder)
        failed = await base.settled(document)
        assert "another model" in failed.reason
