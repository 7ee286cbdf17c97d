"""Which text strangers may have written, and where it turns up in what is about to be sent. Pure.

Untrusted text is data. Nothing can tell whether a model follows an instruction in it, so what counts is only whether
such text is before the model at all; the marks are there to help the person who decides.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from shared.wire.events import Origin, TaintMark

FRAGMENT = 10
"""Characters. Anything shorter that two texts share says nothing, unless it is a whole value."""
SHORTEST_VALUE = 4
MAX_SOURCE_CHARACTERS = 400_000
"""Of untrusted text that is searched, newest first; what is beyond still taints, but is not marked."""
MAX_ARGUMENT_CHARACTERS = 20_000
MAX_MARKS = 50


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it came from."""

    text: str
    origin: Origin


def texts_in(value: JsonValue) -> Iterator[str]:
    """All texts in a JSON value that can carry words; numbers, dates' worth of digits and keys cannot."""
    if isinstance(value, str):
        if any(character.isalpha() for character in value):
            yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)


def marks(
    arguments: Mapping[str, JsonValue], untrusted: Sequence[Source], own_words: Iterable[str]
) -> list[TaintMark]:
    """Fragments of the arguments that occur in untrusted text and not in the person's own words.

    `untrusted` newest first. Letters' case and runs of white space do not matter.
    """
    if not untrusted:
        return []
    said = "\n".join(_plain(text) for text in own_words)
    sources = list(_bounded(untrusted))
    grams = _grams(sources)
    found: list[TaintMark] = []
    for path, text in _text_arguments(arguments):
        plain = _plain(text[:MAX_ARGUMENT_CHARACTERS])
        for fragment, origin in _fragments(plain, grams, sources):
            start, end = _whole_words(plain, *fragment)
            if start < end and plain[start:end] not in said:
                found.append(TaintMark(argument=path, start=start, end=end, origin=origin))
    return found[:MAX_MARKS]


def _text_arguments(
    value: JsonValue | Mapping[str, JsonValue], path: str = ""
) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _text_arguments(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _text_arguments(part, f"{path}.{index}")


_SPACE = re.compile(r"\s")


def _plain(text: str) -> str:
    """The text for comparing, of the same length so that places in it stay the same."""
    lowered = "".join(low if len(low := c.lower()) == 1 else c for c in text)
    return _SPACE.sub(" ", lowered)


def _bounded(untrusted: Sequence[Source]) -> Iterator[Source]:
    room = MAX_SOURCE_CHARACTERS
    for source in untrusted:
        text = _plain(source.text[:room])
        room -= len(text)
        if text:
            yield Source(text, source.origin)


def _grams(sources: Sequence[Source]) -> dict[str, Origin]:
    grams: dict[str, Origin] = {}
    for source in sources:
        for start in range(len(source.text) - FRAGMENT + 1):
            grams.setdefault(source.text[start : start + FRAGMENT], source.origin)
    return grams


def _fragments(
    plain: str, grams: Mapping[str, Origin], sources: Sequence[Source]
) -> Iterator[tuple[tuple[int, int], Origin]]:
    """Longest stretches whose every gram occurs in some source; or the whole value, if it is short."""
    if len(plain) < FRAGMENT:
        origin = _origin_of_value(plain.strip(), sources)
        if origin is not None:
            yield (0, len(plain)), origin
        return
    start = 0
    while start <= len(plain) - FRAGMENT:
        origin = grams.get(plain[start : start + FRAGMENT])
        if origin is None:
            start += 1
            continue
        end = start + 1
        while plain[end : end + FRAGMENT] in grams and end <= len(plain) - FRAGMENT:
            end += 1
        yield (start, end + FRAGMENT - 1), origin
        start = end + FRAGMENT - 1


def _whole_words(plain: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without spaces and without the halves of words that happen to be shared at its ends."""
    first, last = start, end
    while first < last and first > 0 and plain[first - 1].isalnum() and plain[first].isalnum():
        first += 1
    while first < last < len(plain) and plain[last].isalnum() and plain[last - 1].isalnum():
        last -= 1
    if first == last:  # nothing but a part of one long word: that is what was copied
        first, last = start, end
    while first < last and plain[first] == " ":
        first += 1
    while first < last and plain[last - 1] == " ":
        last -= 1
    return first, last


def _origin_of_value(value: str, sources: Sequence[Source]) -> Origin | None:
    if len(value) < SHORTEST_VALUE:
        return None
    word = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)")
    return next((source.origin for source in sources if word.search(source.text)), None)
