"""Chunks hold all of a document, in order, within their size, on the borders that its writer drew."""

import gc
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_search.knowledge.chunking import chunks
from mcp_search.knowledge.model import Block, Chunk, Parsed
from mcp_search.knowledge.parsing.writing import Writer

WORDS = st.text(alphabet="ab é.\n漢|-", min_size=1, max_size=60)
BLOCKS = st.one_of(
    st.tuples(st.just("heading"), st.integers(1, 4), WORDS),
    st.tuples(st.sampled_from(["text", "list", "code"]), st.integers(1, 20), WORDS),
    st.tuples(st.just("table"), st.integers(1, 20), st.lists(WORDS, min_size=1, max_size=3)),
)


def count_words(text: str) -> int:
    """A counter that is easy to follow by eye."""
    return len(text.split())


def count_octets(text: str) -> int:
    """A counter that sees every character."""
    return len(text.encode())


def written(*blocks: tuple[str, int, str | list[str]], title: str = "") -> Parsed:
    """A document of blocks: headings with their level, others as often as said."""
    writer = Writer(10_000_000)
    writer.add("text", "Begin.")
    writer.title = title
    for kind, number, words in blocks:
        if isinstance(words, list):
            writer.add_table([words] * (number + 1))
        elif kind == "heading":
            writer.heading(number, words)
        else:
            writer.add("code" if kind == "code" else "text", " ".join([words] * number))
    return writer.parsed("text/plain")


def heading(level: int, words: str) -> tuple[str, int, str]:
    return "heading", level, words


def text(words: str, times: int = 1) -> tuple[str, int, str]:
    return "text", times, words


def words_of(parsed: Parsed, found: list[Chunk]) -> list[str]:
    return [parsed.text[chunk.start : chunk.end] for chunk in found]


@given(
    blocks=st.lists(BLOCKS, max_size=12),
    max_tokens=st.integers(16, 120),
    overlap=st.integers(0, 40),
    counter=st.sampled_from([count_words, count_octets]),
)
@settings(max_examples=150, derandomize=True, deadline=None, database=None)
def test_all_text_is_in_chunks_in_order_and_none_is_too_large(
    blocks: list[tuple[str, int, str | list[str]]],
    max_tokens: int,
    overlap: int,
    counter: Callable[[str], int],
) -> None:
    parsed = written(*blocks, title="T")
    found = chunks(parsed, counter, max_tokens, overlap)
    held = [False] * len(parsed.text)
    for place, chunk in enumerate(found):
        assert chunk.ordinal == place
        assert 0 <= chunk.start < chunk.end <= len(parsed.text)
        assert parsed.text[chunk.start : chunk.end].strip() == parsed.text[chunk.start : chunk.end]
        assert counter(chunk.embedded_text) <= max_tokens
        held[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    assert all(is_held or c.isspace() for c, is_held in zip(parsed.text, held, strict=True))
    for before, after in pairwise(found):
        assert before.start < after.start
        assert before.end < after.end


def test_small_blocks_under_one_heading_are_one_chunk() -> None:
    parsed = written(heading(1, "A"), text("One."), text("Two."), title="Book")
    found = chunks(parsed, count_words)
    assert words_of(parsed, found) == ["Begin.", "A\n\nOne.\n\nTwo."]
    assert found[1].embedded_text == "Book > A\nOne.\n\nTwo."
    assert found[1].headings == ("A",)


def test_a_chunk_goes_into_deeper_sections_and_not_over_equal_or_higher_ones() -> None:
    parsed = written(
        heading(1, "A"),
        text("a"),
        heading(2, "B"),
        text("b"),
        heading(2, "C"),
        text("c"),
        heading(1, "D"),
        text("d"),
    )
    assert words_of(parsed, chunks(parsed, count_words))[1:] == [
        "A\n\na\n\nB\n\nb",
        "C\n\nc",
        "D\n\nd",
    ]


def test_a_heading_goes_with_what_follows_it() -> None:
    parsed = written(heading(1, "A"), text("word", 95), heading(2, "B"), text("more", 30))
    found = chunks(parsed, count_words, 100, 0)
    assert not any(words.endswith("B") for words in words_of(parsed, found))


def test_sentences_at_the_end_are_said_again_in_the_next_chunk() -> None:
    sentences = " ".join(f"This is the sentence of number {n}." for n in range(60))
    parsed = written(text(sentences))
    found = chunks(parsed, count_words, 100, 20)
    for before, after in pairwise(found):
        again = parsed.text[after.start : before.end]
        assert again.strip().endswith(".")
        assert 0 < count_words(again) <= 80
    assert all(not words[0].islower() for words in words_of(parsed, found)[1:])


def test_sections_are_not_said_again_in_others() -> None:
    parsed = written(heading(1, "A"), text("One."), heading(1, "B"), text("Two."))
    found = chunks(parsed, count_words, 100, 50)
    assert all(one.end <= two.start for one, two in pairwise(found))


def test_later_parts_of_a_table_have_its_header_and_whole_rows() -> None:
    writer = Writer(1_000_000)
    writer.heading(1, "Rates")
    writer.add_table([["City", "Rate"], *([f"Place {n}", str(n)] for n in range(60))])
    parsed = writer.parsed("text/csv")
    found = chunks(parsed, count_words, 80, 20)
    assert len(found) > 3
    for chunk in found[1:]:
        assert chunk.embedded_text.startswith("Rates\n| City | Rate |\n| --- | --- |\n| Place ")
    rows = [row for words in words_of(parsed, found) for row in words.split("\n") if "Place" in row]
    assert rows == [f"| Place {n} | {n} |" for n in range(60)]


def test_one_monstrous_line_is_cut() -> None:
    parsed = written(text("x" * 100_000))
    found = chunks(parsed, lambda _: 1)
    assert len(found) > 10
    assert max(len(chunk.embedded_text) for chunk in found) <= 12 * 501


def test_the_name_stands_in_for_a_title() -> None:
    parsed = written(text("Words."))
    assert (
        chunks(parsed, count_words, title="plan.txt")[0].embedded_text
        == "plan.txt\nBegin.\n\nWords."
    )


@pytest.mark.parametrize("length", [10, 10_000])
def test_title_and_headings_leave_room_for_words(length: int) -> None:
    parsed = written(heading(1, "Long " * length), text("Words."), title="Title " * length)
    assert all(count_words(chunk.embedded_text) <= 40 for chunk in chunks(parsed, count_words, 40))


def test_a_chunk_knows_the_page_it_begins_on() -> None:
    writer = Writer(1_000)
    for page in (1, 2):
        writer.page = page
        start = writer.length
        writer.add("text", f"Page {page}. " * 40)
        writer.end_page(page, start)
    found = chunks(writer.parsed("application/pdf"), count_words, 90, 0)
    assert found[0].page == 1
    assert found[-1].page == 2


def test_a_long_section_is_cut_piece_by_piece_and_never_held_as_a_whole() -> None:
    """A million pieces at a time took the square of their number, and the collector's pauses held up the server."""
    text = "\n".join(
        f"Sentence number {number} is one of a great many of them." for number in range(20_000)
    )
    parsed = Parsed(text, (Block("text", 0, len(text)),))
    alive: list[int] = []

    def count(piece: str) -> int:
        if len(alive) < 3:
            alive.append(sum(type(one).__name__ == "_Piece" for one in gc.get_objects()))
        return len(piece.split())

    assert len(chunks(parsed, count)) > 300
    assert max(alive) < 500
