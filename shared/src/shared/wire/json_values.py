"""JSON from outside that every database of ours and every reader of our answers can take."""

import math
from typing import Annotated

from pydantic import AfterValidator, JsonValue

MAX_INTEGER = 2**63 - 1


def _storable(value: JsonValue) -> JsonValue:
    left: list[JsonValue] = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
        elif problem := _problem(one):
            raise ValueError(problem)
    return value


def _problem(value: JsonValue) -> str | None:
    if isinstance(value, str) and any(it == "\0" or "\ud800" <= it <= "\udfff" for it in value):
        return "a text cannot have a NUL character or half of a surrogate pair"
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "a whole number must fit into 64 bits; write it as text"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number must be finite"
    return None


StorableJson = Annotated[JsonValue, AfterValidator(_storable)]
"""Any JSON but what only some parsers read (RFC 8259, sections 6 and 8.2), and NUL, which PostgreSQL refuses."""
StorableFields = Annotated[dict[str, JsonValue], AfterValidator(_storable)]
"""The same, of an object."""
