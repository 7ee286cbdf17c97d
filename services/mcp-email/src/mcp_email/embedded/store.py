"""All embedded mailboxes: makes one for everybody who asks, takes mail in, and hands mail out to it."""

import json
import secrets
import sqlite3
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mcp_email.config import Server
from mcp_email.embedded import rows
from mcp_email.embedded.database import Database
from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.parsed import ParsedMail, parsed
from mcp_email.embedded.rows import Owner
from mcp_email.embedded.seed import Seeded, seed
from mcp_email.embedded.smtp_in import listening
from mcp_email.mail import Address, Role
from mcp_email.smtp import SmtpTransport
from shared.errors import Unavailable

FOLDERS: dict[Role, str] = {
    "inbox": "Inbox",
    "archive": "Archive",
    "drafts": "Drafts",
    "sent": "Sent",
    "junk": "Junk",
    "trash": "Trash",
}
MAX_OUTSIDE = 1_000
"""Mails of one person to people who are not here that are kept."""
MAX_SAME_ADDRESS = 100
REMOVED_AT_ONCE = 500
"""Mails, in one transaction."""

Seed = Callable[[Address, datetime], Sequence[Seeded]]


@dataclass(frozen=True, slots=True)
class OutsideMail:
    """A mail to people who have no mailbox here: kept, and sent nowhere."""

    recipients: tuple[str, ...]
    received: datetime
    raw: bytes


class EmbeddedStore:
    """The file with everybody's mailbox. Belongs to one event loop; several processes may use the file."""

    def __init__(
        self, path: Path, seeded: Seed = seed, now_s: Callable[[], float] = time.time
    ) -> None:
        """Nothing is opened before `start`. `seeded` gives the mails that a new mailbox begins with."""
        self._database = Database(path)
        self._seeded = seeded
        self._now_s = now_s
        self._port: int | None = None

    def start(self) -> None:
        """Open the file. Raises BadSetup."""
        self._database.open()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    async def mailbox(
        self, tenant: str, subject: str, account: str, address: str, name: str
    ) -> EmbeddedMailbox:
        """This person's mailbox, made and filled when it is asked for the first time.

        Addresses are given out once: when another mailbox has it, this one's gets a number (`ada2@…`). The mailbox
        keeps the address and name that it was made with; `address` of what is given back is the one that counts.
        Raises MailboxAway.
        """
        key = (tenant, subject, account)
        found = await self._database.read(lambda connection: _find(connection, *key))
        if found is None:
            found = await self._database.write(
                lambda connection: (
                    _find(connection, *key) or self._make(connection, key, address, name)
                )
            )
        owner, its_address, its_name = found
        return EmbeddedMailbox(self._database, owner, its_address, its_name, self._now_s)

    @asynccontextmanager
    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[int]:
        """Take mail by SMTP for as long as the context is open; gives the port."""
        async with listening(self, host, port) as taken:
            self._port = taken
            try:
                yield taken
            finally:
                self._port = None

    def transport(self) -> SmtpTransport:
        """A way to send: by SMTP to ourselves. Raises Unavailable while nobody listens."""
        if self._port is None:
            raise Unavailable("The embedded mail server does not listen.")
        return SmtpTransport(Server(host="127.0.0.1", port=self._port, security="plain"))

    async def knows(self, address: str) -> bool:
        """Whether a mailbox here has this address."""
        return bool(
            await self._database.read(
                lambda connection: connection.execute(
                    "SELECT 1 FROM mailbox WHERE address_key = ?", (address.lower(),)
                ).fetchone()
            )
        )

    async def deliver(self, sender: str, recipients: Collection[str], raw: bytes) -> None:
        """Put a mail into the inbox of everybody who is here, and keep it as sent outside for the others.

        All of it or nothing. Raises MailboxAway: a mailbox is full.
        """
        mail = parsed(raw)
        await self._database.write(
            lambda connection: self._deliver(connection, sender, recipients, mail)
        )

    async def sent_outside(self, mailbox: EmbeddedMailbox, limit: int) -> list[OutsideMail]:
        """What this mailbox sent to people who are not here, the newest first."""
        owner = mailbox._owner  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - made here

        def query(connection: sqlite3.Connection) -> list[OutsideMail]:
            found = connection.execute(
                "SELECT recipients, received_at, octets FROM outside WHERE mailbox_id = ?"
                " ORDER BY id DESC LIMIT ?",
                (owner.id, limit),
            )
            return [
                OutsideMail(
                    tuple(json.loads(to)), datetime.fromtimestamp(at, UTC), zlib.decompress(octets)
                )
                for to, at, octets in found
            ]

        return await self._database.read(query)

    async def remove_part(self, tenant: str) -> bool:
        """Delete some mails of a tenant, or a mailbox that has none. Whether no mailbox is left. Raises MailboxAway."""
        return await self._database.write(lambda connection: _remove_part(connection, tenant))

    def _make(
        self, connection: sqlite3.Connection, key: tuple[str, str, str], address: str, name: str
    ) -> tuple[Owner, str, str]:
        address = _free_address(connection, address)
        secret = secrets.token_bytes(32)
        made = connection.execute(
            "INSERT INTO mailbox (tenant, subject, account, address, address_key, name, secret)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, address, address.lower(), name, secret),
        )
        owner = Owner(made.lastrowid or 0, secret)
        connection.executemany(
            "INSERT INTO folder (mailbox_id, name, role) VALUES (?, ?, ?)",
            [(owner.id, shown, role) for role, shown in FOLDERS.items()],
        )
        now = datetime.fromtimestamp(self._now_s(), UTC)
        for one in self._seeded(Address(address, name), now):
            rows.add_mail(
                connection,
                owner,
                parsed(one.raw),
                role=one.role,
                received_at=one.received.timestamp(),
                flags=one.flags,
            )
        return owner, address, name

    def _deliver(
        self,
        connection: sqlite3.Connection,
        sender: str,
        recipients: Collection[str],
        mail: ParsedMail,
    ) -> None:
        outside: list[str] = []
        for recipient in dict.fromkeys(recipients):
            owner = _find_address(connection, recipient)
            if owner is None:
                outside.append(recipient)
            else:
                rows.add_mail(connection, owner, mail, role="inbox", received_at=self._now_s())
        owner = _find_address(connection, sender)
        if outside and owner is not None:
            connection.execute(
                "INSERT INTO outside (mailbox_id, received_at, recipients, size, octets)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    owner.id,
                    self._now_s(),
                    json.dumps(outside),
                    len(mail.raw),
                    zlib.compress(mail.raw),
                ),
            )
            connection.execute(
                "DELETE FROM outside WHERE mailbox_id = ?1 AND id NOT IN"
                " (SELECT id FROM outside WHERE mailbox_id = ?1 ORDER BY id DESC LIMIT ?2)",
                (owner.id, MAX_OUTSIDE),
            )


def _find(
    connection: sqlite3.Connection, tenant: str, subject: str, account: str
) -> tuple[Owner, str, str] | None:
    row = connection.execute(
        "SELECT id, secret, address, name FROM mailbox"
        " WHERE tenant = ? AND subject = ? AND account = ?",
        (tenant, subject, account),
    ).fetchone()
    return (Owner(row[0], row[1]), row[2], row[3]) if row else None


def _find_address(connection: sqlite3.Connection, address: str) -> Owner | None:
    row = connection.execute(
        "SELECT id, secret FROM mailbox WHERE address_key = ?", (address.lower(),)
    ).fetchone()
    return Owner(*row) if row else None


def _free_address(connection: sqlite3.Connection, address: str) -> str:
    local_part, _, domain = address.rpartition("@")
    for number in range(1, MAX_SAME_ADDRESS):
        tried = address if number == 1 else f"{local_part}{number}@{domain}"
        if _find_address(connection, tried) is None:
            return tried
    return f"{local_part}.{secrets.token_hex(4)}@{domain}"


def _remove_part(connection: sqlite3.Connection, tenant: str) -> bool:
    found = connection.execute(
        "SELECT id, secret FROM mailbox WHERE tenant = ? LIMIT 1", (tenant,)
    ).fetchone()
    if found is None:
        return True
    owner = Owner(*found)
    mails = connection.execute(
        "SELECT id FROM mail WHERE mailbox_id = ? LIMIT ?", (owner.id, REMOVED_AT_ONCE)
    ).fetchall()
    for (mail_id,) in mails:
        rows.remove_mail(connection, owner, mail_id)
    if not mails:
        for statement in (
            "DELETE FROM outside WHERE mailbox_id = ?",
            "DELETE FROM folder WHERE mailbox_id = ?",
            "DELETE FROM mailbox WHERE id = ?",
        ):
            connection.execute(statement, (owner.id,))
    return False
