"""Turns the octets of a text file into text when nobody says how they are meant. Pure."""

import codecs
import re

from charset_normalizer import from_bytes

from mcp_search.knowledge.parsing.kinds import is_utf16

_SAMPLE = 32_768
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-zA-Z0-9_.:-]{2,40})""", re.IGNORECASE
)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_WEB = {"iso-8859-1": "cp1252", "latin-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
        "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}  # fmt: skip
"""As the web reads these names (WHATWG Encoding)."""
_USUAL = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp932", "gb18030", "big5", "euc_kr",
          "euc_jp", "koi8_r", "mac_roman", "cp437", "cp850", "iso8859_15", "iso8859_2"]  # fmt: skip


def text_of(octets: bytes, *, is_html: bool = False) -> tuple[str, str | None]:
    """The text, and what a person should know of how it was read. Never raises."""
    for mark, name in _MARKS.items():
        if octets.startswith(mark):
            return octets.decode(name, "replace"), None
    if name := is_utf16(octets[:65_536]):
        return octets.decode(name, "replace"), None
    try:
        return octets.decode("utf-8"), None
    except UnicodeDecodeError as error:
        where = error.start
    declared = _declared(octets) if is_html else None
    name = declared or _guessed(octets, where)
    text = octets.decode(name, "replace")
    broken = text.count("\ufffd")
    if broken:
        return text, f"The text is not valid {name}; {broken:,} characters could not be read."
    return text, None if declared else f"The text is not UTF-8; it was read as {name}."


def _declared(octets: bytes) -> str | None:
    found = _DECLARED.search(octets[:4_096])
    if found is None:
        return None
    name = found[1].decode("ascii").lower()
    name = _WEB.get(name, name)
    try:
        b"a".decode(name)
        return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        return None


def _guessed(octets: bytes, where: int) -> str:
    """By the characters around the first that are not ASCII. Mostly valid UTF-8 is damaged UTF-8."""
    sample = octets[max(0, where - 200) : where + _SAMPLE]
    others = len(_NOT_ASCII.findall(sample))
    if 20 * sample.decode("utf-8", "replace").count("\ufffd") < others:
        return "utf-8"
    best = from_bytes(sample, cp_isolation=_USUAL, steps=3, chunk_size=1_024).best()
    return best.encoding if best is not None else "cp1252"
