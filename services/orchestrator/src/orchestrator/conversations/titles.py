"""A conversation's first title, from its first question."""

import re

MAX_CHARACTERS = 60


def suggest_title(question: str) -> str:
    """The first line or sentence, cut at a word. Instant and free; the person can rename it."""
    line = next((line for line in question.splitlines() if line.strip()), "")
    words = re.sub(r"[\x00-\x1f\x7f]|^[\s#>*`-]+", " ", line).split()
    sentence = re.split(r"(?<=[.!?])\s", " ".join(words), maxsplit=1)[0]
    if len(sentence) <= MAX_CHARACTERS:
        return sentence or "New conversation"
    cut = sentence[:MAX_CHARACTERS].rsplit(" ", 1)[0]
    return f"{cut or sentence[:MAX_CHARACTERS]}…"
