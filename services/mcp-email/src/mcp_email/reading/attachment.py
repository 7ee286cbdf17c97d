"""Attachments as text: what is text by itself, and mails inside of mails. Other kinds are for other programs."""

import json
from dataclasses import dataclass
from typing import Literal

from mcp_email.errors import NoSuchMail
from mcp_email.mail import Outline, Part
from mcp_email.reading.charset import decoded
from mcp_email.reading.html import html_to_text
from mcp_email.reading.outline import outline_of
from mcp_email.reading.structure import structure_of
from mcp_email.reading.text import Parts, page_of, text_of
from mcp_email.reading.transfer import decoded_whole
from shared.untrusted.characters import clean
from shared.untrusted.sheets import TooComplex

MAX_BYTES = 5 * 1024 * 1024

Kind = Literal["text", "html", "mail", "unsupported"]

_TEXTS = frozenset(
    """
    application/csv application/ics application/javascript application/json application/ld+json
    application/sql application/toml application/xml application/x-ndjson application/x-yaml
    application/yaml message/delivery-status message/disposition-notification
    """.split()  # noqa: SIM905 - read as lines of words
)
_ENDINGS = frozenset("csv ics json log md tsv txt xml yaml yml".split())  # noqa: SIM905
_UNSAID = frozenset({"application/octet-stream", "application/x-unknown", "application/binary"})


@dataclass(frozen=True, slots=True)
class AttachmentText:
    """A piece of an attachment as text."""

    kind: Kind
    text: str
    offset: int = 0
    next_offset: int | None = None
    total_chars: int = 0
    is_cut: bool = False
    """The attachment is larger than what is read as text."""
    hidden_removed: int = 0


def part_of(outline: Outline, number: str) -> Part:
    """The part with that number. Raises NoSuchMail."""
    for part in outline.parts:
        if part.number == number:
            return part
    raise NoSuchMail("The mail has no such part.", hint="read_email lists its attachments.")


async def attachment_text(
    parts: Parts, outline: Outline, number: str, offset: int = 0, max_chars: int = 20_000
) -> AttachmentText:
    """The attachment's text from `offset` on; kind `unsupported` where it has none that can be had here.

    Raises NoSuchMail when there is no such part, and what `parts` raises.
    """
    part = part_of(outline, number)
    kind = _kind(part)
    if kind == "unsupported":
        return AttachmentText(kind, "")
    octets, is_cut = await parts.part(outline.summary.id, number, MAX_BYTES)
    if kind == "mail":
        text, hidden = await _mail_text(octets)
    elif kind == "html":
        text, hidden = _html_text(decoded(octets, part.charset))
    else:
        text, hidden = clean(_indented(decoded(octets, part.charset), part)), 0
    if text is None or text.count("\ufffd") > len(text) // 4 > 0:
        return AttachmentText("unsupported", "")
    piece, next_offset = page_of(text, offset, max_chars)
    return AttachmentText(kind, piece, offset, next_offset, len(text), is_cut, hidden)


def _kind(part: Part) -> Kind:
    media_type, ending = part.media_type, part.name.rpartition(".")[2].lower()
    if media_type in {"message/rfc822", "message/global"} or ending == "eml":
        return "mail"
    if media_type in {"text/html", "application/xhtml+xml"} or ending in {"html", "htm"}:
        return "html"
    if (
        media_type.startswith("text/")
        or media_type in _TEXTS
        or media_type.endswith(("+json", "+xml"))
    ):
        return "text"
    return "text" if media_type in _UNSAID and ending in _ENDINGS else "unsupported"


def _indented(text: str, part: Part) -> str:
    """JSON on one line is hard to read and to page through."""
    if "json" not in part.media_type or "\n" in text.strip() or len(text) > 500_000:
        return text
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _html_text(source: str) -> tuple[str | None, int]:
    try:
        page = html_to_text(source)
    except TooComplex:
        return None, 0
    return page.text, page.hidden_removed


async def _mail_text(raw: bytes) -> tuple[str, int]:
    """The mail inside, one level deep: its own attachments are named, not opened."""
    outline = outline_of(raw)
    inner = await text_of(RawMail(raw), outline, 0, MAX_BYTES)
    told = outline.summary
    head = [
        f"From: {told.sender.name} <{told.sender.spec}>" if told.sender else "From: (nobody)",
        f"To: {', '.join(one.spec for one in told.to[:20])}",
        f"Date: {told.date.isoformat() if told.date else ''}",
        f"Subject: {told.subject}",
    ]
    head += [f"Attachment: {p.name or p.media_type}" for p in outline.parts if p.is_attachment]
    return "\n".join(head) + "\n\n" + inner.text, inner.hidden_removed


class RawMail:
    """A mail whose octets are all here, as a source of parts."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._leaves = {leaf.part.number: leaf for leaf in structure_of(raw).leaves}

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:  # noqa: ARG002 - the port's
        """As Mailbox.part; there is one mail only."""
        leaf = self._leaves.get(number)
        if leaf is None:
            raise NoSuchMail("The mail has no such part.")
        octets = decoded_whole(self._raw[leaf.start : leaf.end], leaf.part.encoding)
        return octets[:max_bytes], len(octets) > max_bytes
