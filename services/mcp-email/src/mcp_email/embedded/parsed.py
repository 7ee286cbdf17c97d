"""What is kept of a mail beside its octets: worked out once, when it arrives. Pure."""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson

from mcp_email.mail import Address, Part
from mcp_email.reading.envelope import envelope_of
from mcp_email.reading.headers import fields_of
from mcp_email.reading.outline import outline_from
from mcp_email.reading.structure import Leaf, structure_of
from mcp_email.reading.text import Content, body_of, body_parts, snippet_of
from mcp_email.reading.transfer import decoded_whole

CHUNK = 128 * 1024
MAX_INDEXED = 100_000
"""Characters of a mail's text that can be searched."""
MAX_INDEXED_BYTES = 512 * 1024

_REPLY = re.compile(r"\s*(?:(?:re|aw|fwd?|wg|tr|sv|vs|rv|antw)(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """A mail as rows."""

    raw: bytes
    message_id: str
    base_subject: str
    """Folded, without Re: and the like."""
    is_reply: bool
    envelope: str
    has_attachments: bool
    leaves: str
    is_cut: bool
    header_bytes: int
    mentions: frozenset[str]
    """The Message-IDs that it names, its own not among them."""
    recipients: frozenset[str]
    indexed: tuple[str, str, str, str]
    """Sender, recipients, subject and text, folded."""


def parsed(raw: bytes) -> ParsedMail:
    """Read a mail. Never raises."""
    structure = structure_of(raw)
    outline = outline_from(
        structure, len(raw), mail_id="", folder="", received=None, flags=frozenset()
    )
    envelope = envelope_of(fields_of(structure.headers))
    leaves = {leaf.part.number: leaf for leaf in structure.leaves}
    contents = {
        part.number: Content(_beginning(raw, leaves[part.number])) for part in body_parts(outline)
    }
    text = body_of(outline, contents).text
    names = " ".join(part.name for part in outline.parts if part.is_attachment)
    summary = outline.summary
    everybody = (*envelope.to, *envelope.cc, *envelope.bcc)
    told = {
        "sender": _told(summary.sender),
        "to": [_told(one) for one in summary.to],
        "subject": summary.subject,
        "date": summary.date.isoformat() if summary.date else None,
        "in_reply_to": summary.in_reply_to,
        "references": summary.references,
        "snippet": snippet_of(text),
    }
    return ParsedMail(
        raw=raw,
        message_id=summary.message_id,
        base_subject=folded_text(base_subject(summary.subject))[:200],
        is_reply=base_subject(summary.subject) != summary.subject.strip(),
        envelope=orjson.dumps(told).decode(),
        has_attachments=summary.has_attachments,
        leaves=orjson.dumps(
            [[asdict(leaf.part), leaf.start, leaf.end] for leaf in structure.leaves]
        ).decode(),
        is_cut=structure.is_cut,
        header_bytes=len(structure.headers),
        mentions=frozenset({summary.in_reply_to, *summary.references} - {"", summary.message_id}),
        recipients=frozenset(one.spec.lower() for one in everybody),
        indexed=(
            folded_text(_searched([summary.sender] if summary.sender else [])),
            folded_text(_searched(everybody)),
            folded_text(summary.subject),
            folded_text(f"{text[:MAX_INDEXED]}\n{names}"),
        ),
    )


def base_subject(subject: str) -> str:
    """Without what replies put before it."""
    return _REPLY.sub("", subject, count=1).strip()


def folded_text(text: str) -> str:
    """As it is searched: in one case, without accents, in one form of what looks the same."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


def chunks_of(raw: bytes) -> Iterator[bytes]:
    """The octets in compressed pieces of 128 KB, so that a part is read without the rest."""
    for place in range(0, len(raw), CHUNK):
        yield zlib.compress(raw[place : place + CHUNK], 1)


def leaves_from(text: str) -> list[Leaf]:
    """As they were kept."""
    return [Leaf(Part(**part), start, end) for part, start, end in orjson.loads(text)]


def envelope_from(text: str) -> dict[str, Any]:
    """The fields of a Summary, as they were kept."""
    told = orjson.loads(text)
    told["sender"] = _address(told["sender"])
    told["to"] = tuple(_address(one) for one in told["to"])
    told["date"] = datetime.fromisoformat(told["date"]) if told["date"] else None
    told["references"] = tuple(told["references"])
    return told


def _beginning(raw: bytes, leaf: Leaf) -> bytes:
    end = min(leaf.end, leaf.start + 2 * MAX_INDEXED_BYTES)
    return decoded_whole(raw[leaf.start : end], leaf.part.encoding)[:MAX_INDEXED_BYTES]


def _told(address: Address | None) -> list[str] | None:
    return [address.spec, address.name] if address else None


def _address(told: list[str] | None) -> Address | None:
    return Address(told[0], told[1]) if told else None


def _searched(addresses: Any) -> str:
    return " ".join(f"{one.name} <{one.spec}>" for one in addresses)
