"""Turns octets into text by the charset a mail names, which may be misspelt, unknown or a lie. Pure."""

import codecs
import re

_ALIASES = {
    "": "us-ascii",
    "ansi": "cp1252",
    "ascii": "us-ascii",
    "big5-hkscs": "big5hkscs",
    "cn-gb": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",  # As the web reads it (WHATWG Encoding): the C1 controls never are what was meant.
    "iso-8859-8-i": "iso-8859-8",
    "iso8859-1": "cp1252",
    "ks_c_5601-1987": "cp949",
    "latin1": "cp1252",
    "macintosh": "mac-roman",
    "shift_jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "utf8mb4": "utf-8",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
}
_NO_CHARSETS = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""Codecs of Python that are no charsets of mails, some of them slow."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,39}")


def decoded(octets: bytes, charset: str) -> str:
    """The text; never raises. Octets of a character that was cut off at the end are left out.

    What the charset named cannot be is read as UTF-8 where it can be, as Windows-1252 else.
    """
    codec = _codec(charset)
    for name in dict.fromkeys((codec, "utf-8")):
        try:
            return codecs.getincrementaldecoder(name)("strict").decode(octets)
        except UnicodeError:
            continue
    return octets.decode("cp1252" if codec in {"utf-8", "ascii"} else codec, "replace")


def _codec(charset: str) -> str:
    name = charset.strip().strip("\"'").lower()
    name = _ALIASES.get(name, name)
    if not _NAME.fullmatch(name) or name.replace("_", "-") in _NO_CHARSETS:
        return "utf-8"
    try:
        b"a".decode(name, "replace")  # Codecs between octets and octets refuse here.
        codecs.getincrementaldecoder(name)
        return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        return "utf-8"
