"""Reads our own bytes again before they leave, and compares every header, address and octet with the plan."""

import hashlib
import re
from datetime import datetime
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader, DateHeader
from email.message import EmailMessage
from email.parser import BytesFeedParser
from email.utils import getaddresses

from mcp_email.mail import Plan

MAX_LINE = 998
BLOCK_OCTETS = 64 * 1024
_TEXT_OCTETS = bytes([*b"\t\r\n", *range(32, 127)])


class ComposedDiffers(Exception):
    """The mail we wrote is not the mail that was planned: a defect of ours, and nothing was sent."""


def verify_composed(raw: bytes, plan: Plan) -> None:
    """Raises ComposedDiffers, naming what differs and no content."""
    _check_lines(raw)
    names = header_names(raw)
    _check("header names", names, expected_names(plan))
    message = _parsed(raw)
    _check("parsed header names", message.keys(), names)
    wanted = plan.wanted
    for name, addresses in (
        ("From", (plan.sender,)),
        ("Reply-To", (plan.reply_to,) if plan.reply_to else ()),
        ("To", wanted.to),
        ("Cc", wanted.cc),
    ):
        _check(name, _parsed_addresses(message, name), [(one.name, one.spec) for one in addresses])
    _check("Date", _date(message), plan.date)
    _check("Subject", str(message["Subject"]), wanted.subject)
    _check("Message-ID", str(message["Message-ID"]), f"<{plan.message_id}>")
    _check(
        "In-Reply-To", _ids(message, "In-Reply-To"), [f"<{i}>" for i in [wanted.in_reply_to] if i]
    )
    _check("References", _ids(message, "References"), [f"<{i}>" for i in wanted.references])
    _check_parts(message, plan)


def _parsed(raw: bytes) -> EmailMessage:
    """Fed block by block: given all at once, the parser holds four octets for each."""
    parser = BytesFeedParser(EmailMessage, policy=policy.default)
    for start in range(0, len(raw), BLOCK_OCTETS):
        parser.feed(raw[start : start + BLOCK_OCTETS])
    return parser.close()


def expected_names(plan: Plan) -> list[str]:
    """The headers that a mail of this plan has, in their order, and no others."""
    wanted = plan.wanted
    is_there = {
        "Reply-To": plan.reply_to is not None,
        "To": bool(wanted.to),
        "Cc": bool(wanted.cc),
        "In-Reply-To": bool(wanted.in_reply_to),
        "References": bool(wanted.references),
        "Content-Transfer-Encoding": not wanted.attachments and wanted.html is None,
    }
    every = (
        "Date From Reply-To To Cc Subject Message-ID In-Reply-To References MIME-Version Content-Type "
        "Content-Transfer-Encoding"
    )
    return [name for name in every.split() if is_there.get(name, True)]


def header_names(raw: bytes) -> list[str]:
    """The names in the header block as a receiver that knows nothing but lines sees them."""
    block = raw.partition(b"\r\n\r\n")[0]
    names: list[str] = []
    for line in block.split(b"\r\n"):
        if line.startswith((b" ", b"\t")):
            continue
        name, colon, _ = line.partition(b":")
        if not colon or not re.fullmatch(rb"[!-9;-~]+", name):
            raise ComposedDiffers("a line of the header block is no header")
        names.append(name.decode())
    return names


def _check_lines(raw: bytes) -> None:
    are_whole = raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n")
    if raw.translate(None, _TEXT_OCTETS) or not are_whole:
        raise ComposedDiffers("there is an octet that is not ASCII text, or half a line break")
    if re.search(rb"(?m)^[^\r\n]{%d}" % (MAX_LINE + 1), raw):
        raise ComposedDiffers("a line is too long")


def _parsed_addresses(message: EmailMessage, name: str) -> list[tuple[str, str]]:
    header: object = message[name]
    if header is None:
        return []
    if not isinstance(header, AddressHeader) or getattr(header, "defects", ()):
        raise ComposedDiffers(f"{name} cannot be read")
    if any(group.display_name is not None for group in header.groups):
        raise ComposedDiffers(f"{name} holds a group")
    return list(
        zip(_names(message, name), [one.addr_spec for one in header.addresses], strict=True)
    )


def _names(message: EmailMessage, header: str) -> list[str]:
    """By the older reader: the newer one puts spaces between a name's encoded words, against RFC 2047 section 6.2."""
    [value] = [raw for name, raw in message.raw_items() if name == header]
    line = "".join(str(value).splitlines())
    return [str(make_header(decode_header(name))) for name, _ in getaddresses([line])]


def _date(message: EmailMessage) -> datetime | None:
    header: object = message["Date"]
    return header.datetime if isinstance(header, DateHeader) else None


def _ids(message: EmailMessage, name: str) -> list[str]:
    header: object = message[name]
    return [] if header is None else str(header).split()


def _check_parts(message: EmailMessage, plan: Plan) -> None:
    leaves = [part for part in message.walk() if not part.is_multipart()]
    around = [text for part in message.walk() for text in (part.preamble, part.epilogue) if text]
    _check("what stands around the parts", around, [])
    texts = [("text/plain", plan.wanted.body)]
    if plan.wanted.html is not None:
        texts.append(("text/html", plan.wanted.html))
    _check("number of parts", len(leaves), len(texts) + len(plan.wanted.attachments))
    for part, (media_type, text) in zip(leaves, texts, strict=False):
        _check("kind of a text", part.get_content_type(), media_type)
        octets = _octets(part)
        _check(media_type, octets.decode().replace("\r\n", "\n").rstrip("\n"), text.rstrip("\n"))
    for part, attached in zip(leaves[len(texts) :], plan.wanted.attachments, strict=True):
        _check("name of an attachment", part.get_filename(), attached.name)
        _check("kind of an attachment", part.get_content_type(), attached.media_type)
        _check("an attachment", hashlib.sha256(_octets(part)).hexdigest(), attached.sha256)


def _octets(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise ComposedDiffers("a part has no content")
    return content


def _check(what: str, found: object, planned: object) -> None:
    if found != planned:
        raise ComposedDiffers(what)
