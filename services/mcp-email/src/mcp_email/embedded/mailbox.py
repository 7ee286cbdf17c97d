"""One person's embedded mailbox: the Mailbox port over rows."""

import sqlite3
from collections.abc import Callable, Collection, Sequence

from mcp_email.embedded import rows
from mcp_email.embedded.database import Database
from mcp_email.embedded.parsed import leaves_from, parsed
from mcp_email.embedded.rows import Owner
from mcp_email.errors import MailboxAway, MailTooLarge, NoSuchMail
from mcp_email.mail import Flag, Folder, Outline, Page, Role, Search, Summary
from mcp_email.reading.transfer import TransferDecoder

MAX_MAIL = 25 * 1024 * 1024
MAX_PAGE = 100
READ_AT_ONCE = 256 * 1024
ORDER: tuple[Role, ...] = ("inbox", "archive", "drafts", "sent", "junk", "trash")


class EmbeddedMailbox:
    """A mailbox in the file. `address` is its own, which others reach it at."""

    def __init__(
        self,
        database: Database,
        owner: Owner,
        address: str,
        name: str,
        now_s: Callable[[], float],
    ) -> None:
        """Made by EmbeddedStore.mailbox. `now_s`: seconds since 1970."""
        self._database = database
        self._owner = owner
        self.address = address
        self.name = name
        self._now_s = now_s

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Its file belongs to the store."""

    async def problem(self) -> str | None:
        """As the port says."""
        try:
            await self._database.read(lambda connection: connection.execute("SELECT 1").fetchone())
        except MailboxAway as error:
            return str(error)
        return None

    async def folders(self) -> list[Folder]:
        """As the port says."""

        def query(connection: sqlite3.Connection) -> list[Folder]:
            found = connection.execute(
                "SELECT name, role, count(mail.id), count(CASE WHEN is_seen = 0 THEN 1 END)"
                " FROM folder LEFT JOIN mail ON mail.folder_id = folder.id"
                " WHERE folder.mailbox_id = ? GROUP BY folder.id",
                (self._owner.id,),
            )
            return sorted(
                (Folder(*row) for row in found),
                key=lambda one: (ORDER.index(one.role) if one.role else len(ORDER), one.name),
            )

        return await self._database.read(query)

    async def search(self, search: Search, limit: int, cursor: str | None) -> Page:
        """As the port says. Words of a text count one by one; a phrase in quotes stays together."""
        owner = self._owner
        below = owner.meant(cursor, "page") if cursor is not None else owner.last + 1
        limit = max(1, min(limit, MAX_PAGE))
        mails = await self._database.read(
            lambda connection: rows.list_mails(connection, owner, search, limit + 1, below)
        )
        if len(mails) <= limit:
            return Page(mails)
        return Page(mails[:limit], owner.told(owner.meant(mails[limit - 1].id), "page"))

    async def outline(self, mail_id: str) -> Outline:
        """As the port says."""

        def query(connection: sqlite3.Connection) -> Outline:
            number, _ = rows.get_row(connection, self._owner, mail_id)
            (summary,) = rows.list_by_ids(connection, self._owner, [number])
            leaves, is_cut, header_bytes = connection.execute(
                "SELECT leaves, is_cut, header_bytes FROM structure WHERE mail_id = ?", (number,)
            ).fetchone()
            headers = rows.read_octets(connection, number, 0, header_bytes)
            return Outline(
                summary, headers, tuple(leaf.part for leaf in leaves_from(leaves)), bool(is_cut)
            )

        return await self._database.read(query)

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:
        """As the port says. Takes memory for the answer twice, and for 256 KB of the mail."""

        def query(connection: sqlite3.Connection) -> tuple[bytes, bool]:
            mail, _ = rows.get_row(connection, self._owner, mail_id)
            (leaves,) = connection.execute(
                "SELECT leaves FROM structure WHERE mail_id = ?", (mail,)
            ).fetchone()
            leaf = next((one for one in leaves_from(leaves) if one.part.number == number), None)
            if leaf is None:
                raise NoSuchMail("The mail has no such part.", hint="read_email lists its parts.")
            decoder = TransferDecoder(leaf.part.encoding)
            content = bytearray()
            for place in range(leaf.start, leaf.end, READ_AT_ONCE):
                end = min(leaf.end, place + READ_AT_ONCE)
                octets = rows.read_octets(connection, mail, place, end)
                content += decoder.feed(octets, is_last=end == leaf.end)
                if len(content) > max_bytes:
                    return bytes(memoryview(content)[:max_bytes]), True
            return bytes(content), False

        return await self._database.read(query)

    async def thread(self, mail_id: str, limit: int) -> list[Summary]:
        """As the port says."""

        def query(connection: sqlite3.Connection) -> list[Summary]:
            number, _ = rows.get_row(connection, self._owner, mail_id)
            together = rows.list_thread(connection, self._owner, number)
            away = _names(connection, self._owner, "trash", "junk")
            found = rows.list_by_ids(connection, self._owner, together)
            return [one for one in found if one.folder not in away][-max(1, limit) :]

        return await self._database.read(query)

    async def find(self, message_id: str) -> list[Summary]:
        """As the port says."""

        def query(connection: sqlite3.Connection) -> list[Summary]:
            found = rows.list_with_message_id(connection, self._owner, message_id)
            return rows.list_by_ids(connection, self._owner, found)

        return await self._database.read(query)

    async def written_to(self, addresses: Collection[str]) -> frozenset[str]:
        """As the port says."""

        def query(connection: sqlite3.Connection) -> frozenset[str]:
            return frozenset(
                address
                for address in addresses
                if connection.execute(
                    "SELECT 1 FROM recipient JOIN mail ON mail.id = mail_id"
                    " JOIN folder ON folder.id = folder_id AND folder.role = 'sent'"
                    " WHERE recipient.mailbox_id = ? AND address_key = ? LIMIT 1",
                    (self._owner.id, address.lower()),
                ).fetchone()
            )

        return await self._database.read(query)

    async def save_draft(self, raw: bytes, replaces: str | None) -> str:
        """As the port says. Raises MailTooLarge beyond 25 MB."""
        _keep_to_limit(raw)
        mail = parsed(raw)

        def change(connection: sqlite3.Connection) -> str:
            if replaces is not None:
                self._remove_draft(connection, replaces)
            return self._owner.told(
                rows.add_mail(
                    connection,
                    self._owner,
                    mail,
                    role="drafts",
                    received_at=self._now_s(),
                    flags=frozenset({"seen"}),
                )
            )

        return await self._database.write(change)

    async def discard_draft(self, mail_id: str) -> None:
        """As the port says."""
        await self._database.write(lambda connection: self._remove_draft(connection, mail_id))

    async def keep_sent(self, raw: bytes) -> None:
        """As the port says. Raises MailTooLarge beyond 25 MB."""
        _keep_to_limit(raw)
        mail = parsed(raw)

        def change(connection: sqlite3.Connection) -> None:
            sent = rows.folder_id(connection, self._owner, "sent")
            for one in rows.list_with_message_id(connection, self._owner, mail.message_id):
                if connection.execute(
                    "SELECT 1 FROM mail WHERE id = ? AND folder_id = ?", (one, sent)
                ).fetchone():
                    return
            rows.add_mail(
                connection,
                self._owner,
                mail,
                role="sent",
                received_at=self._now_s(),
                flags=frozenset({"seen"}),
            )

        await self._database.write(change)

    async def set_flags(
        self, mail_ids: Sequence[str], *, add: Collection[Flag], remove: Collection[Flag]
    ) -> None:
        """As the port says: all of them or, when one is not there, none."""
        marks = {rows.FLAGS[flag]: 0 for flag in remove} | {rows.FLAGS[flag]: 1 for flag in add}
        columns = ", ".join(f"{column} = {value}" for column, value in marks.items())
        if columns:
            await self._change_all(mail_ids, f"UPDATE mail SET {columns} WHERE id = ?")  # noqa: S608 - our own names

    async def move_to_trash(self, mail_ids: Sequence[str]) -> None:
        """As the port says: all of them or, when one is not there, none."""
        await self._change_all(
            mail_ids,
            "UPDATE mail SET folder_id = (SELECT folder.id FROM folder"
            " WHERE folder.mailbox_id = mail.mailbox_id AND role = 'trash') WHERE id = ?",
        )

    async def _change_all(self, mail_ids: Sequence[str], statement: str) -> None:
        def change(connection: sqlite3.Connection) -> None:
            numbers = [rows.get_row(connection, self._owner, one)[0] for one in mail_ids]
            connection.executemany(statement, [(number,) for number in numbers])

        await self._database.write(change)

    def _remove_draft(self, connection: sqlite3.Connection, mail_id: str) -> None:
        number, role = rows.get_row(connection, self._owner, mail_id)
        if role != "drafts":
            raise NoSuchMail("There is no such draft.", hint="It may have been sent or replaced.")
        rows.remove_mail(connection, self._owner, number)


def _names(connection: sqlite3.Connection, owner: Owner, *roles: Role) -> frozenset[str]:
    found = connection.execute("SELECT name, role FROM folder WHERE mailbox_id = ?", (owner.id,))
    return frozenset(name for name, role in found if role in roles)


def _keep_to_limit(raw: bytes) -> None:
    if len(raw) > MAX_MAIL:
        raise MailTooLarge("A mail may have 25 MB.", limit="mail_bytes", size=len(raw))
