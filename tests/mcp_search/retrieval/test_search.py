"""What a search gives, and when it says that there is nothing."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.embeddings_endpoint import Answer, Endpoint, reranked, status
from support.knowledge import MODEL, Written, collection, publish, reader, vector
from support.servers import serving

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.embedding.none import NoEmbedder
from mcp_search.knowledge.hits import Mode
from mcp_search.knowledge.model import EmbeddingModel, Filters
from mcp_search.knowledge.ports import Vectors
from mcp_search.knowledge.reranking import HttpReranker, LexicalReranker
from mcp_search.knowledge.retrieval import KEPT_S, Retrieval
from mcp_search.knowledge.store.opening import open_store
from mcp_search.knowledge.store.store import SqlStore

ANY = Filters()
LEAVE = Written("leave", ("Holidays are thirty days.", "Sick leave needs a certificate.", "Bye."))
DISK = Written("disk", ("Error E1042 means that the disk is full.", "Empty the bin."))


class FakeEmbedder:
    """Words as directions; away when it is told to be."""

    def __init__(self, model: EmbeddingModel = MODEL) -> None:
        self.model = model
        self.max_tokens = 100
        self.is_away = False
        self.asked = 0

    def count(self, text: str) -> int:
        return len(text.split())

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.stack([vector(text) for text in texts])

    async def embed_query(self, text: str) -> Vectors:
        self.asked += 1
        if self.is_away:
            raise KnowledgeAway("It is away.")
        return await self.embed([text])

    async def close(self) -> None: ...


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path}/knowledge.db")
    await opened.start()
    await opened.add_collection(collection())
    yield opened
    await opened.close()


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
async def test_each_mode_finds(store: SqlStore, mode: Mode) -> None:
    await publish(store, LEAVE, DISK)
    retrieval = Retrieval(store, [FakeEmbedder()])
    found = await retrieval.search(reader(), "Error E1042 disk full", ANY, 1, mode)
    assert (found.found, found.why) == (True, "found")
    assert found.hits[0].best.document_id == "disk"
    leg = {"hybrid": "both", "keyword": "keyword", "vector": "dense"}[mode]
    assert found.hits[0].leg == leg or len(found.hits[0].passages) > 1


async def test_passages_in_a_row_are_one_hit_with_the_words_between(store: SqlStore) -> None:
    await publish(store, LEAVE)
    found = await Retrieval(store, [FakeEmbedder()]).search(reader(), "sick holidays", ANY, 3)
    [hit] = found.hits
    assert [one.ordinal for one in hit.passages] == [0, 1, 2]
    assert hit.text == LEAVE.text[hit.start : hit.end] == LEAVE.text
    assert len({one.id for one in hit.passages}) == 3


async def test_a_hit_does_not_grow_without_end(store: SqlStore) -> None:
    await publish(store, Written("long", tuple(f"The disk number {n}." for n in range(12))))
    found = await Retrieval(store, [FakeEmbedder()]).search(reader(), "disk number", ANY, 10)
    assert max(len(hit.passages) for hit in found.hits) == 4
    ordinals = [one.ordinal for hit in found.hits for one in hit.passages]
    assert sorted(ordinals) == list(range(12))


async def test_nearly_the_same_text_is_shown_once_with_the_others_named(store: SqlStore) -> None:
    text = "The disk of the server in the cellar is full and must be emptied by hand this week"
    await publish(
        store,
        Written("a", (f"{text} at noon.",)),
        Written("b", (f"{text} at night.",)),
        Written("c", ("The disk is round.",)),
    )
    found = await Retrieval(store, [FakeEmbedder()]).search(reader(), text, ANY, 5)
    first = found.hits[0]
    assert {first.best.document_id, *(one.document_id for one in first.same)} == {"a", "b"}
    assert [hit.best.document_id for hit in found.hits[1:]] == ["c"]


async def test_a_curated_answer_that_fits_stands_first(store: SqlStore) -> None:
    await publish(
        store,
        Written("page", ("Where is the spare key kept?",)),
        Written("answer", ("The spare key is kept at the desk.",), curated=True),
        Written("other", ("The canteen opens at noon.",), curated=True),
    )
    retrieval = Retrieval(store, [FakeEmbedder()], good_enough=0.2)
    found = await retrieval.search(reader(), "Where is the spare key kept?", ANY, 3)
    order = [hit.best.document_id for hit in found.hits]
    assert order[:2] == ["answer", "page"]
    plain = await Retrieval(store, [FakeEmbedder()]).search(reader(), "spare key kept", ANY, 3)
    assert plain.hits[0].best.document_id == "answer"


# Nothing


@pytest.mark.parametrize("mode", ["hybrid", "vector"])
async def test_when_nothing_is_close_that_is_said(store: SqlStore, mode: Mode) -> None:
    await publish(store, LEAVE)
    retrieval = Retrieval(store, [FakeEmbedder()], good_enough=0.9)
    found = await retrieval.search(reader(), "quantum chromodynamics", ANY, 5, mode)
    assert (found.hits, found.found, found.why) == ((), False, "nothing_close")
    close = await retrieval.search(reader(), "Holidays are thirty days.", ANY, 5, mode)
    assert close.found


async def test_by_words_alone_a_third_of_them_must_be_there(store: SqlStore) -> None:
    await publish(store, LEAVE)
    retrieval = Retrieval(store, [NoEmbedder()])
    few = await retrieval.search(reader(), "holidays quantum physics lecture", ANY)
    assert (few.found, few.why) == (False, "nothing_close")
    assert (await retrieval.search(reader(), "holidays quantum", ANY, 5, "keyword")).found
    none = await retrieval.search(reader(), "zebra", ANY, 5, "keyword")
    assert (none.found, none.why) == (False, "no_match")


async def test_an_empty_base_has_no_match(store: SqlStore) -> None:
    found = await Retrieval(store, [FakeEmbedder()]).search(reader(), "anything", ANY)
    assert (found.found, found.why) == (False, "no_match")


# What cannot take part


async def test_without_the_embedder_words_are_searched_and_that_is_told(store: SqlStore) -> None:
    await publish(store, LEAVE)
    embedder = FakeEmbedder()
    retrieval = Retrieval(store, [embedder])
    embedder.is_away = True
    found = await retrieval.search(reader(), "holidays", ANY)
    assert found.found
    assert "cannot be used" in found.degraded[0]
    with pytest.raises(KnowledgeAway):
        await retrieval.search(reader(), "holidays", ANY, mode="vector")
    embedder.is_away = False
    assert (await retrieval.search(reader(), "holidays", ANY)).degraded == ()


async def test_a_collection_of_another_model_is_searched_by_words(store: SqlStore) -> None:
    await publish(store, LEAVE)
    other = FakeEmbedder(EmbeddingModel("newer", 8))
    found = await Retrieval(store, [other]).search(reader(), "holidays", ANY)
    assert found.hits[0].leg == "keyword"
    assert "not embedded" in found.degraded[0]
    both = await Retrieval(store, [other, FakeEmbedder()]).search(reader(), "holidays", ANY)
    assert both.degraded == ()


# Reranking


async def test_a_reranker_has_the_last_word_on_the_order(store: SqlStore) -> None:
    await publish(
        store,
        Written("a", ("The disk is full, said the disk, and a disk is a disk.",)),
        Written("b", ("A full disk must be emptied by an administrator.",)),
    )
    plain = await Retrieval(store, [FakeEmbedder()]).search(reader(), "disk", ANY, 1)
    question = "administrator emptied full disk"
    lexical = Retrieval(store, [FakeEmbedder()], reranker=LexicalReranker())
    assert (await lexical.search(reader(), question, ANY, 1)).hits[0].best.document_id == "b"
    endpoint = Endpoint([reranked(0.1, 0.9)])
    async with serving(endpoint.app) as url:
        reranker = HttpReranker(url=f"{url}/v1", model="r", key="sk-secret")
        turned = await Retrieval(store, [FakeEmbedder()], reranker=reranker).search(
            reader(), "disk", ANY, 1
        )
        await reranker.close()
    assert turned.hits[0].best.document_id != plain.hits[0].best.document_id
    assert endpoint.asked[0]["query"] == "disk"
    assert endpoint.keys == {"Bearer sk-secret"}


@pytest.mark.parametrize("answer", [status(500), status(200), reranked(0.1)])
async def test_without_the_reranker_the_order_is_the_one_before(
    store: SqlStore, answer: Answer
) -> None:
    await publish(store, LEAVE, DISK)
    plain = await Retrieval(store, [FakeEmbedder()]).search(reader(), "disk", ANY)
    async with serving(Endpoint([answer]).app) as url:
        reranker = HttpReranker(url=f"{url}/v1", model="r", key=None)
        found = await Retrieval(store, [FakeEmbedder()], reranker=reranker).search(
            reader(), "disk", ANY
        )
        await reranker.close()
    assert found.hits == plain.hits
    assert "reranker" in found.degraded[0]


# Remembering


async def test_an_answer_is_kept_until_something_changes_or_five_minutes_pass(
    store: SqlStore,
) -> None:
    await publish(store, LEAVE)
    now = [0.0]
    embedder = FakeEmbedder()
    retrieval = Retrieval(store, [embedder], now=lambda: now[0])
    first = await retrieval.search(reader(), "holidays", ANY)
    assert await retrieval.search(reader(), "holidays", ANY) is first
    now[0] = KEPT_S
    assert await retrieval.search(reader(), "holidays", ANY) is not first
    assert embedder.asked == 2
    await store.change_access("acme", "leave", frozenset({"role:hr"}))
    assert not (await retrieval.search(reader(), "holidays", ANY)).found


async def test_an_answer_is_never_given_to_another(store: SqlStore) -> None:
    await store.add_collection(collection(tenant="rival"))
    await publish(store, replace(LEAVE, access=frozenset({"person:ada"})))
    retrieval = Retrieval(store, [FakeEmbedder()])
    assert (await retrieval.search(reader(), "holidays", ANY)).found
    assert not (await retrieval.search(reader("acme", "bob"), "holidays", ANY)).found
    assert not (await retrieval.search(reader("rival"), "holidays", ANY)).found
    narrowed = Filters(documents=frozenset({"other"}))
    assert not (await retrieval.search(reader(), "holidays", narrowed)).found
    assert not (await retrieval.search(reader(), "holidays", Filters(metadata={"a": "b"}))).found
