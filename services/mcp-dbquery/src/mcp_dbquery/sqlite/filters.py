"""Puts a caller's values into the filter of a row rule."""

import re
from collections.abc import Mapping

from mcp_dbquery.sqlite.names import literal

# Texts, names and comments are passed over; what looks like a value in them is none.
_PART = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\[[^\]]*\]|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/"""
    r"""|:(?P<name>[A-Za-z_]\w*)|(?P<other>\?\d*|[@$#][A-Za-z_]\w*|;)""",
    re.DOTALL,
)


def names_in(condition: str) -> list[str]:
    """The names that the condition binds as :name."""
    return [found["name"] for found in _PART.finditer(condition) if found["name"]]


def strange_part(condition: str) -> str | None:
    """A placeholder of another kind, or the end of a statement: nothing that a filter may have."""
    return next((found["other"] for found in _PART.finditer(condition) if found["other"]), None)


def with_values(condition: str, values: Mapping[str, str | None]) -> str:
    """The condition with literals in place of :name. Raises KeyError for a name that has no value."""

    def part(found: re.Match[str]) -> str:
        return literal(values[found["name"]]) if found["name"] else found[0]

    return _PART.sub(part, condition)
