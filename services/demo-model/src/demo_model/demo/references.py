"""What `the second one` and `its comments` mean, from what was shown and spoken of before."""

import re
from collections.abc import Sequence

from demo_model.demo.intents import CannotDo, Item

_ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
]
_PLACE = rf"(?P<place>{'|'.join(_ORDINALS)}|last|\d{{1,2}}(?:st|[nr]d|th))"
_IN_A_SENTENCE = re.compile(
    rf"\b(?:the\s+)?{_PLACE}\s+(?:one|of\s+(?:them|those|these))\b", re.IGNORECASE
)
_ALONE = re.compile(
    r"(?:(?:and|ok|so|what about|how about|what is|what's|show|show me|tell me about|tell me more about)\s+)*"
    rf"(?:the\s+)?{_PLACE}(?:\s+(?:one|of\s+(?:them|those|these)))?[\s?.!]*",
    re.IGNORECASE,
)
_QUOTES = re.compile(r"[:\"“]")
"""What follows these is a comment's text or a name, in which nothing is resolved."""
_ITS = re.compile(
    r"(?:(?:and|show|show me|list|give me|what are|are there|any)\s+)*"
    r"(?:its\s+(?P<its>comments|commits)"
    r"|(?:the\s+|any\s+)?(?P<of_it>comments|commits)\s+(?:on|of|for)\s+(?:it|this|that|this task|that task))[\s?.!]*",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?:(?:and|what about|how about)\s+)?(?:the\s+)?(?P<bare>comments|commits)[\s?.!]*",
    re.IGNORECASE,
)
WHICH_ONE = (
    "I don't know which one you mean. Ask for a list of tasks or bugs first, or give its number: "
    "“What is task 42?”"
)


def with_places_resolved(text: str, listed: Sequence[Item]) -> str | CannotDo:
    """The text with `task 7` for `the second one`; `listed` is the list that was shown last."""
    found = _ALONE.fullmatch(text.strip()) or _IN_A_SENTENCE.search(text)
    if found is None or _QUOTES.search(text[: found.start("place")]):
        return text
    if not listed:
        return CannotDo(WHICH_ONE)
    at = _position(found["place"].lower(), len(listed))
    if not 1 <= at <= len(listed):
        return CannotDo(f"That list has only {len(listed)}.")
    item = str(listed[at - 1])
    return item if found.re is _ALONE else f"{text[: found.start()]}{item}{text[found.end() :]}"


def with_item_named(text: str, last: Item | None) -> str:
    """`comments on task 42` for `its comments` or a bare `comments?` after task 42."""
    found = (_ITS.fullmatch(text.strip()) or _BARE.fullmatch(text.strip())) if last else None
    if found is None:
        return text
    return f"{next(filter(None, found.groupdict().values()))} on {last}"


def _position(place: str, length: int) -> int:
    if place == "last":
        return length
    return _ORDINALS.index(place) + 1 if place in _ORDINALS else int(place[:-2])
