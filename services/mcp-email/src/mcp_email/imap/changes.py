"""Changes to a mailbox: drafts, the copy of what was sent, flags, trash. Exactly the mails that are named, ever."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from mcp_email.errors import NoSuchMail
from mcp_email.imap.access import Access, MailId, mail_id, no_such_mail
from mcp_email.imap.answer import number_set
from mcp_email.imap.connection import Said, Text
from mcp_email.imap.folders import Listed
from mcp_email.imap.known import Memory
from mcp_email.imap.link import Link, State
from mcp_email.imap.looking import id_words
from mcp_email.mail import Flag
from mcp_email.reading.envelope import envelope_of
from mcp_email.reading.headers import fields_of, header_end

_FLAGS: dict[Flag, bytes] = {"seen": b"\\Seen", "flagged": b"\\Flagged", "answered": b"\\Answered"}


@dataclass(slots=True)
class Changes:
    """Belongs to one event loop."""

    access: Access
    memory: Memory
    _keeping: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def save_draft(self, link: Link, raw: bytes, replaces: str | None) -> str:
        """The new one is there before the old one goes."""
        drafts = await self.access.for_role(link, "drafts")
        old = await self._draft(link, drafts, replaces) if replaces is not None else None
        saved = await self._append(link, drafts, b"(\\Draft \\Seen)", raw)
        if old is not None:
            await self._remove(link, drafts, old)
        return str(saved)

    async def discard_draft(self, link: Link, mail_id_text: str) -> None:
        """Only a mail in the drafts folder."""
        drafts = await self.access.for_role(link, "drafts")
        await self._remove(link, drafts, await self._draft(link, drafts, mail_id_text))

    async def keep_sent(self, link: Link, raw: bytes) -> None:
        """Look first: many servers put a copy there by themselves."""
        async with self._keeping:
            sent = await self.access.for_role(link, "sent")
            message_id = _message_id(raw)
            state = await link.open(sent.raw)
            if message_id and await self._with_id(link, sent, state, message_id):
                return
            await link.connection.command(b"APPEND", Text(sent.raw), b"(\\Seen)", Text(raw))

    async def set_flags(
        self, link: Link, mail_ids: Sequence[str], add: Collection[Flag], remove: Collection[Flag]
    ) -> None:
        """All of them are there, or none is changed."""
        for folder, uids in (await self._checked(link, mail_ids)).items():
            await link.open(folder.raw, writes=True, is_fresh=False)
            for change, flags in ((b"+", add), (b"-", remove)):
                if flags:
                    await link.store(uids, change, b" ".join(sorted(_FLAGS[f] for f in flags)))

    async def move_to_trash(self, link: Link, mail_ids: Sequence[str]) -> None:
        """All of them are there, or none is moved; what is in the trash stays."""
        trash = await self.access.for_role(link, "trash")
        for folder, uids in (await self._checked(link, mail_ids)).items():
            if folder != trash:
                await link.open(folder.raw, writes=True, is_fresh=False)
                await self._move(link, uids, trash)

    async def _checked(self, link: Link, mail_ids: Sequence[str]) -> dict[Listed, list[int]]:
        by_folder: dict[tuple[str, int], set[int]] = {}
        for text in mail_ids:
            place = mail_id(text)
            by_folder.setdefault(place[:2], set()).add(place.uid)
        checked: dict[Listed, list[int]] = {}
        for (key, uid_validity), uids in by_folder.items():
            place = MailId(key, uid_validity, max(uids))
            folder, _ = await self.access.opened(link, place, writes=True)
            there = await link.search(b"UID", number_set(sorted(uids)), b"UNDELETED")
            if set(there) != uids:
                raise no_such_mail()
            checked[folder] = sorted(uids)
        return checked

    async def _move(self, link: Link, uids: Sequence[int], target: Listed) -> None:
        if link.can("MOVE"):
            await link.connection.command(b"UID", b"MOVE", number_set(uids), Text(target.raw))
            return
        await link.connection.command(b"UID", b"COPY", number_set(uids), Text(target.raw))
        await self._expunge(link, uids)

    async def _expunge(self, link: Link, uids: Sequence[int]) -> None:
        """Without UIDPLUS they stay, marked: EXPUNGE alone would take what others marked, too (RFC 4315)."""
        await link.store(uids, b"+", b"\\Deleted")
        if link.can("UIDPLUS"):
            await link.connection.command(b"UID", b"EXPUNGE", number_set(uids))

    async def _remove(self, link: Link, drafts: Listed, place: MailId) -> None:
        state = await link.open(drafts.raw, writes=True)
        if state.uid_validity == place.uid_validity:
            await self._expunge(link, [place.uid])

    async def _draft(self, link: Link, drafts: Listed, text: str) -> MailId:
        place = mail_id(text)
        if place.key != drafts.key:
            raise NoSuchMail("There is no such draft.", hint="It may have been sent or removed.")
        await self._checked(link, [text])
        return place

    async def _append(self, link: Link, folder: Listed, flags: bytes, raw: bytes) -> MailId:
        before = await link.open(folder.raw)
        reply = await link.connection.command(b"APPEND", Text(folder.raw), flags, Text(raw))
        told = reply.argument.split()
        if reply.code == "APPENDUID" and len(told) == 2 and all(one.isdigit() for one in told):
            return MailId(folder.key, int(told[0]), int(told[1]))
        state = await link.open(folder.raw)
        message_id = _message_id(raw)
        new = await link.search(b"UID", b"%d:*" % max(1, before.uid_next), b"UNDELETED")
        new = [uid for uid in new if uid >= before.uid_next]
        mails = await self.memory.mails(link, folder, state, new[-50:])
        ours = [k for k in mails if not message_id or k.summary.message_id == message_id]
        if not ours:
            raise Said("NO", "UNAVAILABLE", "the draft is not there")
        return mail_id(ours[-1].summary.id)

    async def _with_id(self, link: Link, folder: Listed, state: State, message_id: str) -> bool:
        uids = await link.search(b"UNDELETED", *id_words(b"Message-ID", message_id))
        mails = await self.memory.mails(link, folder, state, uids[-50:])
        return any(known.summary.message_id == message_id for known in mails)


def _message_id(raw: bytes) -> str:
    end, _ = header_end(raw, 0, len(raw))
    return envelope_of(fields_of(raw[:end])).message_id
