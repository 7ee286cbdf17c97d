"""The mailbox on an IMAP server: what the port asks for, put together. Reads with EXAMINE and BODY.PEEK only."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from mcp_email.config import Account, Limits
from mcp_email.errors import MailboxAway, NoSuchMail
from mcp_email.imap.access import Access, MailId, mail_id, no_such_mail
from mcp_email.imap.answer import Unreadable, Value, values
from mcp_email.imap.changes import Changes
from mcp_email.imap.connection import Lost, Said, Text
from mcp_email.imap.criteria import either
from mcp_email.imap.folders import Listed
from mcp_email.imap.known import Memory, summary_of
from mcp_email.imap.link import Link, number
from mcp_email.imap.looking import Looking, everywhere, id_words
from mcp_email.imap.pool import Pool
from mcp_email.imap.sign_in import SignIn
from mcp_email.imap.structure import parts_of
from mcp_email.imap.words import Unusable, in_words
from mcp_email.mail import Flag, Folder, Outline, Page, Part, Search, Summary
from mcp_email.oauth import AccessTokens
from mcp_email.reading.headers import MAX_BLOCK
from mcp_email.reading.outline import outline_of
from mcp_email.reading.structure import structure_of
from mcp_email.reading.transfer import TransferDecoder
from shared.errors import BadSetup

CHUNK = 512 * 1024
MAX_OUTLINES = 100
MAX_COUNTED = 100
"""Folders whose mails are counted, one by one."""
MAX_FOLDERS = 60
MAX_ROUNDS = 3
MAX_IDS = 20
MAX_ANSWERS = 200
MAX_WRITTEN = 500
"""Mails to look at for one address: the server finds parts of addresses."""
MAX_REMEMBERED = 2_000


class ImapMailbox:
    """One account's mail on an IMAP server. Belongs to one event loop; made without I/O."""

    def __init__(
        self,
        account: str,
        config: Account,
        limits: Limits,
        tokens: AccessTokens | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tokens` for an account with oauth, shared with its transport."""
        if config.imap is None:
            raise BadSetup(f"accounts.{account}: imap is missing.")
        self._account = account
        self._limits = limits
        self._sign_in = SignIn(config.imap, tokens, clock=clock)
        self._pool = Pool(self._sign_in)
        self._access = Access(self._sign_in, self._pool)
        self._memory = Memory()
        self._looking = Looking(self._access, self._memory)
        self._changes = Changes(self._access, self._memory)
        self._outlines: OrderedDict[str, tuple[Outline, bool]] = OrderedDict()
        self._written: OrderedDict[str, None] = OrderedDict()

    async def start(self) -> None:
        """Sign in once. Raises BadSetup for what only another configuration mends, MailboxAway else."""
        try:
            async with self._pool.lent() as link:
                await self._access.folders(link)
        except Unusable as error:
            if error.is_setup:
                raise BadSetup(f"accounts.{self._account}.imap: {error}") from None
            raise MailboxAway(str(error)) from None
        except (Lost, Said, OSError) as error:
            told = in_words(error, self._sign_in.server, self._sign_in.secrets)
            raise MailboxAway(str(told)) from None

    async def close(self) -> None:
        """Say goodbye."""
        await self._pool.close()

    async def problem(self) -> str | None:
        """Why it cannot be used right now. None: it can."""
        try:
            await self._access.work(_noop)
        except MailboxAway as error:
            return str(error)
        return None

    async def folders(self) -> list[Folder]:
        """All folders, the inbox first. One whose name cannot be shown is left out."""

        async def listed(link: Link) -> list[Folder]:
            found = await self._access.folders(link, is_fresh=True)
            counted = [await _counted(link, folder) for folder in found[:MAX_COUNTED]]
            return counted + [Folder(one.name, one.role) for one in found[MAX_COUNTED:]]

        return await self._access.work(listed)

    async def search(self, search: Search, limit: int, cursor: str | None) -> Page:
        """As the port says; Page.notes tells what could not be looked through."""
        return await self._access.work(
            lambda link: self._looking.page(link, search, min(max(limit, 1), 100), cursor)
        )

    async def outline(self, mail_id: str) -> Outline:
        """A mail's headers and structure."""
        return (await self._access.work(lambda link: self._outline(link, mail_id)))[0]

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:
        """A part's content, decoded, at most `max_bytes` and the account's read_bytes; and whether there is more."""
        most = min(max(max_bytes, 0), self._limits.read_bytes)
        return await self._access.work(lambda link: self._part(link, mail_id, number, most))

    async def thread(self, mail_id: str, limit: int) -> list[Summary]:
        """Mails that this one answers, that answer it, or that answer the same ones; the oldest first."""
        return await self._access.work(lambda link: self._thread(link, mail_id, limit))

    async def find(self, message_id: str) -> list[Summary]:
        """Mails with this Message-ID, in any folder."""
        if not message_id or "\0" in message_id or not message_id.isascii():
            return []

        async def found(link: Link) -> list[Summary]:
            listed = await self._access.folders(link)
            folders = [one for one in listed if not one.is_everything]
            folders += [one for one in everywhere(link, listed) if one.is_everything]
            words = id_words(b"Message-ID", message_id)
            mails = await self._in_folders(link, folders, words)
            return [mail for mail in mails if mail.message_id == message_id]

        return await self._access.work(found)

    async def written_to(self, addresses: Collection[str]) -> frozenset[str]:
        """Those of the addresses that a mail in the sent folder went to; asked of the server once for each."""
        unknown = [one for one in addresses if one not in self._written]
        if unknown:
            for address in await self._access.work(lambda link: self._written_to(link, unknown)):
                self._written[address] = None
            while len(self._written) > MAX_REMEMBERED:
                self._written.popitem(last=False)
        return frozenset(one for one in addresses if one in self._written)

    async def save_draft(self, raw: bytes, replaces: str | None) -> str:
        """Keep a draft and give its id. Raises MailboxAway when it is full, too."""
        return await self._access.work(
            lambda link: self._changes.save_draft(link, raw, replaces), may_repeat=False
        )

    async def discard_draft(self, mail_id: str) -> None:
        """Remove a draft that was sent. Raises NoSuchMail when it is none."""
        await self._access.work(lambda link: self._changes.discard_draft(link, mail_id))

    async def keep_sent(self, raw: bytes) -> None:
        """Put a copy into the sent folder, as read, unless one with its Message-ID is there."""
        await self._access.work(lambda link: self._changes.keep_sent(link, raw))

    async def set_flags(
        self, mail_ids: Sequence[str], *, add: Collection[Flag], remove: Collection[Flag]
    ) -> None:
        """Set and clear flags on all of them."""
        await self._access.work(lambda link: self._changes.set_flags(link, mail_ids, add, remove))

    async def move_to_trash(self, mail_ids: Sequence[str]) -> None:
        """Move them. Where the server can neither MOVE nor UID EXPUNGE the old ones stay, marked as deleted."""
        await self._access.work(
            lambda link: self._changes.move_to_trash(link, mail_ids), may_repeat=False
        )

    async def _outline(self, link: Link, text: str) -> tuple[Outline, bool]:
        """And whether the parts are by our own reading, as the server's is broken."""
        place = mail_id(text)
        folder, _ = await self._access.opened(link, place)
        if text in self._outlines:
            self._outlines.move_to_end(text)
            outline, is_ours = self._outlines[text]
            told = await self._items(link, place.uid, b"(UID FLAGS)")
            flags = summary_of(b"", told, (), place, folder).flags
            return replace(outline, summary=replace(outline.summary, flags=flags)), is_ours
        outline, is_ours = await self._new_outline(link, place, folder)
        self._outlines[text] = outline, is_ours
        while len(self._outlines) > MAX_OUTLINES:
            self._outlines.popitem(last=False)
        return outline, is_ours

    async def _new_outline(self, link: Link, place: MailId, folder: Listed) -> tuple[Outline, bool]:
        plain = b"UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.%d>" % MAX_BLOCK
        try:
            told = await self._items(link, place.uid, b"(" + plain + b" BODYSTRUCTURE)")
            parts, is_cut = parts_of(told.get(b"BODYSTRUCTURE"))
        except (Unreadable, Said) as error:
            if isinstance(error, Said) and error.status == "BYE":
                raise
            told = await self._items(link, place.uid, b"(" + plain + b")")
            raw = await self._raw(link, place.uid)
            read = outline_of(raw)
            parts, is_cut, is_ours = read.parts, read.is_cut, True
        else:
            is_ours = False
        header = told.get(b"BODY[HEADER]")
        block = header[:MAX_BLOCK] if isinstance(header, bytes) else b""
        return Outline(summary_of(block, told, parts, place, folder), block, parts, is_cut), is_ours

    async def _items(self, link: Link, uid: int, items: bytes) -> dict[bytes, Value]:
        """Raises NoSuchMail when the mail is not there any more, and Unreadable."""
        found = await link.fetch([uid], items)
        if uid not in found:
            raise no_such_mail()
        told = found[uid]
        if told is None:
            raise Unreadable("no items")
        return told

    async def _raw(self, link: Link, uid: int) -> bytes:
        octets, _ = await _content(link, uid, b"", TransferDecoder(""), self._limits.read_bytes)
        return octets

    async def _part(self, link: Link, text: str, wanted: str, most: int) -> tuple[bytes, bool]:
        outline, is_ours = await self._outline(link, text)
        part: Part | None = next((one for one in outline.parts if one.number == wanted), None)
        if part is None:
            raise NoSuchMail("The mail has no such part.", hint="read_email names its parts.")
        uid = mail_id(text).uid
        decoder = TransferDecoder(part.encoding)
        if not is_ours:
            return await _content(link, uid, part.number.encode(), decoder, most)
        raw = await self._raw(link, uid)
        leaf = next(leaf for leaf in structure_of(raw).leaves if leaf.part.number == wanted)
        content = decoder.feed(raw[leaf.start : leaf.end], is_last=True)
        return content[:most], len(content) > most

    async def _thread(self, link: Link, text: str, limit: int) -> list[Summary]:
        outline, _ = await self._outline(link, text)
        start = outline.summary
        folders = everywhere(link, await self._access.folders(link))[:MAX_FOLDERS]
        found: dict[str, Summary] = {start.id: start}
        asked: set[str] = set()
        for _ in range(MAX_ROUNDS):
            ids = [one for one in _linked(list(found.values())) if one not in asked][:MAX_IDS]
            if not ids:
                break
            asked.update(ids)
            headers = (b"Message-ID", b"In-Reply-To", b"References")
            words = either([id_words(header, one) for one in ids for header in headers])
            mails = await self._in_folders(link, folders, words)
            found |= {mail.id: mail for mail in mails if set(_linked([mail])) & asked}
        by_id: dict[str, Summary] = {}
        for mail in sorted(found.values(), key=lambda one: (one.received, one.id)):
            by_id[mail.message_id or mail.id] = (
                mail if mail.message_id != start.message_id else start
            )
        thread = sorted(by_id.values(), key=lambda one: (one.received, one.id))
        return thread[-max(limit, 1) :]

    async def _in_folders(
        self, link: Link, folders: Sequence[Listed], words: Sequence[bytes | Text]
    ) -> list[Summary]:
        found: list[Summary] = []
        for folder in folders:
            try:
                state = await link.open(folder.raw)
                uids = await link.search(b"UNDELETED", *words)
            except Said as said:
                if said.status == "BYE":
                    raise
                continue  # One folder that cannot be opened hides no others.
            known = await self._memory.mails(link, folder, state, uids[-MAX_ANSWERS:])
            found += [one.summary for one in known]
        return found

    async def _written_to(self, link: Link, addresses: Sequence[str]) -> list[str]:
        try:
            sent = await self._access.for_role(link, "sent")
        except NoSuchMail:
            return []
        state = await link.open(sent.raw)
        found: list[str] = []
        for address in addresses:
            if "\0" in address or not address.isascii():
                continue
            spec = Text(address.encode())
            words = either([[key, spec] for key in (b"TO", b"CC", b"BCC")])
            uids = (await link.search(*words))[-MAX_WRITTEN:]
            for start in range(len(uids), 0, -50):
                mails = await self._memory.mails(
                    link, sent, state, uids[max(0, start - 50) : start]
                )
                to = {one.spec.lower() for k in mails for one in (*k.summary.to, *k.copied)}
                if address.lower() in to:
                    found.append(address)
                    break
        return found


def _linked(mails: Sequence[Summary]) -> list[str]:
    """Message-IDs of a conversation, the first of it first."""
    ids: list[str] = []
    for mail in mails:
        ids += [*mail.references[:1], mail.message_id, mail.in_reply_to, *mail.references[-4:]]
    return [one for one in dict.fromkeys(ids) if one]


async def _content(
    link: Link, uid: int, section: bytes, decoder: TransferDecoder, most: int
) -> tuple[bytes, bool]:
    """A section decoded piece by piece, so that no more than `most` and a piece is ever held."""
    content = bytearray()
    offset = 0
    while len(content) <= most:
        asked = b"(UID BODY.PEEK[%s]<%d.%d>)" % (section, offset, CHUNK)
        told = await link.fetch([uid], asked)
        if uid not in told:
            raise no_such_mail()
        octets = (told[uid] or {}).get(b"BODY[%s]" % section)
        octets = octets if isinstance(octets, bytes) else b""
        if len(octets) > CHUNK:
            raise Lost("the answer is too large")
        offset += len(octets)
        is_last = len(octets) < CHUNK
        content += decoder.feed(octets, is_last=is_last)
        if is_last:
            break
    is_more = len(content) > most
    del content[most:]
    return bytes(content), is_more


async def _counted(link: Link, folder: Listed) -> Folder:
    total = unread = None
    with suppress(Unreadable):
        try:
            reply = await link.connection.command(b"STATUS", Text(folder.raw), b"(MESSAGES UNSEEN)")
        except Said as said:
            if said.status == "BYE":
                raise
            return Folder(folder.name, folder.role)
        for answer in reply.untagged(b"STATUS"):
            told = values(answer, len(b"* STATUS "))
            items = told[-1] if told and isinstance(told[-1], list) else []
            counts = {
                name.upper(): count
                for name, count in zip(items[::2], items[1::2], strict=False)
                if isinstance(name, bytes)
            }
            total, unread = number(counts.get(b"MESSAGES")), number(counts.get(b"UNSEEN"))
    return Folder(folder.name, folder.role, total, unread)


async def _noop(link: Link) -> None:
    await link.connection.command(b"NOOP")
