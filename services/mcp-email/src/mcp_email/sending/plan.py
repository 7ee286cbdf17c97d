"""Makes of what is wanted exactly what will be sent, and a digest by which two such mails are the same. Pure."""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mcp_email.attachments import file_name
from mcp_email.config import Limits
from mcp_email.errors import BadAddress, BadContent, MailTooLarge
from mcp_email.header_text import body_text, header_text
from mcp_email.mail import Address, Plan, Wanted
from mcp_email.sending.html import safe_html

MAX_REFERENCES = 20
"""The first and the newest ones: enough for a reader to find the thread (RFC 5322 section 3.6.4 sets no limit)."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A mail that is going to be sent, before it has a Message-ID."""

    sender: Address
    reply_to: Address | None
    wanted: Wanted
    digest: str

    def plan(self, message_id: str, date: datetime) -> Plan:
        """Fix what differs from one mail to the next."""
        return Plan(
            self.sender,
            self.reply_to,
            self.wanted,
            message_id,
            date.replace(microsecond=0),
            self.digest,
        )


def planned(
    wanted: Wanted,
    sender: Address,
    reply_to: Address | None,
    limits: Limits,
    *,
    is_draft: bool = False,
) -> Sending:
    """Bring it into the one form in which it is shown, compared and sent.

    Each address stands once: in To rather than Cc, in Cc rather than Bcc. HTML keeps only what is allowed. A draft may
    be to nobody yet.

    Raises:
        BadAddress, BadContent: naming the field.
        MailTooLarge: naming the limit.
    """
    canonical = _canonical(wanted, is_draft)
    _keep_to_limits(canonical, limits)
    return Sending(sender, reply_to, canonical, _digest(canonical, sender, reply_to))


def message_id_for(message_key: bytes, sender: Address, *identity: str) -> str:
    """The Message-ID of the mail with this identity (person, account, key): always the same, never guessed."""
    told = json.dumps(identity).encode()
    return f"{hmac.new(message_key, told, hashlib.sha256).hexdigest()[:40]}@{sender.domain}"


def _canonical(wanted: Wanted, is_draft: bool) -> Wanted:
    seen: set[str] = set()
    to, cc, bcc = (_once(addresses, seen) for addresses in (wanted.to, wanted.cc, wanted.bcc))
    if not seen and not is_draft:
        raise BadAddress("Nobody to send it to.", hint="Give at least one address.", field="to")
    for attached in wanted.attachments:
        if file_name(attached.name) != attached.name:
            raise BadContent("An attachment's name is none.", field="attachment name")
    return replace(
        wanted,
        to=to,
        cc=cc,
        bcc=bcc,
        subject=header_text(wanted.subject, "subject"),
        body=body_text(wanted.body, "body"),
        html=safe_html(body_text(wanted.html, "html")) if wanted.html else None,
        in_reply_to=_message_id(wanted.in_reply_to, "in_reply_to"),
        references=_shortened([_message_id(one, "references") for one in wanted.references]),
    )


def _once(addresses: Iterable[Address], seen: set[str]) -> tuple[Address, ...]:
    """Local parts differ in law by their case, and reach the same person in every case met.

    Readers of a header take several spaces in a name for one, so it has one.
    """
    kept: list[Address] = []
    for address in addresses:
        if address.spec.lower() not in seen:
            seen.add(address.spec.lower())
            name = " ".join(header_text(address.name, "a name").split())
            kept.append(replace(address, name=name))
    return tuple(kept)


def _message_id(text: str, field: str) -> str:
    header_text(text, field, max_octets=500)
    if text and (not text.isascii() or set(text) & set('<>(),;" ') or "@" not in text):
        raise BadContent(f"{field} is not a Message-ID.", field=field)
    return text


def _shortened(references: list[str]) -> tuple[str, ...]:
    kept = list(dict.fromkeys(one for one in references if one))
    return tuple(kept if len(kept) <= MAX_REFERENCES else [kept[0], *kept[1 - MAX_REFERENCES :]])


def _keep_to_limits(wanted: Wanted, limits: Limits) -> None:
    attached = sum(one.size for one in wanted.attachments)
    bodies = len(wanted.body.encode()) + len((wanted.html or "").encode())
    for what, size, limit in (
        ("recipients", len(wanted.to) + len(wanted.cc) + len(wanted.bcc), limits.recipients),
        ("body_bytes", bodies, limits.body_bytes),
        ("attachments", len(wanted.attachments), limits.attachments),
        (
            "attachment_bytes",
            max((one.size for one in wanted.attachments), default=0),
            limits.attachment_bytes,
        ),
        ("mail_bytes", attached + bodies, limits.mail_bytes),
    ):
        if size > limit:
            raise MailTooLarge(
                f"The mail is beyond the limit {what}: {size} of {limit}.", limit=what, size=size
            )


def _digest(wanted: Wanted, sender: Address, reply_to: Address | None) -> str:
    """Of what the mail says, not of how it was typed: addresses in any order, letters in one Unicode form."""
    told = {
        "account": wanted.account,
        "sender": _told([sender]),
        "reply_to": _told([reply_to] if reply_to else []),
        "to": _told(wanted.to),
        "cc": _told(wanted.cc),
        "bcc": _told(wanted.bcc),
        "subject": _nfc(wanted.subject),
        "body": _sha256(_nfc(wanted.body)),
        "html": _sha256(_nfc(wanted.html)) if wanted.html is not None else None,
        "attachments": sorted([one.sha256, one.name, one.media_type] for one in wanted.attachments),
        "in_reply_to": wanted.in_reply_to,
        "references": wanted.references,
    }
    return _sha256(json.dumps(told, sort_keys=True))


def _told(addresses: Iterable[Address]) -> list[list[str]]:
    return sorted([one.spec.lower(), _nfc(one.name)] for one in addresses)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
