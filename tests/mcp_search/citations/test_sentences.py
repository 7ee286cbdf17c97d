"""An answer's sentences: where they begin and end, and what each of them cites."""

import pytest

from mcp_search.knowledge.citations.sentences import split

A, B = "a" * 10, "b" * 10


def sentences(answer: str) -> list[str]:
    return [answer[one.start : one.end] for one in split(answer)]


def cited(answer: str) -> list[tuple[str, tuple[str, ...]]]:
    """The words of each sentence that cites, and what it cites."""
    return [(one.text, one.cites) for one in split(answer) if one.cites]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("One. Two! Three? Four…", ["One.", "Two!", "Three?", "Four…"]),
        ("It costs 3.50 EUR. That is all.", ["It costs 3.50 EUR.", "That is all."]),
        ("Use e.g. this, i.e. that. Done.", ["Use e.g. this, i.e. that.", "Done."]),
        ("Dr. Smith and J. R. Doe agree. So do I. Good.", None),
        ("See No. 5 of vol. 3. Then no. Really.", ["See No. 5 of vol. 3.", "Then no.", "Really."]),
        ("Das gilt z. B. am 3. Mai. Sonst nicht.", ["Das gilt z. B. am 3. Mai.", "Sonst nicht."]),
        ("It was 1932. Then it closed.", ["It was 1932.", "Then it closed."]),
        ("U.S. law applies. Read on.", ["U.S. law applies.", "Read on."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("(See below.) **Bold.** Plain.", ["(See below.)", "**Bold.**", "Plain."]),
        ("Wait... and then? Yes.", ["Wait... and then?", "Yes."]),
        ("一。二!三", ["一。", "二!三"]),
        ("No full stop", ["No full stop"]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_say_so(answer: str, expected: list[str] | None) -> None:
    wanted = (
        ["Dr. Smith and J. R. Doe agree.", "So do I.", "Good."] if expected is None else expected
    )
    assert sentences(answer) == wanted


def test_blocks_are_apart() -> None:
    answer = (
        "# Leave\nThirty days. More\nfor some.\n\n"
        "- first item\n  goes on\n- second. Third.\n1. numbered\n\n"
        "| Plan | Days |\n| --- | ---: |\n| Full | 30. Or so. |\n"
        "> quoted. Words."
    )
    assert [one.text for one in split(answer)] == [
        "Leave",
        "Thirty days.",
        "More for some.",
        "first item goes on",
        "second.",
        "Third.",
        "numbered",
        "Plan | Days",
        "Full | 30. Or so.",
        "quoted.",
        "Words.",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        f"Thirty days.[^{A}][^{B}] Ask.",
        f"Thirty days. [^{A}] [^{B}] Ask.",
        f"Thirty days.[^{A}], [^{B}] Ask.",
        f"Thirty[^{A}] days[^{B}]. Ask.",
        f"Thirty days.[^{A}]\n[^{B}] Ask.",
        f"Thirty days.\n\n[^{A}] [^{B}]\n\nAsk.",
        f"- Thirty days.[^{A}][^{B}]\n- Ask.",
        f"Thirty days.[^{A}][^{B}]Ask.",
        f"Thirty days.[^{A}][^{B}][^{A}] Ask.",
    ],
)
def test_marks_belong_to_the_sentence_they_stand_in_or_behind(answer: str) -> None:
    assert cited(answer) == [("Thirty days.", (A, B))]
    assert [one.text for one in split(answer)][-1] == "Ask."


def test_a_mark_in_a_row_an_item_or_a_heading_is_its_own() -> None:
    answer = f"| Full | 30[^{A}] |\n| Half | 15 |\n\n* one[^{B}]\n* two\n\n## Days[^{A}]\ntext"
    assert cited(answer) == [("Full | 30", (A,)), ("one", (B,)), ("Days", (A,))]


@pytest.mark.parametrize(
    "answer",
    [
        f"```\ncode.[^{A}]\n```",
        f"~~~~py\n```\nx[^{A}]\n~~~~\n",
        f"```\nnever closed[^{A}]",
        f"Write `[^{A}]` behind it.",
        f"Write ``a ` [^{A}]`` behind it.",
        f"[^{A}]: a definition",
        "One.[^1] Two.[^ABCDEFGHIJ] Three.[^toolongaaaa]",
        f"[^{A}]",
    ],
)
def test_what_is_no_mark_of_a_sentence_cites_nothing(answer: str) -> None:
    assert [cites for text, cites in cited(answer) if text] == []


def test_a_lone_backtick_hides_no_mark() -> None:
    assert cited(f"It is 5` high.[^{A}]\n\nAnd `wide.[^{B}]") == [
        ("It is 5 high.", (A,)),
        ("And wide.", (B,)),
    ]


def test_words_come_without_markdown() -> None:
    [one] = split(
        f"**You** get _thirty_ `days` of [leave](https://x.example/a.b), `max_size`.[^{A}]"
    )
    assert one.text == "You get thirty days of leave, max_size."


def test_places_count_characters_of_the_answer() -> None:
    answer = f"Grüße 👋🏽. Dreißig Tage.[^{A}] Ende."
    _, one, _ = split(answer)
    assert answer[one.start : one.end] == f"Dreißig Tage.[^{A}]"


@pytest.mark.parametrize(
    "piece", [".", "[", "`", "` `` ", "[^", f"[^{A}]", "|", "_", "[](", "- ", "\n", "> ", "a. "]
)
def test_no_answer_takes_longer_than_its_length(piece: str) -> None:
    """What grew with the square would not end within the test's time at this length."""
    answer = (piece * 200_000)[:200_000]
    found = split(f"{answer}x")
    assert all(one.start < one.end for one in found)
