"""Typed parameters: what is accepted is within what was declared, and nothing else comes through."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mcp_dbquery.parameters import Parameter, accepted, bound_value, is_plain, stored_value
from shared.mcp_server import InvalidArguments

PARAMETER: TypeAdapter[Parameter] = TypeAdapter(Parameter)


def parameter(kind: str, **fields: Any) -> Parameter:
    return PARAMETER.validate_python({"type": kind, "description": "d", **fields})


BOUNDED = {
    "whole": parameter("integer", minimum=-5, maximum=7),
    "price": parameter("number", minimum=0, maximum=99.5, decimals=2),
    "code": parameter("text", min_length=2, max_length=6, pattern="[A-Z]+-[0-9]*"),
    "colour": parameter("enum", values=["red", "green"]),
    "day": parameter("date", minimum=date(2026, 1, 1), maximum=date(2026, 12, 31)),
    "moment": parameter("timestamp"),
    "flag": parameter("boolean"),
    "person": parameter("lookup", query="SELECT :value", max_length=9),
}
"""One of each kind."""


def is_as_declared(name: str, value: Any) -> bool:
    match name:
        case "whole":
            return type(value) is int and -5 <= value <= 7
        case "price":
            cents = Decimal(repr(value)) * 100
            return (
                type(value) is float and 0 <= value <= 99.5 and cents == cents.to_integral_value()
            )
        case "code":
            return re.fullmatch(r"[A-Z]+-[0-9]*", value) is not None and 2 <= len(value) <= 6
        case "colour":
            return value in {"red", "green"}
        case "day":
            return type(value) is date and value.year == 2026
        case "moment":
            return type(value) is datetime and value.tzinfo is UTC
        case "flag":
            return type(value) is bool
        case _:
            return 1 <= len(value) <= 9 and is_plain(value)


NEAR_MISSES = (
    "5",
    "7.0",
    "1e1",
    "NaN",
    "inf",
    "A-1",
    "A-1\n",
    "AB-\u0663",
    "red ",
    "2026-02-30",
    "2026-2-3",
    "2026-11-21T09:30:00Z",
    "2026-11-21T09:30:00",
    "2026-11-21T00:00:00",
    "0001-01-01T00:00:00+23:59",
    "true",
    "\x00",
    "\u202e",
    "\ud800",
    "\U000e0041",
    "9" * 400,
)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-10, 10),
    st.floats(),
    st.decimals(0, 100, places=3).map(float),
    st.text(max_size=8),
    st.from_regex(r"[A-Z]{1,3}-[0-9]{0,3}", fullmatch=True),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(str),
    st.sampled_from(NEAR_MISSES),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@settings(max_examples=600, deadline=None)
@given(name=st.sampled_from(sorted(BOUNDED)), value=anything)
def test_what_is_accepted_is_as_declared_and_the_rest_is_refused_by_name(
    name: str, value: Any
) -> None:
    declared = {name: BOUNDED[name]}
    try:
        values = accepted(declared, {name: value})
    except InvalidArguments:
        return
    assert is_as_declared(name, values[name])
    for dialect in ("sqlite", "postgresql", "mysql"):
        bound = bound_value(declared[name], values[name], dialect)
        assert isinstance(bound, str | int | float)


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("whole", -5, -5),
        ("price", 99.5, 99.5),
        ("price", 7, 7.0),
        ("code", "AB-12", "AB-12"),
        ("colour", "green", "green"),
        ("day", "2026-11-21", "2026-11-21"),
        ("moment", "2026-11-21T10:30:00+01:00", "2026-11-21T09:30:00Z"),
        ("flag", False, False),
        ("person", "Ada", "Ada"),
    ],
)
def test_what_is_declared_is_accepted(name: str, value: Any, bound: Any) -> None:
    values = accepted({name: BOUNDED[name]}, {name: value})
    assert bound_value(BOUNDED[name], values[name], "postgresql") == bound


def test_mysql_gets_moments_without_an_offset() -> None:
    values = accepted({"m": BOUNDED["moment"]}, {"m": "2026-11-21T10:30:00+01:00"})
    assert bound_value(BOUNDED["moment"], values["m"], "mysql") == "2026-11-21 09:30:00"


def test_numbers_are_stored_exactly_where_the_database_can() -> None:
    assert stored_value(BOUNDED["price"], 0.1, "postgresql") == Decimal("0.1")
    assert type(stored_value(BOUNDED["price"], 0.1, "sqlite")) is float


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", 8),
        ("whole", True),
        ("price", 1.005),
        ("price", float("nan")),
        ("price", -0.01),
        ("code", "AB-1\n"),
        ("code", "AB-12345"),
        ("colour", "blue"),
        ("day", 0),  # which pydantic alone would take for the first of January 1970
        ("day", "2027-01-01"),
        ("day", "2026-11-21T00:00:00"),
        ("moment", "2026-11-21T09:30:00"),
        ("moment", 0),
        ("moment", "0001-01-01T00:00:00+23:59"),
        ("flag", "yes"),
        ("flag", 1),
        ("person", "A\u202eda"),
        ("person", "A\x85da"),
        ("person", "A\U000e0041da"),
    ],
)
def test_what_is_not_declared_is_refused_without_its_value(name: str, value: Any) -> None:
    with pytest.raises(InvalidArguments) as refused:
        accepted({name: BOUNDED[name]}, {name: value})
    assert str(refused.value).startswith(f"{name}: ")


def test_what_may_be_left_out_has_its_default_or_is_null() -> None:
    declared = {
        "a": parameter("integer", optional=True, default=3),
        "b": parameter("text", optional=True),
        "c": parameter("boolean"),
    }
    assert accepted(declared, {"c": True}) == {"a": 3, "b": None, "c": True}
    assert accepted(declared, {"c": True, "b": None, "a": 4}) == {"a": 4, "b": None, "c": True}
    with pytest.raises(InvalidArguments, match=r"a: .*; c: is required"):
        accepted(declared, {"a": None})
    with pytest.raises(InvalidArguments, match=r"no parameter d\. The parameters are: a, b, c"):
        accepted(declared, {"c": True, "d": 1})


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("integer", {"minimum": 2, "maximum": 1}, "minimum is greater"),
        ("number", {"maximum": 1e15}, "more than a number holds exactly"),
        ("number", {"decimals": 10}, "decimals"),
        ("text", {"pattern": "("}, "regular expression"),
        ("text", {"max_length": 0}, "max_length"),
        ("enum", {"values": []}, "values"),
        ("enum", {"values": ["a"], "optional": True, "default": "b"}, "default is not accepted"),
        ("date", {"default": date(2026, 1, 1)}, "default needs optional"),
        ("lookup", {}, "query"),
        ("money", {}, "money"),
    ],
)
def test_a_parameter_that_means_nothing_is_refused(
    kind: str, fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        parameter(kind, **fields)


def test_a_parameter_says_what_it_takes() -> None:
    assert BOUNDED["colour"].in_words() == "one of red, green: d"
    assert parameter("integer", minimum=1, maximum=3, optional=True).in_words() == (
        "integer from 1 to 3 (may be left out): d"
    )
