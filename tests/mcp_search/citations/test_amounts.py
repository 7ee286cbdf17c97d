"""Numbers, dates and times that mean the same, and those that do not."""

import pytest

from mcp_search.knowledge.citations.amounts import find_amounts, find_codes

SAME = [
    ("1,200 EUR", "€1200"),
    ("1.200 Euro", "1200 EUR"),
    ("1 200,50 EUR", "1,200.50 EUR"),
    ("8%", "8 percent"),
    ("8 %", "eight per cent"),
    ("two weeks", "14 days"),
    ("90 minutes", "1.5 hours"),
    ("one year", "12 months"),
    ("0.5 TB", "500 GB"),
    ("6 cm", "60 millimetres"),
    ("1.5 million users", "1,500,000 users"),
    ("thirty-five people", "35 people"),
    ("fünf Tage", "5 days"),
    ("12 May 2026", "2026-05-12"),
    ("May 12th, 2026", "12.05.2026"),
    ("12. Mai", "12 May 2026"),
    ("9 am", "09:00"),
    ("2:30 p.m.", "14:30"),
    ("14.30 Uhr", "14:30"),
    ("30 days", "30"),
    ("10-day", "10 days"),
]
OTHER = [
    ("28 days", "30 days"),
    ("50 EUR", "50 USD"),
    ("30 days", "30 weeks"),
    ("30 days", "30 months"),
    ("12 May 2026", "12 May 2025"),
    ("30 June", "30 September"),
    ("9 am", "9 pm"),
    ("8%", "0.8%"),
    ("1,200", "12,000"),
    ("12 May", "12"),
    ("5 GB", "5 MB"),
]


def is_same(one: str, other: str) -> bool:
    [mine], theirs = find_amounts(f"It is {one}."), find_amounts(f"They say {other}, too.")
    return mine.is_in(theirs)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_means_the_same_is_the_same(one: str, other: str) -> None:
    assert is_same(one, other)
    assert is_same(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_means_something_else_is_not(one: str, other: str) -> None:
    assert not is_same(one, other)
    assert not is_same(other, one)


def test_names_with_digits_are_names_and_not_numbers() -> None:
    text = "E1042 and AES-256 since 4.2.0, see PostgreSQL 12 in v2."
    assert find_codes(text) == {"e1042", "aes-256", "4.2.0", "v2"}
    assert [sorted(one.values) for one in find_amounts(text)] == [[12.0]]
