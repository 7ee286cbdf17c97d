"""Takes mail in by SMTP on this machine (RFC 5321, by aiosmtpd), for the embedded mailboxes."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from mcp_email.addresses import parse_address
from mcp_email.embedded.mailbox import MAX_MAIL
from mcp_email.errors import BadAddress, MailboxAway
from shared.errors import BadSetup

NAME = "mail.localhost"
MAX_RECIPIENTS = 100
TIMEOUT_S = 60.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Inboxes(Protocol):
    """Where mail goes."""

    async def knows(self, address: str) -> bool: ...

    async def deliver(self, sender: str, recipients: Collection[str], raw: bytes) -> None: ...


@asynccontextmanager
async def listening(inboxes: Inboxes, host: str, port: int) -> AsyncGenerator[int]:
    """A listener on a loopback address; gives its port (another one for 0). Raises BadSetup."""
    if host not in LOOPBACK:
        raise BadSetup("The embedded mail server listens on 127.0.0.1 or ::1 only.")
    handler = _Handler(inboxes)

    def session() -> SMTP:
        return SMTP(
            handler,
            data_size_limit=MAX_MAIL,
            hostname=NAME,
            ident="Steward",
            timeout=TIMEOUT_S,
            loop=asyncio.get_running_loop(),
        )

    try:
        server = await asyncio.get_running_loop().create_server(session, host, port)
    except OSError as error:
        raise BadSetup(f"The embedded mail server cannot listen: {error.strerror}.") from None
    async with server:
        yield server.sockets[0].getsockname()[1]


class _Handler:
    """What aiosmtpd asks. Its method names are aiosmtpd's."""

    def __init__(self, inboxes: Inboxes) -> None:
        self._inboxes = inboxes

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Mailboxes here may write to anybody; strangers only to mailboxes here."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            address = parse_address(address, "to").spec
        except BadAddress:
            return "553 5.1.3 That is no address"
        try:
            if not await self._inboxes.knows(address) and not await self._inboxes.knows(
                envelope.mail_from or ""
            ):
                return "550 5.1.1 There is no such mailbox here"
        except MailboxAway:
            return "451 4.3.0 The mailboxes are not there now"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,
        envelope: Envelope,
    ) -> str:
        """The answer comes after the mail is on the disk."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        sender = envelope.mail_from or ""
        try:
            await self._inboxes.deliver(sender, envelope.rcpt_tos, _trace(session, sender) + raw)
        except MailboxAway:
            return "452 4.2.2 A mailbox is full or cannot be used now"
        return "250 2.0.0 OK"


def _trace(session: Session, sender: str) -> bytes:
    """What a mail server writes above a mail (RFC 5321 section 4.4). Nothing of it is the client's own words."""
    peer = session.peer[0] if session.peer else "localhost"
    protocol = "ESMTP" if session.extended_smtp else "SMTP"
    safe_sender = sender if sender.isascii() and sender.isprintable() else ""
    return (
        f"Return-Path: <{safe_sender}>\r\n"
        f"Received: from [{peer}] by {NAME} with {protocol};\r\n"
        f" {format_datetime(datetime.now(UTC))}\r\n"
    ).encode()
