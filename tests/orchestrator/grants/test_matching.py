"""What a standing grant covers, and which wishes for one are refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from orchestrator.grants.matching import (
    CallToCover,
    StandingGrant,
    arguments_fit,
    find_covering,
    find_outdated,
    state_of,
)
from orchestrator.grants.wishes import patterns_for
from shared.errors import InvalidInput
from shared.wire.api import ArgumentPattern, GrantWish

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GRANT = StandingGrant(
    grant_id="grant_1",
    server="tracker",
    tool="set_status",
    definition_hash="a",
    definition={},
    arguments={"task_id": ArgumentPattern(equals=42), "status": ArgumentPattern(anything=True)},
    created_at=NOW,
    expires_at=NOW + timedelta(hours=1),
)
CALL = CallToCover("tracker", "set_status", "a", {"task_id": 42, "status": "done"})


def wish(**vary: Any) -> GrantWish:
    return GrantWish.model_validate({"lifetime_s": 3_600, "vary": vary})


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ({"equals": 42}, 42, True),
        ({"equals": 1}, True, False),
        ({"equals": None}, None, True),
        ({"equals": None}, 0, False),
        ({"equals": {"a": [1]}}, {"a": [1]}, True),
        ({"equals": {"a": [1]}}, {"a": [1, 2]}, False),
        ({"one_of": ["a", None]}, None, True),
        ({"one_of": ["a", "b"]}, "c", False),
        ({"starts_with": "docs/"}, "docs/x", True),
        ({"starts_with": "docs/"}, "x/docs/", False),
        ({"starts_with": "4"}, 42, False),
        ({"anything": True}, {"any": "thing"}, True),
    ],
)
def test_a_pattern(pattern: dict[str, Any], value: JsonValue, fits: bool) -> None:
    patterns = {"x": ArgumentPattern.model_validate(pattern)}
    assert arguments_fit(patterns, {"x": value}) is fits


@pytest.mark.parametrize(
    "arguments",
    [{}, {"task_id": 42}, {"task_id": 43, "status": "done"}, {**CALL.arguments, "note": "x"}],
)
def test_other_arguments_absent_ones_or_more_of_them_are_not_covered(
    arguments: dict[str, JsonValue],
) -> None:
    assert find_covering([GRANT], CALL, NOW) is GRANT
    assert find_covering([GRANT], replace(CALL, arguments=arguments), NOW) is None


def test_a_grant_is_for_one_tool_one_definition_and_its_time() -> None:
    for other in ({"server": "other"}, {"tool": "other"}, {"definition_hash": "b"}):
        assert find_covering([GRANT], replace(CALL, **other), NOW) is None
    assert find_outdated([GRANT], replace(CALL, definition_hash="b"), NOW) is GRANT
    assert find_outdated([GRANT], CALL, NOW) is None
    withdrawn = replace(GRANT, withdrawn_at=NOW)
    later = NOW + timedelta(hours=1)
    assert find_covering([withdrawn], CALL, NOW) is None
    assert find_covering([GRANT], CALL, later) is None
    states = [
        state_of(GRANT, NOW, definition_hash="a"),
        state_of(GRANT, NOW, definition_hash=None),
        state_of(GRANT, later, definition_hash="a"),
        state_of(withdrawn, later, definition_hash="b"),
    ]
    assert states == ["active", "outdated", "expired", "withdrawn"]


@pytest.mark.parametrize(
    ("vary", "approved", "destructive", "fragment"),
    [
        ({"nope": {"anything": True}}, {"a": 1}, False, "no such argument. It has a."),
        ({"a": {"one_of": [2, 3]}}, {"a": 1, "b": 2}, False, "does not include the value"),
        ({"a": {"starts_with": "x"}}, {"a": "y"}, False, "does not include the value"),
        ({"a": {"anything": True}}, {"a": 1}, False, "every call of the tool"),
        (
            {"a": {"anything": True}, "b": {"anything": True}},
            {"a": 1, "b": 2},
            False,
            "every call of the tool",
        ),
        ({"a": {"anything": True}}, {"a": 1, "b": 2}, True, "delete or overwrite"),
    ],
)
def test_a_wish_that_does_not_fit_or_is_too_wide_is_refused(
    vary: dict[str, Any], approved: dict[str, JsonValue], destructive: bool, fragment: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        patterns_for(wish(**vary), approved, destructive=destructive)
    assert fragment in caught.value.message


@pytest.mark.parametrize("pattern", [{}, {"equals": 1, "anything": True}, {"anything": False}])
def test_a_pattern_says_exactly_one_thing(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        wish(a=pattern)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, "", "a", "ab"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=4,
)
argument_sets = st.dictionaries(st.sampled_from(["x", "y", "z"]), values, max_size=3)


@given(argument_sets, argument_sets)
def test_without_a_wish_to_vary_only_the_very_same_arguments_are_covered(
    approved: dict[str, JsonValue], proposed: dict[str, JsonValue]
) -> None:
    patterns = patterns_for(wish(), approved, destructive=True)
    assert arguments_fit(patterns, approved)
    if arguments_fit(patterns, proposed):
        assert approved == proposed
