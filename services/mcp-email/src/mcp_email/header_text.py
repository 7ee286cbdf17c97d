"""Text that goes into a header, a display name or a file name: one line, nothing invisible, nothing encoded.

Python's own e-mail package decodes what looks like an encoded word when it writes a header, line breaks in it included
(CVE-2024-6923), so what is refused here is never handed to it, decoded or not.
"""

import re
import unicodedata
from base64 import b64decode
from binascii import Error as NotBase64
from quopri import decodestring

from mcp_email.errors import BadContent

MAX_HEADER_OCTETS = 998
"""Of UTF-8 (RFC 5322 section 2.1.1 allows a line as much)."""

JOINERS = "\u200c\u200d"
"""Zero width, and needed: Persian is misspelt and emoji fall apart without them."""

_ENCODED_WORD = re.compile(r"=\?([^?]*)\?([bq])\?(.*?)\?=", re.IGNORECASE | re.DOTALL)
"""RFC 2047 section 2, as generously as any reader takes it."""

_NOT_IN_A_BODY = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def header_text(text: str, field: str, *, max_octets: int = MAX_HEADER_OCTETS) -> str:
    """The text as it is, when it may stand in a header.

    Raises:
        BadContent: naming `field`: a control or invisible character, an encoded word, or more than `max_octets`.
    """
    unsafe = unsafe_character(text)
    if unsafe is None and _ENCODED_WORD.search(text):
        hidden = unsafe_character(decoded_words(text))
        what = f"an encoded {hidden}" if hidden else "an encoded word (=?...?=)"
        raise BadContent(
            f"{field} contains {what}.", hint="Write the text itself, on one line.", field=field
        )
    if unsafe is not None:
        raise BadContent(
            f"{field} contains {unsafe}.", hint="Leave it out; it has to be one line.", field=field
        )
    if len(text.encode()) > max_octets:
        raise BadContent(f"{field} is longer than {max_octets} octets.", field=field)
    return text


def body_text(text: str, field: str) -> str:
    r"""The text with lines that end in \n, the last one too.

    Raises:
        BadContent: naming `field`: a control character other than tab and the ends of lines.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if unsafe := _NOT_IN_A_BODY.search(text):
        raise BadContent(
            f"{field} contains {_name(unsafe.group())}.", hint="Leave it out.", field=field
        )
    return text if text.endswith("\n") or not text else text + "\n"


def unsafe_character(text: str) -> str | None:
    """The first character that breaks a line, cannot be seen or turns the direction of reading, by its name."""
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and character not in JOINERS):
            return _name(character)
    return None


def decoded_words(text: str) -> str:
    """The text with its encoded words read, and those inside of them, a few times over; what cannot be read stays."""
    for _ in range(4):
        decoded = _ENCODED_WORD.sub(_decoded_word, text)
        if decoded == text:
            break
        text = decoded
    return text


def _decoded_word(word: re.Match[str]) -> str:
    charset, encoding, content = word.groups()
    try:
        octets = (
            b64decode(content + "=" * (-len(content) % 4))
            if encoding in "bB"
            else decodestring(content.encode(), header=True)
        )
        return octets.decode(charset.partition("*")[0] or "ascii", "replace")
    except (NotBase64, ValueError, LookupError):
        return word.group()


def _name(character: str) -> str:
    known = {"\r": "a line break", "\n": "a line break", "\0": "a NUL", "\t": "a tab"}
    return known.get(character) or f"the character U+{ord(character):04X}"
