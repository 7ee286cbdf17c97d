"""What the server needs of a mailbox and of a way to send. IMAP/SMTP and the embedded store implement both."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from mcp_email.mail import Delivery, Flag, Folder, Outline, Page, Search, Summary


class Mailbox(Protocol):
    """One account's mail. Belongs to one event loop; made without I/O.

    Everything may raise (from mcp_email.errors) MailboxAway, and NoSuchMail for an id, folder or part that is not
    there. Reading never sets \\Seen, never loads anything from elsewhere, and never takes more than it says.
    """

    async def start(self) -> None:
        """Connect once, to find a wrong password at start. Raises BadSetup with what to change."""
        ...

    async def close(self) -> None: ...

    async def problem(self) -> str | None:
        """Why it cannot be used right now. None: it can."""
        ...

    async def folders(self) -> list[Folder]:
        """All folders, the inbox first."""
        ...

    async def search(self, search: Search, limit: int, cursor: str | None) -> Page:
        """Mails that fit, the newest first, at most `limit` (1 to 100). Raises NoSuchMail for a cursor that is none."""
        ...

    async def outline(self, mail_id: str) -> Outline:
        """A mail's headers and structure."""
        ...

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:
        """A part's content, decoded from its transfer encoding, at most `max_bytes`; and whether there is more."""
        ...

    async def thread(self, mail_id: str, limit: int) -> list[Summary]:
        """The mails of the conversation, over all folders but trash and junk, the oldest first, the newest `limit`."""
        ...

    async def find(self, message_id: str) -> list[Summary]:
        """Mails with this Message-ID, in any folder: to see whether one was sent, or which one is answered."""
        ...

    async def written_to(self, addresses: Collection[str]) -> frozenset[str]:
        """Those of the addresses that a mail in the sent folder went to."""
        ...

    async def save_draft(self, raw: bytes, replaces: str | None) -> str:
        """Keep a draft and give its id; the one it replaces must be a draft, and is gone afterwards."""
        ...

    async def discard_draft(self, mail_id: str) -> None:
        """Remove a draft that was sent. Raises NoSuchMail when it is none."""
        ...

    async def keep_sent(self, raw: bytes) -> None:
        """Put a copy into the sent folder, as read; once per Message-ID."""
        ...

    async def set_flags(
        self, mail_ids: Sequence[str], *, add: Collection[Flag], remove: Collection[Flag]
    ) -> None:
        """Set and clear flags on all of them."""
        ...

    async def move_to_trash(self, mail_ids: Sequence[str]) -> None:
        """Move them. Nothing is ever removed for good."""
        ...


class Transport(Protocol):
    """A way to hand a mail over for delivery."""

    async def send(
        self,
        sender: str,
        recipients: Sequence[str],
        data: bytes,
        before_data: Callable[[], Awaitable[None]],
    ) -> Delivery:
        """Hand over once; never tries again by itself.

        `before_data` is awaited after the last RCPT was answered and before DATA is sent: when it raises, nothing was
        sent. Some recipients refused: nothing is sent (`failed`), because the person said yes to all of them. Never
        raises for what the network or the server does.
        """
        ...

    async def problem(self) -> str | None:
        """Why nothing can be sent right now, after EHLO and sign-in. None: it can."""
        ...
