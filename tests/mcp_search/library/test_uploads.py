"""What is taken in, and what is refused before anything is done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.taking_in import ADA, BOB, EVE, HeldQueue

from mcp_search.errors import RateLimited, TooMuch
from mcp_search.knowledge.answers import Answers
from mcp_search.knowledge.library import Library, Upload
from shared.mcp_server import InvalidArguments

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_a_name_is_shown_cleaned_and_without_folders(library: Library) -> None:
    names = {
        "../../etc/passwd": "passwd",
        "C:\\temp\\plan.txt": "plan.txt",
        "a\u202etxt.exe\x00": "atxt.exe",
        "": "document",
        "x" * 900: "x" * 200,
    }
    for number, (given, shown) in enumerate(names.items()):
        added = await library.add(ADA, Upload(given, f"{number}".encode()))
        assert added.document.name == shown


async def test_a_file_over_the_limit_is_refused_with_the_limit(
    library: Library, queue: HeldQueue
) -> None:
    with pytest.raises(TooMuch) as refused:
        await library.add(ADA, Upload("a.txt", bytes(1_001)))
    assert refused.value.details == {"limit": "document_bytes", "value": 1_000}
    assert queue.jobs == []
    assert await library.documents(ADA) == []


async def test_so_many_uploads_a_day_for_each_person(library: Library) -> None:
    library.now = lambda: NOON
    for number in range(6):
        await library.add(ADA, Upload("a.txt", f"{number}".encode()))
    assert (await library.add(ADA, Upload("a.txt", b"0"))).duplicate  # is not counted
    with pytest.raises(RateLimited) as refused:
        await library.add(ADA, Upload("a.txt", b"new"))
    assert refused.value.retry_after_s == 86_400
    await library.add(BOB, Upload("a.txt", b"new"))
    library.now = lambda: NOON + timedelta(days=1)
    await library.add(ADA, Upload("a.txt", b"new"))


async def test_each_version_is_submitted_once(library: Library, queue: HeldQueue) -> None:
    first = (await library.add(ADA, Upload("a.txt", b"one"))).document
    await library.add(ADA, Upload("a.txt", b"one"))
    await library.add(ADA, Upload("a.txt", b"two", document_id=first.id))
    await library.add(ADA, Upload("a.txt", b"two", document_id=first.id))
    assert [job.id for job in queue.jobs] == [f"{first.id}.1", f"{first.id}.2"]


@pytest.mark.parametrize("key", ["anybody", "person:", "role:a b", "role:\n", "person:a,b"])
async def test_an_entry_of_access_has_one_of_three_forms(library: Library, key: str) -> None:
    with pytest.raises(InvalidArguments, match="access"):
        await library.add(ADA, Upload("a.txt", b"a", access=frozenset({key, "person:ada"})))


async def test_an_answer_settles_its_gap_and_opens_it_again_when_removed(
    library: Library, queue: HeldQueue
) -> None:
    answers = Answers(library)
    await library.store.note_gap("acme", "Where is the tea?", NOON)
    [gap] = await answers.gaps(ADA)
    answer = await answers.write(ADA, gap.question, "In the **kitchen**.", gap.id)
    assert (answer.curated, answer.title, answer.media_type) == (
        True,
        gap.question,
        "text/markdown",
    )
    assert (await library.document(BOB, answer.id)).curated
    assert (await library.collection(BOB, "Answers")).access == {"everybody"}
    [settled] = await answers.gaps(ADA, "answered")
    assert settled.answer_id == answer.id
    edited = await answers.write(ADA, gap.question, "In the hall.", gap.id)
    assert (edited.id, edited.version, edited.curated) == (answer.id, 2, True)
    assert b"hall" in (await library.original(BOB, answer.id))[1]
    assert [job.version for job in queue.jobs] == [1, 2]
    await library.remove_document(ADA, answer.id)
    assert [each.id for each in await answers.gaps(ADA)] == [gap.id]
    await answers.dismiss(ADA, gap.id)
    assert await answers.gaps(ADA) == []


async def test_the_answers_that_go_with_their_collection_leave_their_questions_open(
    library: Library,
) -> None:
    answers = Answers(library)
    await library.store.note_gap("acme", "Where is the tea?", NOON)
    await library.store.note_gap("rival", "Where is the tea?", NOON)
    [gap] = await answers.gaps(ADA)
    [theirs] = await answers.gaps(EVE)
    await answers.write(EVE, theirs.question, "In the hall.", theirs.id)
    answer = await answers.write(ADA, gap.question, "In the kitchen.", gap.id)
    await library.remove_collection(ADA, answer.collection_id)
    assert [each.id for each in await answers.gaps(ADA)] == [gap.id]
    assert await answers.gaps(EVE) == []


async def test_replicas_count_uploads_together_and_those_of_what_is_gone(
    library: Library,
) -> None:
    other = replace(library)
    for number in range(3):
        for replica in (library, other):
            content = f"{number} {replica is other}".encode()
            document = (await replica.add(ADA, Upload("a.txt", content))).document
            await replica.remove_document(ADA, document.id)
    for replica in (library, other):
        with pytest.raises(RateLimited):
            await replica.add(ADA, Upload("a.txt", b"new"))
