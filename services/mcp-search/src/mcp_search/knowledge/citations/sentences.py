"""An answer's Markdown as sentences, each with the passages that it cites. Pure.

A mark `[^id]` belongs to the sentence it stands in or directly behind. Code has no sentences: marks in it cite nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.wire.knowledge import MARK

_MARK = re.compile(MARK)
_CLOSING = r"[\"'”’»)\]*_]*+"
_MARKS = rf"(?:\s?,?\s?{MARK})"
_END = re.compile(
    rf"(?<![.!?…])[.!?…]++{_CLOSING}(?:{_MARKS}++|(?=\s|$))|[。！？]{_CLOSING}{_MARKS}*+"
)
"""Where a sentence may end, and the marks behind it. Each run of stops is tried once: an answer may be nothing else."""
_MARKS_IN_A_ROW = re.compile(rf"{MARK}{_MARKS}*+")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s")
_QUOTE = re.compile(r"^\s*(?:>\s?)+")
_TABLE_LINE = re.compile(r"^\s*\|")
_TABLE_RULE = re.compile(r"^[\s|:-]+$")
_DEFINITION = re.compile(rf"^\s*{MARK}:")
_ONLY_MARKS = re.compile(rf"^(?:[\s,]*{MARK})+[\s.]*$")
_TICKS = re.compile(r"`+|\n[ \t]*\n")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\([^()\n]{0,2000}\)")
_EMPHASIS = re.compile(
    r"(?:\*{1,3}|~~)(?=\S)|(?<=\S)(?:\*{1,3}|~~)|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)"
)
_WORD_BEFORE = re.compile(r"(?:^|[\s(\[„“\"'»])((?:[^\W\d_]\.)*[^\W\d_]+|\d{1,2})\.$")
_LISTED = """
    abs approx apr asst aug bzw ca cf ch co corp dec dept dr eds esp est etc evtl feb ff fig figs ggf hon hr hrsg ie inc
    incl inkl insb jan jr jul jun ltd max min misc mr mrs ms nov nr oct okt op orig pp prof pt rev sect sep sept sog sr
    st str tel usf usw vgl vol vols vs zzgl
"""
_ABBREVIATIONS = frozenset(_LISTED.split())
_GERMAN_MONTH = re.compile(
    r"\s+(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jänner)[\w.]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, an item of a list, a heading, or a row of a table."""

    start: int
    """In characters (code points) of the answer, marks included."""
    end: int
    text: str
    """Its words, without marks and without Markdown's signs."""
    cites: tuple[str, ...] = ()
    """Ids of passages, in the order of their first mark."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that belong together: nothing that is said goes on beyond them."""

    start: int
    end: int
    is_whole: bool = False
    """It is one sentence, whatever full stops are in it."""


def split(answer: str) -> list[Sentence]:
    """All sentences, in order. Spaces between them belong to none."""
    seen = _without_code(answer)
    sentences: list[Sentence] = []
    for block in _blocks(seen):
        for start, end in _spans(seen, block):
            if _ONLY_MARKS.match(seen[start:end]) and sentences:
                sentences[-1] = _with_marks(sentences[-1], seen, end)
            else:
                sentences.append(_sentence(answer, seen, start, end))
    return sentences


def _without_code(answer: str) -> str:
    """The answer with the marks in code spans made unreadable, character for character (CommonMark 0.31, 6.1)."""
    veiled: list[str] = []
    place = 0
    for start, end in _code_spans(answer):
        veiled += (answer[place:start], answer[start:end].replace("[^", "[ "))
        place = end
    return "".join((*veiled, answer[place:]))


def _code_spans(answer: str) -> Iterator[tuple[int, int]]:
    """Between two equal runs of backticks with no blank line between them."""
    runs = list(_TICKS.finditer(answer))
    closing: dict[str, int] = {}
    partner: dict[int, int] = {}
    for i in reversed(range(len(runs))):
        if runs[i].group().startswith("`"):
            partner[i] = closing.get(runs[i].group(), -1)
            closing[runs[i].group()] = i
        else:
            closing.clear()
    i = 0
    while i < len(runs):
        other = partner.get(i, -1)
        if other >= 0:
            yield runs[i].start(), runs[other].end()
        i = max(i, other) + 1


def _blocks(answer: str) -> Iterator[_Block]:
    begun: int | None = None
    fence = ""
    place = 0
    end = 0
    for line in answer.splitlines(keepends=True):
        start, place = place, place + len(line)
        fenced = _FENCE.match(line)
        if fence:
            if fenced and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        is_own = bool(
            _HEADING.match(line) or _TABLE_LINE.match(line) or _DEFINITION.match(line) or fenced
        )
        if begun is not None and (is_own or not line.strip() or _ITEM.match(line)):
            yield _Block(begun, end)
            begun = None
        if fenced:
            fence = fenced.group(1)
        elif is_own:
            if not _TABLE_RULE.match(line) and not _DEFINITION.match(line):
                yield _Block(start, place, is_whole=True)
        elif line.strip():
            begun = start if begun is None else begun
            end = place
    if begun is not None:
        yield _Block(begun, end)


def _spans(answer: str, block: _Block) -> Iterator[tuple[int, int]]:
    """Of the block's sentences, without the spaces around them."""
    start = block.start
    if block.is_whole:
        yield from _trimmed(answer, start, block.end)
        return
    item = _ITEM.match(answer[block.start : block.end])
    place = block.start + (item.end() if item else 0)
    while match := _END.search(answer, place, block.end):
        place = max(match.end(), place + 1)
        if match.group() and not _goes_on(answer, match, block.end):
            yield from _trimmed(answer, start, match.end())
            start = match.end()
    yield from _trimmed(answer, start, block.end)


def _trimmed(answer: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    text = answer[start:end]
    if text.strip():
        yield start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


def _goes_on(answer: str, end: re.Match[str], limit: int) -> bool:
    """The stop is an abbreviation's or an ordinal's, or what follows is not how sentences begin."""
    if _MARK.search(end.group()):
        return False
    following = answer[end.end() : end.end() + 200].lstrip()
    if following[:1].islower():
        return True
    if not end.group().startswith("."):
        return False
    before = _WORD_BEFORE.search(answer, max(0, end.start() - 30), end.start() + 1)
    if before is None:
        return False
    word = before.group(1)
    if word.isdigit():
        return bool(_GERMAN_MONTH.match(answer, end.end(), limit))
    if len(word) == 1:
        return word != "I"
    if "." in word:
        return True
    is_number = following[:1].isdigit() and word.lower() in {"no", "nos", "art", "sec", "p"}
    return is_number or word.lower() in _ABBREVIATIONS


def _sentence(answer: str, seen: str, start: int, end: int) -> Sentence:
    return Sentence(start, end, plain(answer[start:end]), _cited(seen[start:end]))


def _with_marks(sentence: Sentence, seen: str, end: int) -> Sentence:
    """The sentence with the marks that stand apart behind it."""
    return replace(sentence, end=end, cites=_cited(seen[sentence.start : end]))


def _cited(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_MARK.findall(text)))


def plain(markdown: str) -> str:
    """The words of a piece of Markdown, on one line."""
    lines = [_ITEM.sub("", _QUOTE.sub("", line)) for line in markdown.splitlines()]
    text = _MARKS_IN_A_ROW.sub("", " ".join(lines))
    text = _LINK.sub(r"\1", text)
    text = _EMPHASIS.sub("", text).replace("`", "").replace("|", " | ")
    return " ".join(text.lstrip("# ").split()).strip("| ")
