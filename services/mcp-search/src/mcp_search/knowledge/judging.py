"""Whether what was found is likely to answer the question at all. The figures are measured: docs/retrieval.md."""

from collections.abc import Sequence

from mcp_search.knowledge.model import Passage
from mcp_search.knowledge.store.words import folded, question_words

LOOKED_AT = 3
"""Best passages whose words are compared with the question's."""
COVERAGE_SHARE = 0.2
"""What a passage that holds all of the question's words adds to its score."""
WORDS_ENOUGH = 0.34
"""Where there are only words to judge by: the share of the question's that one passage must hold."""
_STEM_LETTERS = 4


def coverage(query: str, passages: Sequence[Passage]) -> float:
    """The share of the question's words that stand in the passage that holds most of them, 0 to 1.

    Endings are not compared. 1 for a question of stop words alone, of which nothing can be said.
    """
    words = [word.parts[0] for word in question_words(query) if len(word.parts) == 1]
    if not words:
        return 1.0
    texts = [_searchable(passage) for passage in passages]
    return max(
        (sum(f" {_stem(word)}" in text for word in words) / len(words) for text in texts),
        default=0.0,
    )


def closeness(query: str, score: float, passages: Sequence[Passage]) -> float:
    """What is compared with `good_enough`: the best fused score, and a part for the words."""
    return score + COVERAGE_SHARE * coverage(query, passages[:LOOKED_AT])


def _searchable(passage: Passage) -> str:
    return " " + folded(" ".join((passage.title, *passage.headings, passage.text)))


def _stem(word: str) -> str:
    if len(word) <= _STEM_LETTERS or any(letter.isdigit() for letter in word):
        return word
    return word[: max(_STEM_LETTERS, len(word) - 2)]
