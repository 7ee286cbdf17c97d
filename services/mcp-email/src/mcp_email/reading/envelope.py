"""Who wrote a mail to whom, when, about what, and what it answers. Pure; what is none of these is left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

from mcp_email.addresses import domain_as_sent
from mcp_email.mail import Address
from mcp_email.reading.charset import decoded
from mcp_email.reading.headers import Fields, all_of, first, text_of_value, words_decoded
from shared.untrusted.characters import clean_line

MAX_ADDRESSES = 200
MAX_REFERENCES = 100
_MAX_LIST = 32 * 1024
_PLAIN_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_MESSAGE_ID = re.compile(
    rb"<([!#-\'*+./0-:=?@A-Z\[\]\\^_`a-z{|}~-]{1,400}@[!#-\'*+./0-:=?@A-Z\[\]\\^_`a-z{|}~-]{1,250})>"
)
_PIECE = re.compile(r'"(?:[^"\\]|\\.){0,300}"|[,;<>()]|[^",;<>()]+|.', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers say; nobody has proved any of it."""

    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    date: datetime | None
    message_id: str
    in_reply_to: str
    references: tuple[str, ...]


def envelope_of(fields: Fields) -> Envelope:
    """The first header of each name counts."""
    senders = addresses_in(first(fields, "from"))
    references = tuple(dict.fromkeys(_message_ids(first(fields, "references"))))
    return Envelope(
        sender=senders[0] if senders else None,
        reply_to=addresses_in(first(fields, "reply-to")),
        to=_all_addresses(fields, "to"),
        cc=_all_addresses(fields, "cc"),
        bcc=_all_addresses(fields, "bcc"),
        subject=text_of_value(first(fields, "subject")),
        date=_date(first(fields, "date")),
        message_id=next(_message_ids(first(fields, "message-id")), ""),
        in_reply_to=next(_message_ids(first(fields, "in-reply-to")), ""),
        references=references
        if len(references) <= MAX_REFERENCES
        else (references[0], *references[1 - MAX_REFERENCES :]),
    )


def _all_addresses(fields: Fields, name: str) -> tuple[Address, ...]:
    found = (one for value in all_of(fields, name)[:20] for one in addresses_in(value))
    return tuple(dict.fromkeys(found))[:MAX_ADDRESSES]


def addresses_in(value: bytes) -> tuple[Address, ...]:
    """The addresses of a list, at most 200. What stands in the last angle brackets of an item counts."""
    text = decoded(value[:_MAX_LIST], "utf-8")
    found: list[Address] = []
    for name, spec in _items(text):
        address = _address(name, spec)
        if address is not None:
            found.append(address)
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(found)


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Name and address of each item. Comments count as nothing, and groups as their members."""
    plain: list[str] = []
    angled: list[str] | None = None
    is_in_angles, comments = False, 0
    for piece in (*_PIECE.findall(text), ","):
        if piece == "(":
            comments += 1
        elif piece == ")":
            comments = max(0, comments - 1)
        elif comments and piece != ",":
            continue
        elif piece in {",", ";"} and not is_in_angles:
            yield _item("".join(plain), angled)
            plain, angled, comments = [], None, 0
        elif piece == "<":
            if angled is not None:
                plain += ["<", *angled, ">"]
            angled, is_in_angles = [], True
        elif piece == ">":
            is_in_angles = False
        elif is_in_angles and angled is not None:
            angled.append(piece)
        else:
            plain.append(piece)
    if angled is not None:
        yield _item("".join(plain), angled)


def _item(plain: str, angled: list[str] | None) -> tuple[str, str]:
    if angled is not None:
        return plain, "".join(angled)
    group, _, member = plain.rpartition(":")
    return "", member if group else plain


def _address(name: str, spec: str) -> Address | None:
    spec = "".join(spec.split())
    local_part, _, domain = spec.rpartition("@")
    if spec != clean_line(spec, 320) or not local_part:
        return None
    domain = domain.lower()
    if not _PLAIN_DOMAIN.fullmatch(domain):
        domain = domain_as_sent(domain) or ""
    if not domain:
        return None
    name = re.sub(r"\\(.)", r"\1", name.replace('"', " ")) if '"' in name else name
    return Address(f"{local_part}@{domain}", clean_line(words_decoded(name), 200))


def _message_ids(value: bytes) -> Iterator[str]:
    for found in _MESSAGE_ID.finditer(value):
        yield found[1].decode("ascii")


def _date(value: bytes) -> datetime | None:
    try:
        told = parsedate_tz(value[:200].decode("ascii", "replace"))
        if told is None:
            return None
        offset = timedelta(seconds=told[9] or 0)
        return datetime(*told[:6], tzinfo=timezone(offset) if offset else UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
