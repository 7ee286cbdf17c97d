"""Patterns in rules: what is refused, and that the rest ends soon on text made to keep it busy."""

import time

import pytest

from orchestrator.policy.patterns import MAX_TEXT_CHARACTERS, matches, problem_with


@pytest.mark.parametrize(
    "pattern",
    [
        r"[^@]+@[^@]+\.com",
        r"\d{4}-\d{2}-\d{2}",
        "(?i)select .*",
        "docs/(a|b)?x",
        r"\(a\)*",
        "[)*]+",
    ],
)
def test_a_pattern_that_ends_soon_may_be_used(pattern: str) -> None:
    assert problem_with(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "fragment"),
    [
        ("(a+)+b", "repeats a group"),
        ("(?:a|a){1,9}", "repeats a group"),
        (r"(a)\1", "refers back"),
        ("(?=a)", "of groups only"),
        ("(?s)a", "of groups only"),
        ("(?P<x>a)", "of groups only"),
        (".*.*.*.*", "more than 3"),
        ("[a", "not a regular expression"),
        ("a" * 201, "longer than 200"),
    ],
)
def test_a_pattern_that_may_run_for_long_is_refused(pattern: str, fragment: str) -> None:
    assert fragment in (problem_with(pattern) or "")


def test_the_worst_pattern_allowed_ends_within_a_second() -> None:
    pattern = ".*.*.*b"
    assert problem_with(pattern) is None
    started = time.process_time()
    assert matches(pattern, "a" * MAX_TEXT_CHARACTERS) is False
    assert time.process_time() - started < 1
