"""Makes of a tool's arguments the mail that is wanted. What it quotes or answers is another person's text: data."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from mcp_email.accounts import OpenAccount
from mcp_email.addresses import looks_like_address, parse_address, parse_addresses
from mcp_email.attachments import UNKNOWN, AttachmentStore
from mcp_email.errors import BadAddress, BadContent, MailTooLarge, NoSuchMail
from mcp_email.header_text import body_text, decoded_words, header_text, unsafe_character
from mcp_email.mail import Address, Attached, Outline, Part, Wanted
from mcp_email.reading.charset import decoded
from mcp_email.reading.envelope import Envelope, envelope_of
from mcp_email.reading.headers import fields_of
from mcp_email.reading.text import text_of
from mcp_email.templates import Template
from shared.service_tokens import Principal
from shared.untrusted.characters import clean

MAX_QUOTED = 20_000
"""Characters of the original that an answer quotes."""
MAX_SUBJECT = 800

_ANSWERED = re.compile(r"\s*(re|aw|sv|antw)\s*(\[\d+\])?\s*:", re.IGNORECASE)
_FORWARDED = re.compile(r"\s*(fwd?|wg|tr)\s*:", re.IGNORECASE)
_MESSAGE_ID = re.compile(
    r"[^\s<>(),;\"\x00-\x20\x7f-\U0010ffff]{1,400}@[^\s<>(),;\"\x00-\x20\x7f-\U0010ffff]{1,90}"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that a caller wants to write, and what is to be done with it."""

    account: OpenAccount
    wanted: Wanted
    mode: Literal["send", "draft"] = "send"
    draft_id: str | None = None
    """The draft that this is, or that it replaces."""
    warnings: tuple[str, ...] = ()
    """For the person, beside those that sending knows."""


@dataclass(frozen=True, slots=True)
class Text:
    """What the caller says of a mail, as given."""

    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    subject: str = ""
    body: str = ""
    html: str | None = None
    attachments: Sequence[str] = ()
    """Handles."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes letters of people. Sends and keeps nothing, but for the attachments of mails that are passed on."""

    attachments: AttachmentStore

    async def new(
        self, caller: Principal, account: OpenAccount, text: Text, in_reply_to: str | None = None
    ) -> Letter:
        """A mail of its own, or in a thread without being addressed by it.

        Raises:
            BadAddress, BadContent, NoSuchMail: naming what is wrong.
        """
        thread = _Thread()
        if in_reply_to is not None:
            thread = _thread_of(await account.mailbox.outline(in_reply_to))
        wanted = Wanted(
            account=account.name,
            to=parse_addresses(text.to, "to"),
            cc=parse_addresses(text.cc, "cc"),
            bcc=parse_addresses(text.bcc, "bcc"),
            subject=header_text(text.subject, "subject"),
            body=body_text(text.body, "body"),
            html=body_text(text.html, "html") if text.html else None,
            attachments=await self._attached(caller, text.attachments),
            in_reply_to=thread.in_reply_to,
            references=thread.references,
        )
        return Letter(account, wanted)

    async def from_template(
        self,
        caller: Principal,
        account: OpenAccount,
        template: Template,
        variables: Mapping[str, str],
        text: Text,
    ) -> Letter:
        """A template with its blanks filled. Raises BadContent, BadAddress, NoSuchMail."""
        filled = template.render(variables)
        return await self.new(
            caller,
            account,
            replace(text, subject=filled.subject, body=filled.body, html=filled.html),
        )

    async def reply(
        self,
        caller: Principal,
        account: OpenAccount,
        mail_id: str,
        text: Text,
        *,
        reply_all: bool,
        quote: bool,
    ) -> Letter:
        """An answer to whom the mail is from: to its Reply-To only where the account's allowlist holds that.

        Raises:
            NoSuchMail, BadContent, MailboxAway: the original, or what is said.
            BadAddress: nobody is left to answer.
        """
        outline = await account.mailbox.outline(mail_id)
        to, cc, warnings = _answered(outline, account, reply_all=reply_all)
        cc = (*cc, *parse_addresses(text.cc, "cc"))
        thread = _thread_of(outline)
        body = body_text(text.body, "body")
        if quote:
            body += await _quotation(account, outline)
        wanted = Wanted(
            account=account.name,
            to=to,
            cc=cc,
            bcc=parse_addresses(text.bcc, "bcc"),
            subject=_subject(outline.summary.subject, "Re: ", _ANSWERED),
            body=body,
            attachments=await self._attached(caller, text.attachments),
            in_reply_to=thread.in_reply_to,
            references=thread.references,
        )
        return Letter(account, wanted, warnings=warnings)

    async def forward(
        self,
        caller: Principal,
        account: OpenAccount,
        mail_id: str,
        text: Text,
        *,
        with_attachments: bool,
    ) -> Letter:
        """The mail's text, and its files, to others. Hidden text does not travel.

        Raises:
            NoSuchMail, BadAddress, BadContent, MailTooLarge, MailboxAway: naming what is wrong.
        """
        outline = await account.mailbox.outline(mail_id)
        files = await self._attached(caller, text.attachments)
        if with_attachments:
            files += await self._files_of(caller, account, outline)
        wanted = Wanted(
            account=account.name,
            to=parse_addresses(text.to, "to"),
            cc=parse_addresses(text.cc, "cc"),
            bcc=parse_addresses(text.bcc, "bcc"),
            subject=_subject(outline.summary.subject, "Fwd: ", _FORWARDED),
            body=body_text(text.body, "body") + await _passed_on(account, outline),
            attachments=files,
        )
        return Letter(account, wanted)

    async def draft(self, caller: Principal, account: OpenAccount, draft_id: str) -> Letter:
        """A draft as it would be sent. Raises NoSuchMail: it is none."""
        outline = await account.mailbox.outline(draft_id)
        folders = {one.name: one.role for one in await account.mailbox.folders()}
        if folders.get(outline.summary.folder) != "drafts":
            raise NoSuchMail("There is no such draft.", hint="search_email finds drafts.")
        envelope = envelope_of(fields_of(outline.headers))
        wanted = Wanted(
            account=account.name,
            to=_strict(envelope.to, "to"),
            cc=_strict(envelope.cc, "cc"),
            bcc=_strict(envelope.bcc, "bcc"),
            subject=header_text(envelope.subject, "subject"),
            body=await _body(account, outline, "text/plain") or "",
            html=await _body(account, outline, "text/html"),
            attachments=await self._files_of(caller, account, outline),
            in_reply_to=_usable_id(envelope.in_reply_to),
            references=tuple(filter(None, map(_usable_id, envelope.references))),
        )
        return Letter(account, wanted, draft_id=draft_id)

    async def _attached(self, caller: Principal, handles: Sequence[str]) -> tuple[Attached, ...]:
        return tuple(
            [await asyncio.to_thread(self.attachments.get, caller, one) for one in handles]
        )

    async def _files_of(
        self, caller: Principal, account: OpenAccount, outline: Outline
    ) -> tuple[Attached, ...]:
        return tuple(
            [
                await self.attach(caller, account, outline, part)
                for part in outline.parts
                if part.is_attachment
            ]
        )

    async def attach(
        self, caller: Principal, account: OpenAccount, outline: Outline, part: Part
    ) -> Attached:
        """Keep a file of a mail so that it can be sent. Raises MailTooLarge, BadContent: it cannot."""
        limit = account.sending.limits.attachment_bytes
        content, is_more = await account.mailbox.part(outline.summary.id, part.number, limit)
        if is_more:
            raise MailTooLarge(
                f"The attachment {part.name!r} is beyond the limit attachment_bytes of {limit}.",
                hint="Leave it out.",
                limit="attachment_bytes",
                size=part.size,
            )
        name = part.name or f"attachment-{part.number}"
        media_type = part.media_type if "/" in part.media_type else UNKNOWN
        return await asyncio.to_thread(self.attachments.add, caller, name, content, media_type)


@dataclass(frozen=True, slots=True)
class _Thread:
    """Where in a conversation a mail stands."""

    in_reply_to: str = ""
    references: tuple[str, ...] = ()


def _thread_of(outline: Outline) -> _Thread:
    """An answer's place (RFC 5322 section 3.6.4), of ids that are safe to repeat: the original's are foreign text."""
    summary = outline.summary
    answered = _usable_id(summary.message_id)
    earlier = summary.references or ((summary.in_reply_to,) if summary.in_reply_to else ())
    references = [*filter(None, map(_usable_id, earlier)), answered]
    return _Thread(answered, tuple(one for one in dict.fromkeys(references) if one))


def _usable_id(message_id: str) -> str:
    return message_id if _MESSAGE_ID.fullmatch(message_id) and "=?" not in message_id else ""


def _answered(
    outline: Outline, account: OpenAccount, *, reply_all: bool
) -> tuple[tuple[Address, ...], tuple[Address, ...], tuple[str, ...]]:
    """To, Cc and warnings of an answer."""
    envelope = envelope_of(fields_of(outline.headers))
    own = account.sending.sender.spec.lower()
    sender = outline.summary.sender
    is_own = sender is not None and sender.spec.lower() == own
    warnings: list[str] = []
    if is_own:
        first: tuple[Address, ...] = envelope.to
    else:
        first, warnings = _to_the_sender(sender, envelope, account)
    others = (*(() if is_own else envelope.to), *envelope.cc) if reply_all else ()
    to = _usable([one for one in first if one.spec.lower() != own or len(first) == 1], warnings)
    cc = _usable([one for one in others if one.spec.lower() != own], warnings)
    if not to and not cc:
        raise BadAddress(
            "The mail names nobody who can be answered.",
            hint="Use send_email with the address you mean.",
            field="to",
        )
    return tuple(to), tuple(cc), tuple(warnings)


def _to_the_sender(
    sender: Address | None, envelope: Envelope, account: OpenAccount
) -> tuple[tuple[Address, ...], list[str]]:
    """A Reply-To is where the writer, or who forged him, wants answers: taken only where the owner allowed it."""
    elsewhere = [
        one
        for one in envelope.reply_to
        if sender is None or one.spec.lower() != sender.spec.lower()
    ]
    if not elsewhere:
        return ((sender,) if sender else ()), []
    allowed = account.sending.allowed
    if allowed is not None and all(allowed.allows(one) for one in elsewhere):
        return envelope.reply_to, []
    told = ", ".join(one.spec for one in elsewhere)
    warning = f"The mail asks for answers to {told}; this one goes to its sender."
    return ((sender,) if sender else ()), [warning]


def _usable(addresses: Sequence[Address], warnings: list[str]) -> list[Address]:
    """Those that may be written to; the rest is told."""
    usable: list[Address] = []
    for one in addresses:
        try:
            usable.append(_written(one, "to"))
        except BadAddress:
            warnings.append(f"Left out, because it cannot be written to: {clean(one.spec)[:100]}.")
    return usable


def _strict(addresses: Sequence[Address], field: str) -> tuple[Address, ...]:
    return tuple(_written(one, field) for one in addresses)


def _written(address: Address, field: str) -> Address:
    """A foreign address, held to the rules of ours; its name only when it may stand in a header."""
    spec = parse_address(address.spec, field).spec
    name = address.name
    try:
        header_text(name, field, max_octets=200)
    except BadContent:
        name = ""
    return Address(spec, "" if looks_like_address(name) else name)


def _subject(original: str, prefix: str, known: re.Pattern[str]) -> str:
    """The original's subject, one line without anything encoded, with one prefix."""
    text = decoded_words(original)
    text = "".join(" " if unsafe_character(one) else one for one in text)
    text = " ".join(text.replace("=?", "= ?").split())
    while len(text.encode()) > MAX_SUBJECT:
        text = text[: len(text) - 20]
    return text if known.match(text) else f"{prefix}{text}".strip()


async def _quotation(account: OpenAccount, outline: Outline) -> str:
    text = await _readable(account, outline)
    who = outline.summary.sender
    name = (who.name or who.spec) if who else "somebody"
    when = _day(outline.summary.date or outline.summary.received)
    lines = [f"> {line}".rstrip() for line in text.splitlines()]
    return "\n".join(["", f"On {when}, {clean(name)} wrote:", *lines]) + "\n"


async def _passed_on(account: OpenAccount, outline: Outline) -> str:
    summary = outline.summary
    sender = summary.sender
    said = {
        "From": f"{sender.name} <{sender.spec}>".strip() if sender else "",
        "Date": _day(summary.date or summary.received),
        "Subject": summary.subject,
        "To": ", ".join(one.spec for one in summary.to[:20]),
    }
    head = [f"{name}: {clean(text)}" for name, text in said.items() if text]
    text = await _readable(account, outline)
    return "\n".join(["", "---------- Forwarded message ----------", *head, "", text]) + "\n"


async def _readable(account: OpenAccount, outline: Outline) -> str:
    """The original's text as people see it."""
    read = await text_of(account.mailbox, outline, 0, MAX_QUOTED)
    more = "\n[…]" if read.next_offset is not None else ""
    return clean(read.text).strip("\n") + more


async def _body(account: OpenAccount, outline: Outline, media_type: str) -> str | None:
    """A draft's text of this kind, whole."""
    part = next(
        (one for one in outline.parts if one.media_type == media_type and not one.is_attachment),
        None,
    )
    if part is None:
        return None
    limit = account.sending.limits.body_bytes
    content, is_more = await account.mailbox.part(outline.summary.id, part.number, limit)
    if is_more:
        raise MailTooLarge("The draft's text is too long.", limit="body_bytes", size=part.size)
    return body_text(decoded(content, part.charset), "body")


def _day(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M %z").strip()
