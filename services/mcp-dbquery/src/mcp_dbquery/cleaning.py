"""Takes out of texts what nobody sees but a model or a terminal obeys. What is stored was written by third parties."""

import re
from collections.abc import Sequence

from pydantic import JsonValue

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Unicode's Bidi_Control
    "\U000e0000-\U000e007f"  # tags: a second ASCII that is never drawn
    "]"
)


def clean(text: str) -> str:
    """The text without control characters, text direction controls and tags. A line ends with a newline alone."""
    if is_clean(text):
        return text
    return _UNSEEN.sub("", text.replace("\r\n", "\n"))


def is_clean(text: str) -> bool:
    """Whether `clean` gives the text back. Almost always decided without looking at characters one by one."""
    # isprintable is false for these and for a few harmless ones, and ten times as fast as the expression.
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return True
    return _UNSEEN.search(text) is None


def clean_rows(rows: Sequence[list[JsonValue]]) -> tuple[list[list[JsonValue]], int]:
    """The rows with clean texts, and how many values that changed, other than the ends of lines."""
    cells = [cell for row in rows for cell in row]
    is_flat = {list, dict}.isdisjoint(map(type, cells))
    if is_flat and is_clean("".join([cell for cell in cells if type(cell) is str])):
        return list(rows), 0
    cleaned = [[_clean_value(cell) for cell in row] for row in rows]
    changed = sum(
        _is_changed(before, after)
        for row, new in zip(rows, cleaned, strict=True)
        for before, after in zip(row, new, strict=True)
    )
    return cleaned, changed


def _clean_value(value: JsonValue) -> JsonValue:
    """With the texts inside, which databases with a type for JSON give as values."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): _clean_value(item) for name, item in value.items()}
    return value


def _is_changed(before: JsonValue, after: JsonValue) -> bool:
    if isinstance(before, str):
        return len(str(after)) != len(before.replace("\r\n", "\n"))
    return before != after
