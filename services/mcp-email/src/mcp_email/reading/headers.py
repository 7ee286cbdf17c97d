"""Reads header blocks (RFC 5322, 2047, 2231) as they come: folded, broken, endless. Pure, bounded, never raises."""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64, a2b_qp
from urllib.parse import unquote_to_bytes

from mcp_email.reading.charset import decoded
from shared.untrusted.characters import clean_line

MAX_BLOCK = 64 * 1024
MAX_FIELDS = 1_000
MAX_VALUE = 16 * 1024
"""Octets of one value that are read as text."""
MAX_TEXT = 1_000
MAX_PARAMETERS = 64
MAX_NAME = 200

Fields = list[tuple[str, bytes]]

_FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_WORD = r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\s]{0,2000})\?="
_WORDS = re.compile(rf"{_WORD}(?:\s+(?={_WORD}))?")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")


def header_end(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header block ends and the body begins, in octets of `raw[start:end]`.

    A line that is no header ends the block, as a blank line does: senders forget it.
    """
    place = start
    limit = min(end, start + MAX_BLOCK)
    while place < limit:
        line_end = raw.find(b"\n", place, end)
        next_line = end if line_end < 0 else line_end + 1
        first = raw[place : place + 1]
        if raw[place : place + 2] == b"\r\n" or first == b"\n":
            return place, next_line
        is_more = first in {b" ", b"\t"} and place > start
        is_envelope = place == start and raw.startswith((b"From ", b">From "), place)
        if not is_more and not is_envelope and not _FIELD.match(raw, place, next_line):
            return place, place
        place = next_line
    if place >= end:
        return end, end
    blank = _BLANK_LINE.search(raw, limit - 1, end)
    return place, blank.end() if blank else end


def fields_of(block: bytes) -> Fields:
    """Names in lower case with their values, unfolded; at most 1,000."""
    unfolded = _FOLD.sub(b"", block[:MAX_BLOCK])
    found: Fields = []
    for line in unfolded.split(b"\n"):
        name, colon, value = line.rstrip(b"\r").partition(b":")
        if colon and len(found) < MAX_FIELDS:
            found.append((name.strip().decode("ascii", "replace").lower(), value.strip()))
    return found


def first(fields: Fields, name: str) -> bytes:
    """The first value of that name, or nothing."""
    return next((value for key, value in fields if key == name), b"")


def all_of(fields: Fields, name: str) -> list[bytes]:
    """Every value of that name."""
    return [value for key, value in fields if key == name]


def text_of_value(value: bytes, max_chars: int = MAX_TEXT) -> str:
    """The value as people read it: encoded words decoded once, one line, nothing invisible."""
    return clean_line(words_decoded(decoded(value[:MAX_VALUE], "utf-8")), max_chars)


def words_decoded(text: str) -> str:
    """The text with its encoded words read (RFC 2047): neighbours of one charset together, as characters may be cut."""
    pieces: list[str] = []
    octets, charset, place = b"", "", 0
    for word in _WORDS.finditer(text):
        of_word = _octets_of_word(word[2], word[3])
        name = word[1].partition("*")[0].lower()
        if octets and (word.start() != place or name != charset):
            pieces.append(decoded(octets, charset))
            octets = b""
        pieces.append(text[place : word.start()])
        octets, charset, place = octets + of_word, name, word.end()
    if octets:
        pieces.append(decoded(octets, charset))
    return "".join([*pieces, text[place:]])


def _octets_of_word(encoding: str, content: str) -> bytes:
    octets = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return a2b_qp(octets, header=True)
    try:
        return a2b_base64(octets + b"=" * (-len(octets) % 4))
    except NotBase64:
        return b""


def with_parameters(value: bytes) -> tuple[str, dict[str, str]]:
    """A structured value, as of Content-Type: what it says first, in lower case, and its parameters (RFC 2231)."""
    text = decoded(value[: MAX_VALUE // 4], "utf-8")
    main = text.partition(";")[0].strip().lower()
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, found in enumerate(_PARAMETER.finditer(text)):
        section = _SECTION.fullmatch(found[1].lower())
        if count >= MAX_PARAMETERS or section is None:
            break
        told = found[2].strip()
        if told.startswith('"'):
            told = re.sub(r"\\(.)", r"\1", told.strip('"'))
        at = sections.setdefault(section[1], {})
        at.setdefault(int(section[2] or 0), (told, bool(section[3])))
    return main, {name: _joined(parts) for name, parts in sections.items()}


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    """The sections in order, as long as none is missing."""
    charset, octets = "utf-8", b""
    for number in range(len(sections)):
        if number not in sections:
            break
        text, is_encoded = sections[number]
        if is_encoded and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        octets += unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "replace")
    return words_decoded(decoded(octets, charset))


def file_name(told: str) -> str:
    """A file name to display: the last part of a path, one line, at most 200 characters."""
    line = clean_line(told, 4 * MAX_NAME)
    name = re.split(r"[/\\]", line)[-1].strip(" .")
    if len(name) <= MAX_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[: MAX_NAME - 20]}…{dot}{ending[:18]}" if dot else name[:MAX_NAME]
