"""What ports.KnowledgeStore promises, on every engine."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from support.knowledge import (
    MODEL,
    STARTED_AT,
    Written,
    collection,
    later,
    publish,
    reader,
    stage,
    vector,
)

from mcp_search.errors import NameTaken, NotThere, Outpaced, VectorsMissing
from mcp_search.knowledge.model import EmbeddingModel, Filters, Reader, Scored
from mcp_search.knowledge.ports import KnowledgeStore
from mcp_search.knowledge.store import versions
from mcp_search.knowledge.store.opening import open_store
from shared.errors import BadSetup

ANY = Filters()
LEAVE = Written("leave", ("Holidays are thirty days a year.", "Sick leave needs a certificate."))
DISK = Written("disk", ("Error E1042 means that the disk is full.", "Call os.path.join for paths."))
OTHER_MODEL = EmbeddingModel("another-model", 8)


def _ids(scored: list[Scored]) -> list[tuple[str, int]]:
    return [(one.passage.document_id, one.passage.ordinal) for one in scored]


async def _found(
    store: KnowledgeStore, who: Reader, words: str, filters: Filters = ANY
) -> set[str]:
    """Documents that both legs find, which must agree on who may see what."""
    near = await store.near(who, MODEL, vector(words), filters, 50)
    matching = await store.matching(who, words, filters, 50)
    found = {one.passage.document_id for one in matching}
    assert found <= {one.passage.document_id for one in near}
    return found


# Finding


async def test_a_published_document_is_found_by_meaning_and_by_words(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE, DISK)
    near = await store.near(reader(), MODEL, vector("Holidays are thirty days a year."), ANY, 10)
    assert _ids(near)[0] == ("leave", 0)
    assert near[0].score == pytest.approx(1, abs=1e-5)
    assert [one.score for one in near] == sorted((one.score for one in near), reverse=True)
    assert _ids(await store.matching(reader(), "How many holidays?", ANY, 10)) == [("leave", 0)]


async def test_a_passage_says_all_that_a_citation_needs(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, replace(LEAVE, title="Time off"))
    [found] = await store.matching(reader(), "certificate", ANY, 10)
    passage = found.passage
    assert passage.text == LEAVE.text[passage.start : passage.end] == LEAVE.paragraphs[1]
    assert (passage.title, passage.name, passage.page) == ("Time off", "leave.txt", 1)
    assert (passage.headings, passage.collection_id) == (("Chapter",), "handbook")
    assert (passage.uploaded_by_name, passage.uploaded_at) == ("Ada", STARTED_AT)
    assert passage.sha256 == LEAVE.document.sha256


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("what is e1042?", [("disk", 0)]),
        ("OS.PATH.JOIN", [("disk", 1)]),
        ("certificates", [("leave", 1)]),
        ("hólidays", [("leave", 0)]),
        ('" OR * NEAR(a b) { - ^ : disk', [("disk", 0)]),
        ("'); DROP TABLE chunk; --", []),
        ("is the of", []),
        ("?!", []),
        ("", []),
        ("zebra\0", []),
    ],
)
async def test_a_person_s_words_are_looked_for_and_never_taken_for_a_language(
    store: KnowledgeStore, words: str, expected: list[tuple[str, int]]
) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE, DISK)
    assert _ids(await store.matching(reader(), words, ANY, 1)) == expected


async def test_text_without_spaces_between_words_is_found(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, Written("jp", ("東京都の天気は晴れです。", "大阪の料理。")))
    assert _ids(await store.matching(reader(), "東京の天気", ANY, 1)) == [("jp", 0)]


async def test_the_rarer_word_counts_for_more(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(
        store,
        Written("many", tuple(f"The printer on floor {n} is grey." for n in range(30))),
        Written("one", ("The plotter is grey.",)),
    )
    found = await store.matching(reader(), "grey plotter", ANY, 5)
    assert _ids(found)[0] == ("one", 0)
    assert all(one.score > 0 for one in found)


async def test_k_bounds_what_is_found(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, Written("long", tuple(f"The disk number {n}." for n in range(20))))
    assert len(await store.near(reader(), MODEL, vector("disk"), ANY, 7)) == 7
    assert len(await store.matching(reader(), "disk", ANY, 7)) == 7


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(collections=frozenset({"manuals"})), {"b"}),
        (Filters(documents=frozenset({"a", "c"})), {"a", "c"}),
        (Filters(media_types=frozenset({"text/csv"})), {"c"}),
        (Filters(since=later(5)), {"b", "c"}),
        (Filters(metadata={"team": "it"}), {"a"}),
        (Filters(metadata={"team": "it", "year": "1999"}), set[str]()),
        (Filters(collections=frozenset({"handbook"}), since=later(5)), {"c"}),
        (Filters(collections=frozenset({"nowhere"})), set[str]()),
    ],
)
async def test_filters_narrow_both_legs(
    store: KnowledgeStore, filters: Filters, expected: set[str]
) -> None:
    await store.add_collection(collection())
    await store.add_collection(collection("manuals"))
    await publish(
        store,
        Written("a", ("The disk.",), metadata={"team": "it", "year": "2026"}),
        Written("b", ("The disk.",), collection_id="manuals", uploaded_at=later(5)),
        Written("c", ("The disk.",), media_type="text/csv", uploaded_at=later(10)),
    )
    assert await _found(store, reader(), "disk", filters) == expected
    near = await store.near(reader(), MODEL, vector("disk"), filters, 50)
    assert {one.passage.document_id for one in near} == expected


async def test_those_who_may_see_few_of_many_still_get_k(store: KnowledgeStore) -> None:
    """Filtered after ranking, the nearest would all be of the others and nothing would be left."""
    await store.add_collection(collection())
    await store.add_collection(collection("closed", access=["person:eve"]))
    await store.add_collection(collection(tenant="rival"))
    same = tuple("The disk is full." for _ in range(40))
    await publish(
        store,
        Written("closed", same, collection_id="closed"),
        Written("rival", same, tenant="rival"),
        Written("ours", tuple(f"A shelf of oak number {n}." for n in range(5))),
    )
    near = await store.near(reader(), MODEL, vector("The disk is full."), ANY, 5)
    assert [one.passage.document_id for one in near] == ["ours"] * 5


# Who may see what


CLOSED = replace(LEAVE, id="closed", access=frozenset({"role:hr"}))


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (reader(), {"leave"}),
        (reader("acme", "bob", "hr"), {"leave", "closed"}),
        (reader("rival", "ada", "hr", "owner"), set[str]()),
        (reader("acme", "hr"), {"leave"}),
    ],
)
async def test_every_reading_method_gives_only_what_the_reader_may_see(
    store: KnowledgeStore, who: Reader, expected: set[str]
) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE, CLOSED)
    everybody = reader("acme", "bob", "hr")
    all_ids = [one.passage.id for one in await store.near(everybody, MODEL, vector("a"), ANY, 50)]
    assert len(all_ids) == 4
    both = ("leave", "closed")

    assert await _found(store, who, "holidays") == expected
    assert {one.id for one in await store.documents(who, None, "", 10)} == expected
    assert {one.id for one in await store.documents(who, "handbook", "", 10)} == expected
    assert {one for one in both if await store.document(who, one)} == expected
    assert {one for one in both if await store.text(who, one, 0, 9)} == expected
    assert {one for one in both if await store.pages(who, one)} == expected
    assert {one for one in both if await store.neighbours(who, one, 0, 9)} == expected
    passages = await store.passages(who, all_ids)
    assert {one.document_id for one in passages} == expected
    assert set(await store.vectors_of(who, all_ids)) == {one.id for one in passages}
    counted = {one.id: one.documents for one in await store.collections(who)}
    assert counted == ({"handbook": len(expected)} if who.tenant == "acme" else {})


async def test_a_document_narrows_its_collection_and_never_widens_it(store: KnowledgeStore) -> None:
    await store.add_collection(collection(access=["role:board"]))
    await publish(store, replace(LEAVE, access=frozenset({"everybody"})))
    assert await _found(store, reader(), "holidays") == set()
    assert await _found(store, reader("acme", "ada", "board"), "holidays") == {"leave"}


async def test_a_change_of_access_holds_at_once(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    await store.change_access("acme", "leave", frozenset({"person:bob"}))
    assert await _found(store, reader(), "holidays") == set()
    assert await _found(store, reader("acme", "bob"), "holidays") == {"leave"}
    await store.change_collection(collection(access=["person:carl"]))
    assert await _found(store, reader("acme", "bob"), "holidays") == set()
    await store.change_access("acme", "leave", frozenset())
    assert await _found(store, reader("acme", "carl"), "holidays") == {"leave"}


async def test_a_newer_version_does_not_open_what_was_closed(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, replace(LEAVE, access=frozenset({"role:hr"})))
    await publish(store, replace(LEAVE, version=2))
    assert await _found(store, reader(), "holidays") == set()


async def test_no_change_reaches_another_tenant(store: KnowledgeStore) -> None:
    """Ids are given by whoever calls: the same ones in two tenants are two things."""
    rival = replace(LEAVE, tenant="rival")
    await store.add_collection(collection())
    await store.add_collection(collection(tenant="rival"))
    await publish(store, LEAVE, rival)
    await store.note_gap("acme", "Why?", STARTED_AT)
    [gap] = await store.gaps("acme", "open", 5)

    await store.change_access("rival", "leave", frozenset({"role:none"}))
    await store.note_state("rival", "leave", 1, "failed", 0, "No.")
    await store.remove_document("rival", "leave")
    await store.remove_collection("rival", "handbook")
    with pytest.raises(NotThere):
        await store.settle_gap("rival", gap.id, "dismissed", "")
    with pytest.raises(NotThere):
        await store.stage("rival", "leave", 1, LEAVE.parsed, LEAVE.chunks)
    with pytest.raises(NotThere):
        await store.stage_vectors("rival", "leave", 1, [0], vector("a").reshape(1, -1))
    with pytest.raises(NotThere):
        await store.publish("rival", "leave", 1)
    with pytest.raises(NotThere):
        await store.change_collection(collection(tenant="rival"))
    with pytest.raises(NotThere):
        await store.add_document(replace(rival, id="new").document, b"")

    assert await store.original("rival", "leave", 1) is None
    assert await store.same_content("rival", "handbook", LEAVE.document.sha256) is None
    assert await store.staged_chunks("rival", "leave", 1, -1, 5) == []
    assert await store.gaps("rival", "open", 5) == []
    assert await _found(store, reader(), "holidays") == {"leave"}
    document = await store.document(reader(), "leave")
    assert document is not None
    assert document.state == LEAVE.document.state
    assert await store.gaps("acme", "open", 5) == [gap]


async def test_how_rare_a_word_is_elsewhere_does_not_show(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await store.add_collection(collection(tenant="rival"))
    await publish(store, LEAVE, DISK)
    before = await store.matching(reader(), "holidays", ANY, 5)
    secret = tuple(f"Holidays in the plan of branch {n}." for n in range(30))
    await publish(store, Written("plan", secret, tenant="rival"))
    assert await store.matching(reader(), "holidays", ANY, 5) == before


# Versions


async def test_what_is_staged_is_not_found_until_it_is_published(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await stage(store, LEAVE)
    assert await _found(store, reader(), "holidays") == set()
    assert await store.near(reader(), MODEL, vector("holidays"), ANY, 5) == []
    assert await store.text(reader(), "leave", 0, 5) is None
    assert await store.neighbours(reader(), "leave", 0, 5) == []
    document = await store.document(reader(), "leave")
    assert document is not None
    assert (document.state, document.chunks, document.pages) == ("queued", 2, 1)
    assert document.warnings == ("A note.",)
    await store.publish("acme", "leave", 1)
    assert await _found(store, reader(), "holidays") == {"leave"}


async def test_the_older_version_is_found_until_the_newer_one_takes_its_place(
    store: KnowledgeStore,
) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    [old] = await store.matching(reader(), "holidays", ANY, 5)
    newer = Written("leave", ("Vacation is thirty-one days a year.",), version=2)
    await stage(store, newer)
    await store.note_state("acme", "leave", 2, "embedding", 0.5, "")
    [still] = await store.matching(reader(), "holidays", ANY, 5)
    assert still.passage == old.passage
    assert (await store.text(reader(), "leave", 0, 8) or (None, ""))[1] == "Holidays"
    document = await store.document(reader(), "leave")
    assert document is not None
    assert (document.version, document.state, document.progress) == (2, "embedding", 0.5)

    await store.publish("acme", "leave", 2)
    assert await store.matching(reader(), "holidays", ANY, 5) == []
    assert _ids(await store.matching(reader(), "vacation", ANY, 5)) == [("leave", 0)]
    assert len(await store.near(reader(), MODEL, vector("holidays"), ANY, 5)) == 1
    assert await store.passages(reader(), [old.passage.id]) == []
    assert await store.original("acme", "leave", 1) is None
    assert await store.original("acme", "leave", 2) == newer.original
    assert (await store.text(reader(), "leave", 0, 8) or (None, ""))[1] == "Vacation"


async def test_ids_are_stable_for_the_same_content_and_differ_for_another(
    store: KnowledgeStore,
) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    first = [one.id for one in await store.neighbours(reader(), "leave", 0, 9)]
    await publish(store, replace(LEAVE, version=2))
    assert [one.id for one in await store.neighbours(reader(), "leave", 0, 9)] == first
    await publish(store, replace(LEAVE, paragraphs=(*LEAVE.paragraphs, "More."), version=3))
    assert not set(first) & {one.id for one in await store.neighbours(reader(), "leave", 0, 9)}


async def test_passages_whose_names_collide_are_told_apart(
    store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same_name(document_id: str, sha256: str, ordinal: int, attempt: int = 0) -> str:
        del document_id, sha256, ordinal
        return "a" * 9 + "abcdefghij"[attempt]

    monkeypatch.setattr(versions, "passage_id", same_name)
    await store.add_collection(collection())
    await publish(store, LEAVE, DISK)
    found = await store.near(reader(), MODEL, vector("a"), ANY, 10)
    assert len({one.passage.id for one in found}) == 4


async def test_staging_again_replaces_what_was_staged(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await stage(store, LEAVE)
    again = Written("leave", ("Only this.",))
    await store.stage("acme", "leave", 1, again.parsed, again.chunks)
    assert await store.staged_chunks("acme", "leave", 1, -1, 5) == again.chunks
    await store.stage_vectors("acme", "leave", 1, [0], vector("Only this.").reshape(1, -1))
    await store.publish("acme", "leave", 1)
    assert _ids(await store.near(reader(), MODEL, vector("holidays"), ANY, 9)) == [("leave", 0)]
    assert await store.matching(reader(), "holidays", ANY, 9) == []


async def test_chunks_without_a_vector_are_given_in_pages_and_hold_publishing_up(
    store: KnowledgeStore,
) -> None:
    await store.add_collection(collection())
    long = Written("long", tuple(f"Paragraph {n}." for n in range(5)))
    await store.add_document(long.document, long.original)
    await store.stage("acme", "long", 1, long.parsed, long.chunks)
    page = await store.staged_chunks("acme", "long", 1, -1, 3)
    assert page == long.chunks[:3]
    await store.stage_vectors("acme", "long", 1, [0, 2], np.stack([vector("a"), vector("b")]))
    assert await store.staged_chunks("acme", "long", 1, 0, 9) == [long.chunks[n] for n in (1, 3, 4)]
    with pytest.raises(VectorsMissing):
        await store.publish("acme", "long", 1)
    with pytest.raises(VectorsMissing):
        await store.stage_vectors("acme", "long", 1, [1], np.ones((1, 4), dtype=np.float32))
    with pytest.raises(NotThere):
        await store.stage_vectors("acme", "long", 1, [7], vector("a").reshape(1, -1))
    assert await store.near(reader(), MODEL, vector("a"), ANY, 9) == []


async def test_a_document_of_a_collection_without_vectors_needs_none(store: KnowledgeStore) -> None:
    none = EmbeddingModel("none", 0)
    await store.add_collection(collection(model=none))
    await store.add_document(LEAVE.document, LEAVE.original)
    await store.stage("acme", "leave", 1, LEAVE.parsed, LEAVE.chunks)
    await store.publish("acme", "leave", 1)
    assert _ids(await store.matching(reader(), "holidays", ANY, 5)) == [("leave", 0)]
    assert await store.near(reader(), MODEL, vector("a"), ANY, 5) == []
    await store.remove_document("acme", "leave")
    assert await store.matching(reader(), "holidays", ANY, 5) == []


async def test_with_another_model_the_vectors_are_made_anew(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    await store.change_collection(collection(model=OTHER_MODEL))
    assert await store.near(reader(), MODEL, vector("holidays"), ANY, 5) == []
    assert await store.near(reader(), OTHER_MODEL, vector("holidays"), ANY, 5) == []
    assert _ids(await store.matching(reader(), "holidays", ANY, 5)) == [("leave", 0)]
    assert await store.staged_chunks("acme", "leave", 1, -1, 9) == LEAVE.chunks

    before = await store.changes("acme")
    await store.stage_vectors("acme", "leave", 1, [0, 1], np.stack([vector("x"), vector("y")]))
    assert await store.changes("acme") > before
    assert len(await store.near(reader(), OTHER_MODEL, vector("x"), ANY, 5)) == 2
    assert await store.near(reader(), MODEL, vector("x"), ANY, 5) == []


async def test_only_the_next_version_can_be_added(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await store.add_collection(collection("manuals"))
    await store.add_document(LEAVE.document, b"")
    for version in (1, 3):
        with pytest.raises(Outpaced):
            await store.add_document(replace(LEAVE, version=version).document, b"")
    moved = replace(LEAVE, version=2, collection_id="manuals")
    with pytest.raises(NotThere):
        await store.add_document(moved.document, b"")


async def test_of_two_who_add_the_same_version_one_is_told(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    results = await asyncio.gather(
        *(store.add_document(LEAVE.document, b"") for _ in range(4)), return_exceptions=True
    )
    assert [type(one) for one in results if one is not None] == [Outpaced] * 3


async def test_the_state_of_an_older_version_is_not_noted(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    await store.add_document(replace(LEAVE, version=2).document, b"")
    await store.note_state("acme", "leave", 1, "failed", 0, "Late.")
    await store.note_state("acme", "gone", 1, "failed", 0, "Late.")
    await store.note_state("acme", "leave", 2, "failed", 0.3, "It is encrypted.")
    document = await store.document(reader(), "leave")
    assert document is not None
    assert (document.state, document.reason) == ("failed", "It is encrypted.")
    assert await _found(store, reader(), "holidays") == {"leave"}


# Documents, text, collections


async def test_documents_come_newest_first_and_in_pages(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    for number in (2, 0, 1, 3):
        written = Written(f"d{number}", ("x",), uploaded_at=later(min(number, 2)))
        await store.add_document(written.document, b"")
    seen: list[str] = []
    while page := await store.documents(reader(), None, seen[-1] if seen else "", 3):
        seen += [one.id for one in page]
    assert seen == ["d3", "d2", "d1", "d0"]
    assert await store.documents(reader(), None, "gone", 3) == []


async def test_text_is_given_by_characters_across_its_pieces(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    long = Written("long", ("🙂é" * 10_000, "a\0b\ud800c", "x" * 20_000), gap="\n")
    await publish(store, long)
    text = long.text.replace("\0", "\ufffd").replace("\ud800", "?")
    for start, end in ((0, 5), (16_380, 16_390), (19_990, 20_010), (0, 10**6), (39_990, 10**6)):
        found = await store.text(reader(), "long", start, end)
        assert found is not None
        assert found[1] == text[start:end]
    assert (await store.text(reader(), "long", 10**6, 10**7) or (None, None))[1] == ""
    assert await store.pages(reader(), "long") == [(1, 0, len(text))]


async def test_neighbours_come_by_ordinal(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, Written("long", tuple(f"Paragraph {n}." for n in range(6))))
    near = await store.neighbours(reader(), "long", 2, 4)
    assert [one.ordinal for one in near] == [2, 3, 4]
    ids = [near[2].id, near[0].id]
    assert [one.id for one in await store.passages(reader(), [*ids, "aaaaaaaaaa"])] == ids
    vectors = await store.vectors_of(reader(), ids)
    assert np.allclose(vectors[ids[0]], vector("Paragraph 4."), atol=1e-6)
    assert vectors[ids[0]].shape == (1, 8)


async def test_what_is_removed_is_gone_everywhere(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE, DISK)
    [old] = await store.matching(reader(), "holidays", ANY, 5)
    await store.remove_document("acme", "leave")
    assert await store.document(reader(), "leave") is None
    assert await store.passages(reader(), [old.passage.id]) == []
    assert await store.original("acme", "leave", 1) is None
    assert {one[0] for one in _ids(await store.near(reader(), MODEL, vector("a"), ANY, 9))} == {
        "disk"
    }
    await store.remove_collection("acme", "handbook")
    assert await store.collections(reader()) == []
    assert await store.document(reader(), "disk") is None
    assert await store.near(reader(), MODEL, vector("a"), ANY, 9) == []
    await store.remove_document("acme", "leave")
    await store.remove_collection("acme", "handbook")
    await store.add_collection(collection())
    await publish(store, LEAVE)
    assert await _found(store, reader(), "holidays") == {"leave"}


async def test_names_of_collections_are_unique_without_case_in_a_tenant(
    store: KnowledgeStore,
) -> None:
    await store.add_collection(collection())
    await store.add_collection(collection(tenant="rival"))
    with pytest.raises(NameTaken) as taken:
        await store.add_collection(collection("second", name="HANDBOOK"))
    assert "handbook" not in str(taken.value.as_data())
    await store.add_collection(collection("second"))
    with pytest.raises(NameTaken):
        await store.change_collection(collection("second", name="handbook"))
    await store.change_collection(collection("second", name="SECOND"))
    assert [one.name for one in await store.collections(reader())] == ["Handbook", "SECOND"]


async def test_of_two_who_take_the_same_name_one_is_told(store: KnowledgeStore) -> None:
    results = await asyncio.gather(
        *(store.add_collection(collection(f"c{n}", name="Same")) for n in range(4)),
        return_exceptions=True,
    )
    assert [type(one) for one in results if one is not None] == [NameTaken] * 3


async def test_the_same_content_is_known_by_its_newest_version(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    known = await store.same_content("acme", "handbook", LEAVE.document.sha256)
    assert known is not None
    assert known.id == "leave"
    await publish(store, replace(LEAVE, paragraphs=("New.",), version=2))
    assert await store.same_content("acme", "handbook", LEAVE.document.sha256) is None


async def test_whatever_changes_what_is_found_is_counted(store: KnowledgeStore) -> None:
    await store.add_collection(collection())
    counts = [await store.changes("acme")]

    async def count() -> None:
        counts.append(await store.changes("acme"))

    await publish(store, LEAVE)
    await count()
    await store.change_access("acme", "leave", frozenset({"role:hr"}))
    await count()
    await store.change_collection(collection(access=["role:hr"]))
    await count()
    await store.remove_document("acme", "leave")
    await count()
    await store.remove_collection("acme", "handbook")
    await count()
    assert counts == sorted(set(counts))
    assert await store.changes("rival") == 0


# Gaps


async def test_a_question_is_one_gap_however_it_is_written(store: KnowledgeStore) -> None:
    await store.note_gap("acme", "Where is the key?", later(1))
    await store.note_gap("acme", "where is the KEY", later(3))
    await store.note_gap("acme", "Where is the key?", later(2))
    await store.note_gap("acme", "Something else", later(4))
    key, other = await store.gaps("acme", "open", 5)
    assert (key.question, key.asked) == ("Where is the key?", 3)
    assert (key.first_asked_at, key.last_asked_at) == (later(1), later(3))
    await store.settle_gap("acme", key.id, "answered", "doc")
    assert await store.gaps("acme", "open", 5) == [other]
    [settled] = await store.gaps("acme", "answered", 5)
    assert (settled.id, settled.answer_id) == (key.id, "doc")
    assert len(await store.gaps("acme", "", 5)) == 2
    with pytest.raises(NotThere):
        await store.settle_gap("acme", "nothing", "dismissed", "")


async def test_a_gap_tells_in_whose_words_it_was_asked_last(store: KnowledgeStore) -> None:
    await store.note_gap("acme", "key place", later(1), asked_as="Where have you put my key?")
    await store.note_gap("acme", "key place", later(2))
    [gap] = await store.gaps("acme", "open", 5)
    assert (gap.question, gap.asked_as, gap.asked) == (
        "key place",
        "Where have you put my key?",
        2,
    )
    await store.note_gap("acme", "Key place", later(3), asked_as="My key?")
    [gap] = await store.gaps("acme", "open", 5)
    assert (gap.asked_as, gap.asked) == ("My key?", 3)


@pytest.mark.parametrize("whole", [True, False])
async def test_a_question_is_open_again_without_its_answer(
    store: KnowledgeStore, whole: bool
) -> None:
    await store.add_collection(collection())
    await store.add_collection(collection(tenant="rival"))
    await publish(store, LEAVE, replace(LEAVE, tenant="rival"))
    for tenant in ("acme", "rival"):
        await store.note_gap(tenant, "How long is leave?", later(1))
        [gap] = await store.gaps(tenant, "open", 5)
        await store.settle_gap(tenant, gap.id, "answered", "leave")
    if whole:
        await store.remove_collection("acme", "handbook")
    else:
        await store.remove_document("acme", "leave")
    [gap] = await store.gaps("acme", "", 5)
    assert (gap.state, gap.answer_id) == ("open", "")
    assert [gap.state for gap in await store.gaps("rival", "", 5)] == ["answered"]


# Starting


async def test_what_was_kept_is_there_after_a_restart(
    store: KnowledgeStore, store_url: str
) -> None:
    await store.add_collection(collection())
    await publish(store, LEAVE)
    again = open_store(store_url)
    await asyncio.gather(again.start(), open_store(store_url).start())
    assert await _found(again, reader(), "holidays") == {"leave"}
    await again.close()


@pytest.mark.parametrize(
    "url", ["mysql://user:secret@host/x", "sqlite:///", "postgresql://u:secret@127.0.0.1:1/x"]
)
async def test_a_store_that_cannot_be_used_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BadSetup) as problem:
        await open_store(url).start()
    assert "secret" not in str(problem.value)
