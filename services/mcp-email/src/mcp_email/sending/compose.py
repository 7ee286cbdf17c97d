"""Writes a plan as the bytes of a mail (RFC 5322, 2045, 2047, 2231): ASCII only, lines of at most 76 characters.

The headers are written here, not by Python's e-mail package: its generator reads what it is given before it writes it,
and has turned subjects into further headers (CVE-2024-6923, CVE-2026-1299). Its parser then reads our bytes in
`verify`, so that two programs have to agree on every mail. The same plan gives the same bytes. Bcc is in drafts only.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.utils import format_datetime
from urllib.parse import quote

from mcp_email.mail import Address, Attached, Plan

LINE = 76
_LINE_OCTETS = LINE // 4 * 3
"""In one line of base64."""
_WORD_OCTETS = 42
"""Of UTF-8 in one encoded word: with =?utf-8?b?...?= that stays below the 75 characters of RFC 2047 section 2."""
_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")
_PLAIN_LINE = re.compile(r"(?![.]|From )(?:[!-<>-~ \t]{0,75}[!-<>-~])?")
_SAFE_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def compose(plan: Plan, contents: Mapping[str, bytes]) -> bytes:
    """The mail. `contents` holds the attachments' octets by their handles."""
    return _written([header_lines(plan), _content(plan, contents)])


def compose_draft(plan: Plan, contents: Mapping[str, bytes]) -> bytes:
    """The same with its Bcc, for the drafts folder: whoever sends it has to know. Never to be handed to a transport."""
    bcc = _addresses("Bcc", plan.wanted.bcc) if plan.wanted.bcc else []
    return _written([bcc, header_lines(plan), _content(plan, contents)])


def _written(blocks: Iterable[Iterable[str]]) -> bytes:
    """One line after the other: a mail of many megabytes is not held as lines, too."""
    raw = bytearray()
    for block in blocks:
        for line in block:
            raw += line.encode("ascii")
            raw += b"\r\n"
    return bytes(raw)


def header_lines(plan: Plan) -> list[str]:
    """The header block without the lines on the content, folded."""
    wanted = plan.wanted
    lines = [f"Date: {format_datetime(plan.date)}", *_addresses("From", [plan.sender])]
    if plan.reply_to:
        lines += _addresses("Reply-To", [plan.reply_to])
    for name, addresses in (("To", wanted.to), ("Cc", wanted.cc)):
        if addresses:
            lines += _addresses(name, addresses)
    lines += _text("Subject", wanted.subject)
    lines += _message_ids("Message-ID", [plan.message_id])
    if wanted.in_reply_to:
        lines += _message_ids("In-Reply-To", [wanted.in_reply_to])
    if wanted.references:
        lines += _message_ids("References", wanted.references)
    return [*lines, "MIME-Version: 1.0"]


def _addresses(name: str, addresses: Sequence[Address]) -> list[str]:
    items = [[*_phrase(one.name), f"<{one.spec}>"] if one.name else [one.spec] for one in addresses]
    for item in items[:-1]:
        item[-1] += ","
    return _folded(name, [piece for item in items for piece in item])


def _phrase(name: str) -> list[str]:
    if _SAFE_PHRASE.fullmatch(name) and "=?" not in name:
        return name.split(" ")
    if _PLAIN.fullmatch(name) and "=?" not in name and len(name) <= LINE - 10:
        return ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"']
    return _encoded_words(name)


def _text(name: str, text: str) -> list[str]:
    words = text.split(" ")
    is_plain = _PLAIN.fullmatch(text) and "=?" not in text and max(map(len, words)) < LINE - 10
    return _folded(name, words if is_plain else _encoded_words(text))


def _message_ids(name: str, message_ids: Sequence[str]) -> list[str]:
    return _folded(name, [f"<{one}>" for one in message_ids])


def _encoded_words(text: str) -> list[str]:
    """Base64 words of whole characters (RFC 2047 section 5); spaces between adjacent ones do not count."""
    words: list[bytes] = [b""]
    for character in text:
        octets = character.encode()
        if len(words[-1]) + len(octets) > _WORD_OCTETS:
            words.append(b"")
        words[-1] += octets
    return [f"=?utf-8?b?{base64.b64encode(word).decode()}?=" for word in words if word]


def _folded(name: str, pieces: Sequence[str]) -> list[str]:
    """The header on lines of at most 76 characters, broken between pieces only; one too long stands alone."""
    lines = [f"{name}:"]
    for piece in pieces:
        if len(lines[-1]) + 1 + len(piece) > LINE and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {piece}"
    return lines


def _content(plan: Plan, contents: Mapping[str, bytes]) -> Iterator[str]:
    wanted = plan.wanted
    text = _text_part("plain", wanted.body)
    if wanted.html is not None:
        text = _multipart("alternative", plan, [text, _text_part("html", wanted.html)])
    if not wanted.attachments:
        yield from text
        return
    files = [_file_part(one, contents[one.handle]) for one in wanted.attachments]
    yield from _multipart("mixed", plan, [text, *files])


def _multipart(kind: str, plan: Plan, parts: Iterable[Iterable[str]]) -> Iterator[str]:
    boundary = f"={kind}_{plan.message_id.partition('@')[0][:40]}"  # "=_" is in no encoded line
    yield f"Content-Type: multipart/{kind};"
    yield f' boundary="{boundary}"'
    yield ""
    for part in parts:
        yield f"--{boundary}"
        yield from part
    yield f"--{boundary}--"


def _text_part(subtype: str, text: str) -> Iterator[str]:
    octets = text.replace("\n", "\r\n").encode()
    is_readable = sum(octet > 126 for octet in octets) * 4 <= len(octets)
    yield f"Content-Type: text/{subtype}; charset=utf-8"
    yield f"Content-Transfer-Encoding: {'quoted-printable' if is_readable else 'base64'}"
    yield ""
    yield from _quoted_printable(text) if is_readable else _base64(octets)


def _quoted_printable(text: str) -> Iterator[str]:
    """RFC 2045 section 6.7. No line starts with a dot or `From `: nothing on the way has a reason to change one."""
    for line in text.removesuffix("\n").split("\n"):
        if _PLAIN_LINE.fullmatch(line):
            yield line
        else:
            yield from _quoted_line(line.encode())


def _quoted_line(line: bytes) -> Iterator[str]:
    piece = ""
    for place, octet in enumerate(line):
        is_plain = 32 < octet < 127 and octet != 61
        is_inner_space = octet in b" \t" and place < len(line) - 1
        written = chr(octet) if is_plain or is_inner_space else f"={octet:02X}"
        if len(piece) + len(written) >= LINE:
            yield f"{piece}="
            piece = ""
        piece += f"={octet:02X}" if not piece and written in ".F" else written
    yield piece


def _base64(octets: bytes) -> Iterator[str]:
    for start in range(0, len(octets), _LINE_OCTETS):
        yield base64.b64encode(octets[start : start + _LINE_OCTETS]).decode()


def _file_part(attached: Attached, content: bytes) -> Iterator[str]:
    yield f"Content-Type: {attached.media_type}"
    yield "Content-Transfer-Encoding: base64"
    yield "Content-Disposition: attachment;"
    yield from _file_name(attached.name)
    yield ""
    yield from _base64(content)


def _file_name(name: str) -> Iterator[str]:
    if len(name) <= 50 and re.fullmatch(r"[A-Za-z0-9 ._-]+", name) and name == name.strip():
        yield f' filename="{name}"'
        return
    encoded = [quote(character, safe="-._~") for character in name]
    pieces = [""]
    for character in encoded:
        if len(pieces[-1]) + len(character) > 50:
            pieces.append("")
        pieces[-1] += character
    for number, piece in enumerate(pieces):
        start = "utf-8''" if number == 0 else ""
        end = ";" if number < len(pieces) - 1 else ""
        yield f" filename*{number}*={start}{piece}{end}"
