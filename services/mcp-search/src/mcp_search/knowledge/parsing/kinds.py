"""Says what a file is by what is in it. Its name only chooses among kinds of plain text. Pure."""

import re
from pathlib import PurePath
from typing import Literal

from mcp_search.knowledge.parsing.trouble import NoText, empty, unreadable, unsupported

Kind = Literal["pdf", "docx", "html", "markdown", "csv", "text"]
MEDIA_TYPES: dict[Kind, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "markdown": "text/markdown",
    "csv": "text/csv",
    "text": "text/plain",
}
SPOKEN: dict[Kind, str] = {
    "pdf": "PDF",
    "docx": "Word document (DOCX)",
    "html": "HTML page",
    "markdown": "Markdown text",
    "csv": "CSV table",
    "text": "plain text",
}
_ENDINGS: dict[str, Kind] = {
    "pdf": "pdf", "docx": "docx", "html": "html", "htm": "html", "xhtml": "html",
    "md": "markdown", "markdown": "markdown",
    "csv": "csv", "tsv": "csv", "txt": "text", "text": "text", "log": "text",
}  # fmt: skip
_SUPPORTED = "PDF, DOCX, HTML, Markdown, text and CSV can be read."

_ARCHIVES: dict[bytes, tuple[str, str]] = {
    b"xl/": ("an Excel workbook", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    b"ppt/": ("a PowerPoint presentation", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    b"mimetypeapplication/epub": ("an EPUB book", "application/epub+zip"),
    b"mimetypeapplication/vnd.oasis.opendocument": ("an OpenDocument file", "application/vnd.oasis.opendocument"),
}  # fmt: skip
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG)", "image/png"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "image/jpeg"),
    (b"GIF8", "a picture (GIF)", "image/gif"),
    (b"II*\0", "a picture (TIFF)", "image/tiff"),
    (b"MM\0*", "a picture (TIFF)", "image/tiff"),
    (b"BM", "a picture (BMP)", "image/bmp"),
    (b"{\\rtf", "a rich text file (RTF)", "application/rtf"),
    (b"%!PS", "a PostScript file", "application/postscript"),
    (b"\x1f\x8b", "a compressed file (gzip)", "application/gzip"),
    (b"BZh", "a compressed file (bzip2)", "application/x-bzip2"),
    (b"\xfd7zXZ\0", "a compressed file (xz)", "application/x-xz"),
    (b"(\xb5/\xfd", "a compressed file (Zstandard)", "application/zstd"),
    (b"7z\xbc\xaf'\x1c", "an archive (7-Zip)", "application/x-7z-compressed"),
    (b"Rar!", "an archive (RAR)", "application/vnd.rar"),
    (b"\x7fELF", "a program", "application/x-executable"),
    (b"MZ", "a program", "application/vnd.microsoft.portable-executable"),
    (b"SQLite format 3\0", "an SQLite database", "application/vnd.sqlite3"),
    (b"ID3", "a sound file", "audio/mpeg"),
    (b"OggS", "a sound file", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "a video", "video/x-matroska"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_BEFORE_HTML = re.compile(rb"\s+|<\?xml[^>]{0,200}\?>|<!--", re.IGNORECASE)
_MOST_BEFORE_HTML = 100
"""Declarations, comments and spaces between them."""
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|title|meta|script|style"
    rb"|div|table|h[1-6]|p|ul|ol|article|section|main)\b",
    re.IGNORECASE,
)
_XML = re.compile(rb"\s*<\?xml\b")
_SVG = re.compile(rb"\s*<svg\b", re.IGNORECASE)
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 65_536


def hint_of(name: str) -> Kind | None:
    """What a name says that a file is."""
    return _ENDINGS.get(PurePath(name).suffix.lower().removeprefix("."))


def kind_of(content: bytes, hint: Kind | None) -> Kind:
    """What the file is. Raises NoText for what cannot be read."""
    head = content[:_LOOKED_AT]
    if not head.strip():
        raise empty()
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_archive(content)
    if head.startswith(_OLE):
        raise _old_office(content)
    for magic, what, media_type in _MAGIC:
        if head.startswith(magic) and (len(magic) > 2 or _is_binary(head)):
            raise _refused(what, media_type)
    if head[:4] == b"RIFF" or head[4:8] == b"ftyp":
        raise _refused("a picture, a sound file or a video", "application/octet-stream")
    if _is_binary(head):
        raise _refused("of a kind that is not known here", "application/octet-stream")
    return _kind_of_text(head, hint)


def _kind_of_archive(content: bytes) -> Kind:
    """By the names in a zip's directory at its end, or at its beginning where that is missing."""
    places = content[-_LOOKED_AT:] + content[:_LOOKED_AT]
    if b"word/document.xml" in places or b"word/" in places:
        return "docx"
    start = content[30:200]
    for mark, (what, media_type) in _ARCHIVES.items():
        if mark in places and (not mark.startswith(b"mimetype") or start.startswith(mark)):
            raise _refused(what, media_type)
    raise _refused("an archive (ZIP); upload what is in it", "application/zip")


def _old_office(content: bytes) -> NoText:
    if "EncryptedPackage".encode("utf-16-le") in content:
        return unreadable(
            "encrypted",
            "The document is protected by a password. Save it without one and try again.",
        )
    return _refused(
        "of an old Office format (.doc, .xls, .ppt); save it as DOCX or PDF",
        "application/x-ole-storage",
    )


def _refused(what: str, media_type: str) -> NoText:
    return unsupported(f"The file is {what}. {_SUPPORTED}", media_type)


def _is_binary(head: bytes) -> bool:
    if head.startswith(_BOMS) or is_utf16(head):
        return False
    return b"\0" in head or len(_CONTROLS.findall(head)) > len(head) // 20


def is_utf16(head: bytes) -> str:
    """`utf-16-le` or `utf-16-be` where a text without a mark is most likely that; empty else."""
    some = head[: len(head) // 2 * 2]
    if len(some) < 8:
        return ""
    even, odd = some[::2].count(0), some[1::2].count(0)
    half = len(some) // 2
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * half and odd < 0.05 * half else ""


def _kind_of_text(head: bytes, hint: Kind | None) -> Kind:
    start = head
    for mark in _BOMS:
        start = start.removeprefix(mark)
    if b"\0" in start[:64]:
        start = start.replace(b"\0", b"")
    if _is_html(start) and hint != "markdown":
        return "html"
    if _XML.match(start) or _SVG.match(start):
        if re.search(rb"<html\b", start[:4096], re.IGNORECASE):
            return "html"
        raise _refused("an XML file", "application/xml")
    return hint if hint in {"markdown", "csv"} else "text"


def _is_html(start: bytes) -> bool:
    """Whether an element of HTML is the first thing, but for comments and the like.

    Step by step: a single expression would try what is before it in every way there is, and a file's author decides
    how many those are.
    """
    at = 0
    for _ in range(_MOST_BEFORE_HTML):
        before = _BEFORE_HTML.match(start, at)
        if before is None:
            break
        at = before.end()
        if before.group() == b"<!--":
            end = start.find(b"-->", at)
            if end < 0:
                return False
            at = end + len(b"-->")
    return _HTML.match(start, at) is not None


def mismatch(hint: Kind | None, kind: Kind) -> str | None:
    """What is said when the name promises something else than the content is."""
    if hint is None or hint == kind or {hint, kind} <= {"text", "markdown"}:
        return None
    return f"By its name the file is a {SPOKEN[hint]}; it was read as what it is, a {SPOKEN[kind]}."
