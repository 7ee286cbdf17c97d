"""Finds tables and columns by words: over names, comments and columns, best first. Pure; given visible names only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from mcp_dbquery.cleaning import clean
from mcp_dbquery.engine import Catalog, Relation
from mcp_dbquery.results import SchemaHit

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
"""Words of a name: `orderItems`, `order_items` and `ORDER ITEMS` have the same two."""
_OF_QUESTIONS = (
    "a all an and are as at by do does each every find for from give has have how i in is it list many me most much "
    "my of on or our per show than that the their there this to was we were what when where which who whose with"
)
_EMPTY = frozenset(_OF_QUESTIONS.split())
"""Words that no name is found by."""
TABLE_NAME, COLUMN_NAME, COMMENT = 4.0, 3.0, 1.5
"""What a word weighs where it is found."""
OF_ITS_TABLE = 0.5
"""What a word of its table counts for a column that fits another word: `task status` means tasks.status."""
COVERED = 0.5
"""What a name gets that has no other words than those wanted, in part for one that has."""
SHORTEST_PREFIX = 3
MOST_WORDS = 100
"""Each is compared with every visible name: a long text must not hold everybody else up."""


def search(catalog: Catalog, text: str, limit: int) -> list[SchemaHit]:
    """The best hits, by score, then by name. A text without a word that counts finds nothing."""
    wanted = wanted_words(text)
    if not wanted:
        return []
    hits = [hit for relation in catalog.relations.values() for hit in _hits(relation, wanted)]
    hits.sort(key=lambda hit: (-hit.score, hit.table, hit.column or ""))
    return hits[:limit]


def wanted_words(text: str) -> list[str]:
    """The words of a text that count, each once, the first MOST_WORDS of them."""
    counting = (word for word in dict.fromkeys(words(text)) if word not in _EMPTY)
    return list(islice(counting, MOST_WORDS))


def words(text: str) -> list[str]:
    """The words of a name or sentence, small and in the singular."""
    return [singular(word.lower()) for word in _WORD.findall(text)]


def singular(word: str) -> str:
    """English's regular plurals, the same for both forms; no dictionary is needed to compare."""
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word.removesuffix(ending) + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > SHORTEST_PREFIX:
        return word.removesuffix("s")
    return word


@dataclass(frozen=True, slots=True)
class _Field:
    words: frozenset[str]
    weight: float

    @classmethod
    def of(cls, text: str | None, weight: float) -> "_Field":
        return cls(frozenset(words(text or "")), weight)


def _hits(relation: Relation, wanted: list[str]) -> Iterable[SchemaHit]:
    table = [_Field.of(relation.name, TABLE_NAME), _Field.of(relation.comment, COMMENT)]
    of_table = [_best(word, table) for word in wanted]
    if any(of_table):
        yield SchemaHit(
            table=relation.name,
            column=None,
            comment=_cleaned(relation.comment),
            score=_score(of_table, table[0], wanted),
        )
    for column in relation.columns:
        fields = [_Field.of(column.name, COLUMN_NAME), _Field.of(column.comment, COMMENT)]
        of_column = [_best(word, fields) for word in wanted]
        if any(of_column):
            together = [
                max(own, OF_ITS_TABLE * tables)
                for own, tables in zip(of_column, of_table, strict=True)
            ]
            yield SchemaHit(
                table=relation.name,
                column=column.name,
                type=column.type,
                comment=_cleaned(column.comment),
                score=_score(together, fields[0], wanted),
            )


def _cleaned(comment: str | None) -> str | None:
    return None if comment is None else clean(comment)


def _best(word: str, fields: list[_Field]) -> float:
    """What a word weighs where it fits best."""
    return max(
        field.weight * max((_likeness(word, other) for other in field.words), default=0.0)
        for field in fields
    )


def _score(weights: list[float], name: _Field, wanted: list[str]) -> float:
    covered = len(name.words.intersection(wanted)) / max(1, len(name.words))
    return round(sum(weights) / len(weights) + COVERED * covered, 3)


def _likeness(wanted: str, word: str) -> float:
    """1 for the same word, less for a beginning of one, and for one within another."""
    if wanted == word:
        return 1.0
    shorter, longer = sorted((wanted, word), key=len)
    if len(shorter) < SHORTEST_PREFIX:
        return 0.0
    if longer.startswith(shorter):
        return 0.5 + 0.4 * len(shorter) / len(longer)
    return 0.3 if shorter in longer else 0.0
