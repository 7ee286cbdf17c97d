"""Reads what an IMAP server answers (RFC 3501 section 9) into values. Pure and bounded."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

MAX_DEPTH = 220
MAX_VALUES = 20_000

Value: TypeAlias = "bytes | list[Value] | None"
"""An atom or string; a list; NIL."""

_SECTION = re.compile(rb"[A-Za-z0-9.]+\[[^\]]*\](?:<\d+>)?")
_ATOM = re.compile(rb'[^\s()"]+')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class Unreadable(Exception):
    """An answer that is none by the grammar; the connection is still in step."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: its texts, with the literals that stand between them."""

    texts: Sequence[bytes]
    literals: Sequence[bytes] = ()

    @property
    def line(self) -> bytes:
        """All of it up to the first literal, without the end of the line."""
        return self.texts[0]


def values(answer: Answer, start: int = 0) -> list[Value]:
    """The values from octet `start` of the first text on. Raises Unreadable."""
    top: list[Value] = []
    stack, count = [top], 0
    for number, text in enumerate(answer.texts):
        place = start if number == 0 else 0
        while place < len(text):
            count += 1
            if count > MAX_VALUES:
                raise Unreadable("too many values")
            place = _one(text, place, stack)
        if number < len(answer.literals):
            stack[-1].append(answer.literals[number])
    if len(stack) != 1:
        raise Unreadable("a list does not end")
    return top


def _one(text: bytes, place: int, stack: list[list[Value]]) -> int:
    """Take what stands at the place. Where it ends."""
    character = text[place : place + 1]
    if character.isspace():
        return place + 1
    if character == b"(":
        if len(stack) > MAX_DEPTH:
            raise Unreadable("lists are too deep")
        opened: list[Value] = []
        stack[-1].append(opened)
        stack.append(opened)
        return place + 1
    if character == b")":
        stack.pop()
        if not stack:
            raise Unreadable("a list ends that did not begin")
        return place + 1
    if character == b'"':
        quoted = _QUOTED.match(text, place)
        if quoted is None:
            raise Unreadable("a string does not end")
        stack[-1].append(re.sub(rb"\\(.)", rb"\1", quoted[1]))
        return quoted.end()
    found = _SECTION.match(text, place) or _ATOM.match(text, place)
    if found is None:
        raise Unreadable("no value")
    stack[-1].append(None if found[0].upper() == b"NIL" else found[0])
    return found.end()


def fetched(answer: Answer) -> dict[bytes, Value]:
    """The items of a FETCH response by their names in upper case, origins left out. Raises Unreadable."""
    found = re.match(rb"\* \d+ FETCH ", answer.line, re.IGNORECASE)
    items = values(answer, found.end()) if found else []
    if len(items) != 1 or not isinstance(items[0], list):
        raise Unreadable("no FETCH")
    listed = items[0]
    if len(listed) % 2:
        raise Unreadable("an item without a value")
    return {
        re.sub(rb"<\d+>$", b"", name.upper()): value
        for name, value in zip(listed[::2], listed[1::2], strict=True)
        if isinstance(name, bytes)
    }


def numbers(answers: Sequence[Answer], *, is_extended: bool, most: int) -> list[int]:
    """The numbers of SEARCH, SORT or ESEARCH responses (RFC 4731), in their order. Raises Unreadable."""
    found: list[int] = []
    for answer in answers:
        if is_extended:
            told = re.search(rb" ALL ([0-9:,]+)", answer.line, re.IGNORECASE)
            found += _expanded(told[1], most) if told else []
        else:
            words = re.sub(rb"\(MODSEQ \d+\)", b"", answer.line, flags=re.IGNORECASE).split()[2:]
            if not all(word.isdigit() for word in words):
                raise Unreadable("no numbers")
            found += [int(word) for word in words]
    return found[:most]


def _expanded(told: bytes, most: int) -> list[int]:
    found: list[int] = []
    for piece in told.split(b","):
        first, _, last = piece.partition(b":")
        if not first.isdigit() or (last and not last.isdigit()):
            raise Unreadable("no set of numbers")
        ends = sorted((int(first), int(last or first)))
        found += range(ends[0], min(ends[1], ends[0] + most - len(found)) + 1)
        if len(found) >= most:
            break
    return found


def number_set(uids: Sequence[int]) -> bytes:
    """The numbers as IMAP writes them, runs together: 1:3,7."""
    runs: list[list[int]] = []
    for uid in sorted(set(uids)):
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in runs)
