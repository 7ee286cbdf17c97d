"""What counts as a word, for both engines alike: how text is folded for their indexes, and what of a question is asked.

Folding is done here and not by the engines, whose own parsers differ: PostgreSQL's takes `os.path.join` for a host.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

MAX_WORDS = 32
"""Of one question; a person's has fewer, and each costs time."""

_NO_WORD = re.compile(r"[\W_]+")
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
"""Kana and Han: scripts that put no spaces between words. Each character is a word of its own in the index."""
_QUESTION_WORD = re.compile(r"\w+(?:[-./:_'’@+]\w+)*")
_STOP_WORDS = """
a about after all also am an and any are as at be because been before being between both but by can could did do does
doing done down each ever for from further get gets give given goes had has have having he her here hers him his how i
if in into is it its itself just know let like many may me might mine more most much must my need no nor not of off on
once only or other our out over own please s same say shall she should so some such t tell than that the their them
then there these they thing things this those through to too under until up use used uses using very want was way we
were what when where whether which while who whom whose why will with within without would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Word:
    """Parts that must follow one another: one for a plain word, several for `read_only` or `E-1042`."""

    parts: tuple[str, ...]


def folded(text: str) -> str:
    """Without case, accents and punctuation; words are what stands between spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return _UNSPACED.sub(r" \1 ", _NO_WORD.sub(" ", bare)).strip()


def question_words(text: str) -> list[Word]:
    """The words of a person's question worth looking for, in its order and each once.

    Stop words are left out. What holds together by punctuation is looked for as it stands and by its parts.
    """
    found: dict[Word, None] = {}
    for piece in _QUESTION_WORD.findall(text):
        for word in _words_of(piece):
            if word.parts[1:] or word.parts[0] not in STOP_WORDS:
                found[word] = None
    return list(found)[:MAX_WORDS]


def _words_of(piece: str) -> list[Word]:
    parts = tuple(folded(piece).split())
    if any(_UNSPACED.match(part) for part in parts):
        return [Word(pair) for pair in pairwise(parts)] or [Word(parts)]
    if len(parts) < 2:
        return [Word(parts)] if parts else []
    singles = [Word((part,)) for part in parts if len(part) > 1]
    is_possessive = len(parts) == 2 and parts[1] == "s"
    return singles if is_possessive else [Word(parts), *singles]
