"""Tables, charts and single values in Markdown. What they hold was written by others: it never becomes markup."""

import json
import re
from collections.abc import Sequence
from typing import Any

MAX_BARS = 24
MAX_ROWS = 50
MAX_CELL_CHARACTERS = 300
MAX_CODE_CHARACTERS = 2_000
_MARKUP = str.maketrans({character: f"\\{character}" for character in "\\|`*_<[]~&"})


def plain(value: object) -> str:
    """A value as text on one line, with nothing in it that Markdown would read as markup."""
    if value is None:
        return "–"
    text = " ".join(str(value).split())
    if len(text) > MAX_CELL_CHARACTERS:
        text = f"{text[:MAX_CELL_CHARACTERS]}…"
    return text.translate(_MARKUP)


def number(value: object) -> str:
    """With thousands separated."""
    return f"{value:,}" if isinstance(value, int | float) else plain(value)


def heading(name: str) -> str:
    return plain(name.replace("_", " ").capitalize())


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table of the first rows."""
    head = f"| {' | '.join(heading(name) for name in columns)} |\n|{' --- |' * len(columns)}"
    body = "\n".join(f"| {' | '.join(plain(value) for value in row)} |" for row in rows[:MAX_ROWS])
    return f"{head}\n{body}"


def numbers_listed(answer: str) -> list[int]:
    """The numbers in the first column of the one list in an answer that `table` made."""
    _, head, body = answer.partition("| Id |")
    if not head or "| Id |" in body:
        return []
    return [int(found) for found in re.findall(r"^\| (\d{1,9}) \|", body, re.MULTILINE)]


def code(value: object) -> str:
    """Any value as a fenced block of JSON, cut when long. A backtick in it cannot end the block."""
    text = json.dumps(value, ensure_ascii=False, indent=2).replace("`", "\\u0060")
    cut = f"{text[:MAX_CODE_CHARACTERS]}\n…" if len(text) > MAX_CODE_CHARACTERS else text
    return f"```json\n{cut}\n```"


def chart(title: str, rows: Sequence[Sequence[Any]], *, over_time: bool, unit: str) -> str:
    """A fenced `chart` block, which the page draws, of the first rows' labels and values."""
    shown = rows[:MAX_BARS]
    spec = {
        "type": "line" if over_time else "bar",
        "title": title,
        "labels": ["–" if row[0] is None else str(row[0]) for row in shown],
        "values": [row[-1] for row in shown],
        "unit": unit,
    }
    return f"```chart\n{json.dumps(spec, ensure_ascii=False)}\n```"
