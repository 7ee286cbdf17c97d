"""What counts as a word."""

import re

import pytest

from mcp_search.knowledge.store.passage_ids import passage_id
from mcp_search.knowledge.store.words import MAX_WORDS, folded, question_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("How do I reset E-1042?", ["reset", "e 1042", "1042"]),
        ("os.path.join", ["os path join", "os", "path", "join"]),
        ("Python's GIL", ["python", "gil"]),
        ("read_only READ_ONLY", ["read only", "read"]),
        ("Straße Café", ["strasse", "cafe"]),
        ("東京都", ["東 京", "京 都"]),
        ("雪", ["雪"]),
        ("to be or not to be", []),
        ("\0\ud800 * - ^", []),
    ],
)
def test_words_worth_looking_for(text: str, words: list[str]) -> None:
    assert [" ".join(word.parts) for word in question_words(text)] == words


def test_folding_leaves_words_between_spaces() -> None:
    assert (
        folded("  Ünïcode—text, with (signs) & ﬁgures_１２ ")
        == "unicode text with signs figures 12"
    )


def test_a_long_question_is_cut() -> None:
    assert len(question_words(" ".join(f"word{n}" for n in range(500)))) == MAX_WORDS


def test_names_of_passages_are_short_stable_and_different() -> None:
    name = passage_id("document", "ab" * 32, 7)
    assert name == "swttjfs7hf"
    others = [
        passage_id("document", "ab" * 32, 8),
        passage_id("other", "ab" * 32, 7),
        passage_id("document", "cd" * 32, 7),
        passage_id("document", "ab" * 32, 7, 1),
    ]
    assert len({name, *others}) == 5
    assert all(re.fullmatch("[a-z2-7]{10}", one) for one in (name, *others))
