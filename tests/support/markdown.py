"""Fenced blocks of a Markdown text (CommonMark 4.5)."""

import re
from dataclasses import dataclass

_FENCE = re.compile(
    r"^```(?P<language>\S+)(?: (?P<title>[^\n]+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """One of them. Its info string is a language and, for us, a title."""

    language: str
    title: str
    text: str


def blocks_of(markdown: str) -> list[Block]:
    """In their order."""
    return [
        Block(found["language"], found["title"] or "", found["text"])
        for found in _FENCE.finditer(markdown)
    ]
