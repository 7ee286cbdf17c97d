"""What tests of sending share: an account whose mails go to a server of the test's, and a mailbox in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any, cast

from mcp_email.attachments import AttachmentStore
from mcp_email.config import Limits, Server
from mcp_email.errors import MailboxAway
from mcp_email.mail import Address, Folder, Plan, Summary, Wanted
from mcp_email.mailbox import Mailbox
from mcp_email.sending.ledger import Ledger
from mcp_email.sending.plan import planned
from mcp_email.sending.sender import Confirmation, Preview, Sender, SendingAccount
from mcp_email.sending.spool import Spool
from mcp_email.sending.store import Store, open_store
from mcp_email.smtp import SmtpTransport
from shared.service_tokens import Principal

ADA = Principal(subject="ada", tenant="home")
ADA_ADDRESS = Address("ada@example.org", "Ada Lovelace")
BOB = Address("bob@example.com", "Bob")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GENEROUS = Limits(sends_a_minute=1000, a_day_to_one=1000, new_domains_a_day=1000)


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = NOON.timestamp()

    def __call__(self) -> float:
        return self.now_s


@dataclass
class MemoryMailbox:
    """The parts of a mailbox that sending uses."""

    sent: list[bytes] = field(default_factory=list[bytes])
    known: set[str] = field(default_factory=set[str])
    is_away: bool = False

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)

    def _look(self) -> None:
        if self.is_away:
            raise MailboxAway("The mail server cannot be reached.")

    async def keep_sent(self, raw: bytes) -> None:
        self._look()
        if raw not in self.sent:
            self.sent.append(raw)

    async def written_to(self, addresses: Collection[str]) -> frozenset[str]:
        self._look()
        return frozenset(self.known & set(addresses))

    async def folders(self) -> list[Folder]:
        self._look()
        return [Folder("INBOX", "inbox"), Folder("Sent", "sent"), Folder("Drafts", "drafts")]

    async def find(self, message_id: str) -> list[Summary]:
        self._look()
        return [
            Summary("1", "Sent", message_id, None, (), "", None, NOON, len(raw), frozenset(), False)
            for raw in self.sent
            if BytesHeaderParser().parsebytes(raw)["Message-ID"] == f"<{message_id}>"
        ]


def wanted(**changes: Any) -> Wanted:
    """A small mail to Bob."""
    mail = Wanted(account="work", to=(BOB,), cc=(), bcc=(), subject="Lunch", body="At noon?\n")
    return replace(mail, **changes)


def plan_of(mail: Wanted, message_id: str = "1@example.org") -> Plan:
    """The plan for it."""
    return planned(mail, ADA_ADDRESS, None, GENEROUS).plan(message_id, NOON)


async def yes(_: Preview) -> Confirmation:
    """A person who agrees, each time anew."""
    return Confirmation(True, f"yes-{id(asyncio.current_task())}-{datetime.now(UTC).timestamp()}")


def account_at(
    port: int, mailbox: MemoryMailbox | None = None, *, timeout_s: float = 5, **changes: Any
) -> SendingAccount:
    """An account that sends over this port of the machine."""
    server = Server(host="127.0.0.1", port=port, security="plain", timeout_s=timeout_s)
    account = SendingAccount(
        name="work",
        sender=ADA_ADDRESS,
        mailbox=cast("Mailbox", mailbox or MemoryMailbox()),
        transport=SmtpTransport(server),
        limits=GENEROUS,
    )
    return replace(account, **changes)


def sender_in(
    folder: Path,
    clock: Callable[[], float] | None = None,
    store: Store | None = None,
    pause: Callable[[], Awaitable[None]] | None = None,
) -> Sender:
    """A sender whose ledger, attachments and spool are in the folder."""
    attachments = AttachmentStore(folder / "attachments", clock or Clock())
    spool = Spool(folder / "spool")
    attachments.prepare()
    spool.prepare()
    ledger = Ledger(store or open_store(folder / "ledger.db"))
    sender = Sender(ledger, attachments, spool, clock or Clock())
    if pause is not None:
        sender.pause = pause
    return sender
