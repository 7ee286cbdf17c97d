"""Arguments as JSON: comparing values, and finding the one a dotted path names. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue


class Absent:
    """The type of `ABSENT`."""


ABSENT: Final = Absent()
"""There is no value at this path; `null` is a value."""


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Equality as JSON has it: 1 is 1.0, but neither is `true`, which Python would say."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def is_one_of(value: JsonValue, choices: Sequence[JsonValue]) -> bool:
    """Whether the value equals one of the choices, as JSON has it."""
    return any(same_json(value, choice) for choice in choices)


def value_at(arguments: Mapping[str, JsonValue], path: str) -> JsonValue | Absent:
    """The value a dotted path names: `to.0.address` goes through objects by key and lists by position."""
    value: JsonValue = dict(arguments)
    for step in path.split("."):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value
