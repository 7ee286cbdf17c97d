"""A long text comes in pieces that lose nothing; a question finds its passages."""

from hypothesis import given
from hypothesis import strategies as st

from mcp_search.web.paging import PASSAGE, passages_of, piece_of

TEXTS = st.text(st.sampled_from("ab \n\t.é漢🦊"), max_size=300)


@given(TEXTS, st.integers(1, 40))
def test_all_pieces_together_are_the_text(text: str, max_chars: int) -> None:
    pieces: list[str] = []
    start: int | None = 0
    while start is not None:
        piece = piece_of(text, start, max_chars)
        assert len(piece.text) <= max_chars
        assert (piece.start, piece.total_chars) == (start, len(text))
        assert piece.next_start is None or piece.next_start > start
        pieces.append(piece.text)
        start = piece.next_start
    assert "".join(pieces) == text


def test_a_piece_ends_after_a_paragraph_where_it_can() -> None:
    text = "One.\n\nTwo and three.\n\nFour and five and six."
    assert piece_of(text, 0, 30).text == "One.\n\nTwo and three.\n\n"
    assert piece_of("word " * 20, 0, 52).text == "word " * 10
    assert piece_of("x" * 100, 0, 30).text == "x" * 30


def test_behind_the_end_there_is_nothing() -> None:
    piece = piece_of("text", 10, 5)
    assert (piece.text, piece.next_start) == ("", None)


def test_the_best_passages_come_first_and_say_where_they_stand() -> None:
    filler = "Nothing of interest stands here, though there are many words.\n\n" * 30
    text = f"{filler}The boiler is serviced in March; boilers last 15 years.\n\n{filler}The boiler is blue.\n\n{filler}"
    found = passages_of(text, "When are the boilers serviced?", 3_000)
    assert "serviced in March" in found[0].text
    assert [one.text for one in found] == [
        text[one.start : one.start + len(one.text)] for one in found
    ]
    assert found[0].score > found[1].score > 0
    assert len(found) == 2


def test_no_passage_where_the_words_are_not() -> None:
    assert passages_of("Cats and dogs.", "boiler", 1_000) == ()
    assert passages_of("", "boiler", 1_000) == ()


def test_a_question_of_small_words_only_is_searched_for_as_it_is() -> None:
    assert passages_of("To be or not to be.", "to be", 1_000)[0].start == 0


@given(TEXTS, TEXTS, st.integers(1, 2_000))
def test_passages_are_of_the_text_and_not_too_many(
    text: str, question: str, max_chars: int
) -> None:
    found = passages_of(text * 20, question, max_chars)
    assert sum(len(one.text) for one in found) <= max_chars
    for one in found:
        assert (text * 20)[one.start :].startswith(one.text)
        assert len(one.text) <= 3 * PASSAGE
