"""Whether sentences are said to be supported by what they cite, and whose passages are looked at."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from mcp_search.errors import KnowledgeAway
from mcp_search.knowledge.citations.checker import MAX_EMBEDDED, CheckedAnswer, CitationChecker
from mcp_search.knowledge.model import EmbeddingModel, Passage, Reader
from mcp_search.knowledge.ports import Vectors

LEAVE, TRAVEL, HIDDEN = "leave22222", "travel2222", "hidden2222"
ADA = Reader("acme", "ada", frozenset({"member"}))
MEASURED = "all-MiniLM-L6-v2-onnx-int8"
TEXTS = {
    LEAVE: "Every full-time employee has 30 days of paid leave in a calendar year. Part-time employees have leave in "
    "proportion to their weekly hours. Up to 5 unused days may be carried over. Leave is requested in the portal Atlas "
    "at least two weeks before it begins. Shared calendars are forbidden. Whoever falls ill keeps the day.",
    TRAVEL: "Hotels are reimbursed up to 140 EUR a night, in Zurich up to 210 EUR. Flights need the approval of the "
    "head of department. The library is closed on Mondays. Present were Ruiz and Okafor. Ruiz leads sales.\n\n"
    "| Plan | Price |\n| --- | --- |\n| Channel | 79 EUR |\n| Ocean | 349 EUR |",
    HIDDEN: "The board gets 60 days.",
}


def passage(id_: str) -> Passage:
    return Passage(
        id=id_,
        document_id=id_,
        version=1,
        collection_id="c1",
        title="",
        name="a.md",
        page=None,
        headings=(),
        start=0,
        end=len(TEXTS[id_]),
        text=TEXTS[id_],
        ordinal=0,
        uploaded_by_name="",
        uploaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        sha256=id_,
    )


class Shelf:
    """Passages of one tenant; one of them is for others."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def passages(self, reader: Reader, ids: Sequence[str], /) -> list[Passage]:
        self.asked += ids
        visible = set(TEXTS) - {HIDDEN} if reader == ADA else set[str]()
        return [passage(id_) for id_ in ids if id_ in visible]


class Concepts:
    """An embedder that knows a few words to mean the same: one dimension each, and one for all the rest."""

    model = EmbeddingModel(MEASURED, 4)
    max_tokens = 256
    words = ("ill sick unwell", "keeps credited back", "portal application online")

    def __init__(self, *, name: str = MEASURED, away: bool = False) -> None:
        self.model = EmbeddingModel(name, 4)
        self.away = away
        self.embedded: list[str] = []

    def count(self, text: str) -> int:
        return len(text.split())

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.away:
            raise KnowledgeAway("The model is away.")
        self.embedded += texts
        rows = [
            [float(any(word in text.split() for word in line.split())) for line in self.words]
            + [0.2]
            for text in (text.lower().strip(".") for text in texts)
        ]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 4)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    async def embed_query(self, text: str) -> Vectors:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


async def check(answer: str, embedder: Concepts | None = None) -> CheckedAnswer:
    return await CitationChecker(Shelf(), embedder).check_answer(answer, ADA)


async def verdict(sentence: str, *cites: str, embedder: Concepts | None = None) -> str:
    """`supported by words` and the like."""
    marks = "".join(f"[^{id_}]" for id_ in cites or (LEAVE,))
    [one] = (await check(f"{sentence}{marks}", embedder)).checks
    return f"{one.support} by {one.judged_by}"


@pytest.mark.parametrize(
    "sentence",
    [
        "Full-time employees have 30 days of paid leave a year.",
        "Every full-time employee has thirty days of paid leave.",
        "At most 5 unused days may be carried over.",
        "Leave is requested at least 14 days before it begins.",
        "Shared calendars are not allowed.",
    ],
)
async def test_what_the_passage_says_is_supported(sentence: str) -> None:
    assert await verdict(sentence) == "supported by words"


@pytest.mark.parametrize(
    "sentence",
    [
        "Every full-time employee has 28 days of paid leave in a calendar year.",
        "Every full-time employee has 30 weeks of paid leave in a calendar year.",
        "Leave is requested in the portal Borealis at least two weeks before it begins.",
        "Leave is requested in the portal Atlas at most two weeks before it begins.",
        "Shared calendars are allowed.",
        "Full-time employees have 30 days of paid leave, and each gets a free bicycle from the garage.",
    ],
    ids=["number", "unit", "name", "opposite", "negation", "half"],
)
async def test_what_differs_at_one_place_is_partly_supported_at_most(sentence: str) -> None:
    assert (await verdict(sentence)).split()[0] in {"partly", "not_found"}


@pytest.mark.parametrize(
    "sentence",
    [
        "The Channel plan costs 349 EUR.",
        "Okafor leads sales.",
        "The library is open on Mondays.",
        "Flights need no approval of the head of department.",
    ],
)
async def test_what_stands_with_something_else_does_not_support(sentence: str) -> None:
    assert (await verdict(sentence, TRAVEL)).split()[0] in {"partly", "not_found"}


async def test_another_passage_is_not_found() -> None:
    assert await verdict("Full-time employees have 30 days of paid leave.", TRAVEL) == (
        "not_found by words"
    )


async def test_two_passages_may_support_a_sentence_together() -> None:
    sentence = (
        "You have 30 days of paid leave a year, and hotels are reimbursed up to 140 EUR a night."
    )
    assert await verdict(sentence, LEAVE, TRAVEL) == "supported by words"
    assert await verdict(sentence, LEAVE) == "partly by words"


async def test_vectors_find_what_is_said_in_other_words() -> None:
    sentence = "When you are sick the day is credited."
    assert await verdict(sentence) == "not_found by words"
    assert await verdict(sentence, embedder=Concepts()) == "supported by vectors"


async def test_vectors_do_not_make_up_for_a_wrong_number() -> None:
    sentence = "When you are sick 3 of the days are credited."
    assert (await verdict(sentence, embedder=Concepts())).split()[0] == "not_found"


@pytest.mark.parametrize(
    "embedder", [Concepts(away=True), Concepts(name="another-model")], ids=["away", "unmeasured"]
)
async def test_without_a_usable_embedder_words_decide(embedder: Concepts) -> None:
    assert await verdict("When you are sick the day is credited.", embedder=embedder) == (
        "not_found by words"
    )
    assert embedder.embedded == []


async def test_what_the_reader_cannot_see_is_like_what_is_not_there() -> None:
    answer = f"The board gets 60 days.[^{HIDDEN}] It gets 60 days.[^{'z' * 10}]"
    checked = await check(answer)
    assert checked.passages == ()
    assert [(one.support, one.score) for one in checked.checks] == [("not_found", 0.0)] * 2


async def test_a_sentence_is_held_against_its_own_passages_only() -> None:
    said = "Every full-time employee has 30 days of paid leave."
    checked = await check(f"{said}[^{LEAVE}] {said}[^{HIDDEN}] {said}[^{TRAVEL}]")
    assert [one.support for one in checked.checks] == ["supported", "not_found", "not_found"]


async def test_sentences_without_citations_are_not_checked() -> None:
    checked = await check(f"The moon is a cheese. Hotels cost up to 140 EUR a night.[^{TRAVEL}]")
    assert [one.sentence.text for one in checked.checks] == ["Hotels cost up to 140 EUR a night."]


async def test_passages_come_in_the_order_of_their_first_mark() -> None:
    checked = await check(f"A.[^{TRAVEL}][^{HIDDEN}] B.[^{LEAVE}] C.[^{TRAVEL}]")
    assert [one.id for one in checked.passages] == [TRAVEL, LEAVE]


async def test_an_answer_without_marks_asks_nobody() -> None:
    shelf = Shelf()
    checked = await CitationChecker(shelf).check_answer("Nothing here.", ADA)
    assert (checked.passages, checked.checks, shelf.asked) == ((), (), [])


async def test_a_cited_passage_is_embedded_once() -> None:
    embedder = Concepts()
    checker = CitationChecker(Shelf(), embedder)
    for _ in range(2):
        await checker.check_answer(f"When you are sick the day is credited.[^{LEAVE}]", ADA)
    assert embedder.embedded.count("Whoever falls ill keeps the day.") == 1


async def test_a_long_answer_is_embedded_up_to_a_limit() -> None:
    embedder = Concepts()
    answer = " ".join(f"Whoever is sick gets bicycle {n}x{n}.[^{LEAVE}]" for n in range(250))
    checked = await check(answer, embedder)
    assert len(checked.checks) == 200
    assert 0 < len(embedder.embedded) <= MAX_EMBEDDED
