"""Texts that people are shown before and after an action: templates, and values made harmless to look at."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from mcp_dbquery.parameters import is_plain

MAX_SHOWN = 200
"""Characters of a value within a sentence."""
_PLACEHOLDER = re.compile(r"{([a-z_][a-z0-9_]*)}", re.IGNORECASE)


def placeholders(template: str) -> set[str]:
    """The names that `render` fills in."""
    return set(_PLACEHOLDER.findall(template))


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill {names} in; text only, nothing is evaluated."""
    return _PLACEHOLDER.sub(
        lambda match: shown(values[match[1]]) if match[1] in values else match[0], template
    )


def shown(value: object) -> str:
    """A value within a sentence: one line, bounded, and nothing in it that changes how the rest looks."""
    if value is None:
        return "(nothing)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cut(" ".join(_cleaned(str(value)).split()), MAX_SHOWN)


def harmless(value: JsonValue, most: int) -> JsonValue:
    """A value beside a sentence: as it is, but a text bounded and without what changes how it looks."""
    return cut(_cleaned(value), most) if isinstance(value, str) else value


def cut(text: str, most: int) -> str:
    """At most so many characters, the last an ellipsis when there are more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cleaned(text: str) -> str:
    return text if is_plain(text) else "".join(part for part in text if is_plain(part))
