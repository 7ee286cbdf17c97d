"""Searches folders for mails, the newest first, with bounded work and a place to go on from.

Mails are in one order over all folders: when they came, then folder, then UID. A page ends no later than where every
folder was looked through, so that nothing is told twice or left out however far each of them got.
"""

import base64
import binascii
import hashlib
import json
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from mcp_email.errors import NoSuchMail
from mcp_email.imap.access import Access, MailId, mail_id
from mcp_email.imap.connection import Said, Text
from mcp_email.imap.criteria import Term, Words, criteria, day_after, fitting, folded, terms_of
from mcp_email.imap.folders import Listed
from mcp_email.imap.known import Known, Memory
from mcp_email.imap.link import Link, State
from mcp_email.mail import Page, Search, Summary
from mcp_email.reading.charset import decoded
from mcp_email.reading.transfer import TransferDecoder

MAX_FOLDERS = 60
MAX_SORTED = 2_000
"""Mails found whose dates are looked at in one go, over all folders."""
MAX_FILTERED = 300
"""Mails that are looked at one by one for what the server cannot look for, over all folders."""
FILTERED_TEXT = 16 * 1024
"""Octets of a mail's text that are looked at then."""
SPANS_DAYS = (1, 8, 64, 512, 4_096)
"""Where the server cannot sort: the newest mails are looked for in the first of these with more than a page of them."""
MAX_LISTS = 16

ASCII_ONLY = "The mail server looks for plain ASCII words only; the others were looked for in the newest mails found."
FOLDERS_LEFT = f"Only the first {MAX_FOLDERS} folders were looked through."
OLDER_LEFT = "Older mails were not looked through yet; go on with next_cursor."


class Rank(NamedTuple):
    """A mail's place in the order: the smaller, the newer."""

    minus_received: int
    key: str
    minus_uid: int


class Ranked(NamedTuple):
    """A mail in its place."""

    rank: Rank
    folder: Listed
    state: State


@dataclass(slots=True)
class _Looked:
    """How far one folder was looked through."""

    found: list[Ranked]
    reached: Rank | None
    """Nothing beyond it was looked at. None: the whole folder was."""


@dataclass(slots=True)
class Looking:
    """The searches of one mailbox."""

    access: Access
    memory: Memory
    is_ascii_only: bool = False
    """The server answered BADCHARSET once."""
    _lists: "OrderedDict[tuple[object, ...], array[int]]" = field(
        default_factory=OrderedDict[tuple[object, ...], "array[int]"]
    )

    async def page(self, link: Link, search: Search, limit: int, cursor: str | None) -> Page:
        """As the port says."""
        start = _place_of(cursor, search)
        terms = terms_of(search)
        folders, notes = await self._folders(link, search)
        asked = _Asked(search, terms, start, limit, len(folders))
        looked: list[_Looked] = []
        for folder in folders:
            try:
                looked.append(await self._folder(link, folder, asked))
            except Said as said:
                if said.status == "BYE" or search.folder is not None:
                    raise
                notes.append(f"The folder {folder.name} could not be opened.")
        found = sorted(ranked for one in looked for ranked in one.found)
        ends = [one.reached for one in looked if one.reached is not None]
        if ends:
            found = [ranked for ranked in found if ranked.rank <= min(ends)]
        page, after = found[:limit], min(ends) if ends else None
        if len(found) > limit:
            after = page[-1].rank
        elif after is not None and len(page) < limit:
            notes.append(OLDER_LEFT)
        if self.is_ascii_only and not all(term.word.isascii() for term in terms):
            notes.append(ASCII_ONLY)
        mails = await self.summaries(link, page, snippets=True)
        return Page(mails, _cursor(after, search) if after else None, tuple(notes))

    async def _folders(self, link: Link, search: Search) -> tuple[list[Listed], list[str]]:
        if search.folder is not None:
            return [await self.access.folder(link, search.folder)], []
        folders = everywhere(link, await self.access.folders(link))
        return folders[:MAX_FOLDERS], [FOLDERS_LEFT] if len(folders) > MAX_FOLDERS else []

    async def _folder(self, link: Link, folder: Listed, asked: "_Asked") -> _Looked:
        opened = _Opened(link, folder, await link.open(folder.raw))
        server_terms = [t for t in asked.terms if t.word.isascii() or not self.is_ascii_only]
        try:
            uids = await self._uids(opened, asked, server_terms)
        except Said as said:
            is_foreign = not all(term.word.isascii() for term in server_terms)
            if not is_foreign or said.status == "BYE" or said.code not in {"BADCHARSET", ""}:
                raise
            server_terms = [term for term in asked.terms if term.word.isascii()]
            uids = await self._uids(opened, asked, server_terms)
            self.is_ascii_only = True
        left = [term for term in asked.terms if term not in server_terms]
        ranked, reached = await self._ranked(opened, uids, asked, server_terms)
        if left or asked.search.has_attachment is not None:
            return await self._filtered(link, ranked, reached, asked, left)
        most = asked.limit + 1
        if len(ranked) > most:
            return _Looked(ranked[:most], ranked[most - 1].rank)
        return _Looked(ranked, reached)

    async def _uids(
        self, opened: "_Opened", asked: "_Asked", terms: Sequence[Term], since: date | None = None
    ) -> Sequence[int]:
        """Found by the server: the newest first where it can sort, else the highest first."""
        before = day_after(-asked.start.minus_received) if asked.start else None
        words = criteria(asked.search, terms, since, before)
        key = (opened.folder.raw, opened.state, tuple(words))
        if key in self._lists:
            self._lists.move_to_end(key)
            return self._lists[key]
        uids = await _found(opened.link, words)
        if opened.state.modified is not None:
            self._lists[key] = array("L", uids)
            while len(self._lists) > MAX_LISTS:
                self._lists.popitem(last=False)
        return uids

    async def _ranked(
        self, opened: "_Opened", uids: Sequence[int], asked: "_Asked", terms: Sequence[Term]
    ) -> tuple[list[Ranked], Rank | None]:
        """Those after the start, in order, and where it ends when there are more."""
        window = max(4 * asked.limit, MAX_SORTED // asked.folders)
        if len(uids) > window and not opened.link.can("SORT"):
            return await self._ranked_by_days(opened, uids, asked, terms)
        for place in range(0, len(uids), window):
            ranked = await self._dated(opened, uids[place : place + window])
            after = asked.after_start(ranked)
            if after:
                return after, ranked[-1].rank if place + window < len(uids) else None
        return [], None

    async def _ranked_by_days(
        self, opened: "_Opened", uids: Sequence[int], asked: "_Asked", terms: Sequence[Term]
    ) -> tuple[list[Ranked], Rank | None]:
        """The same where the server cannot sort: a high UID may be of an old mail that was put there late."""
        newest = datetime.now(UTC).date()
        if asked.start:
            newest = min(newest, day_after(-asked.start.minus_received) or newest)
        for days in SPANS_DAYS:
            since = newest - timedelta(days=days)
            ranked = await self._dated(opened, await self._uids(opened, asked, terms, since))
            # The server counts days in its own time zone, so the first one is not all there.
            midnight = datetime(since.year, since.month, since.day, tzinfo=UTC) + timedelta(days=1)
            end = Rank(-int(midnight.timestamp()), "", 0)
            after = [one for one in asked.after_start(ranked) if one.rank <= end]
            if len(after) > asked.limit:
                return after, end
        ranked = await self._dated(opened, uids)
        return asked.after_start(ranked), None

    async def _dated(self, opened: "_Opened", uids: Sequence[int]) -> list[Ranked]:
        """These mails in order."""
        link, folder, state = opened
        dates = await self.memory.dates(link, folder, state, uids)
        ranks = sorted(Rank(-at, folder.key, -uid) for uid, at in dates.items())
        return [Ranked(rank, folder, state) for rank in ranks]

    async def _filtered(
        self, link: Link, ranked: Sequence[Ranked], reached: Rank | None, asked: "_Asked", left: Sequence[Term]
    ) -> _Looked:  # fmt: skip
        """Those that fit what the server could not look for."""
        budget = max(20, MAX_FILTERED // asked.folders)
        has_left = fitting(left)
        found: list[Ranked] = []
        for start in range(0, min(len(ranked), budget), 50):
            batch = ranked[start : min(start + 50, budget)]
            uids = [-one.rank.minus_uid for one in batch]
            mails = await self.memory.mails(link, batch[0].folder, batch[0].state, uids)
            texts = await _texts(link, mails) if any(t.field == "text" for t in left) else {}
            fit = {
                mail_id(known.summary.id).uid
                for known in mails
                if asked.search.has_attachment in {None, known.summary.has_attachments}
                and has_left(_fields(known, texts.get(known.summary.id, "")))
            }
            found += [one for one in batch if -one.rank.minus_uid in fit]
            if len(found) > asked.limit:
                return _Looked(found, batch[-1].rank)
        if len(ranked) > budget:
            return _Looked(found, ranked[budget - 1].rank)
        return _Looked(found, reached)

    async def summaries(
        self, link: Link, page: Sequence[Ranked], *, snippets: bool = False
    ) -> list[Summary]:
        """Of these mails, in their order."""
        by_id: dict[str, Summary] = {}
        for folder in dict.fromkeys(one.folder for one in page):
            held = [one for one in page if one.folder == folder]
            state = await link.open(folder.raw, is_fresh=False)
            if state.uid_validity != held[0].state.uid_validity:
                continue
            uids = [-one.rank.minus_uid for one in held]
            for known in await self.memory.mails(link, folder, state, uids, snippets=snippets):
                by_id[known.summary.id] = known.summary
        ids = [str(MailId(o.folder.key, o.state.uid_validity, -o.rank.minus_uid)) for o in page]
        return [by_id[one] for one in ids if one in by_id]


class _Opened(NamedTuple):
    """A folder, open on a connection."""

    link: Link
    folder: Listed
    state: State


@dataclass(frozen=True, slots=True)
class _Asked:
    search: Search
    terms: Sequence[Term]
    start: Rank | None
    limit: int
    folders: int

    def after_start(self, ranked: Sequence[Ranked]) -> list[Ranked]:
        """Those that no page before this one told."""
        return [one for one in ranked if self.start is None or one.rank > self.start]


def everywhere(link: Link, folders: Sequence[Listed]) -> list[Listed]:
    """Where everything is looked for: all but trash and junk, and no mail twice.

    Gmail's folders are labels, and "All Mail" holds the mails of all of them but trash and spam.
    """
    everything = [folder for folder in folders if folder.is_everything]
    if link.can("X-GM-EXT-1") and everything:
        return everything[:1]
    order = {"inbox": 0, "sent": 1, "archive": 2}
    found = [f for f in folders if f.role not in {"trash", "junk"} and not f.is_everything]
    return sorted(found, key=lambda folder: order.get(folder.role or "", 3))


async def _found(link: Link, words: Words) -> list[int]:
    if link.can("SORT"):
        is_told = words[0] == b"CHARSET"
        charset, rest = (words[1], words[2:]) if is_told else (b"US-ASCII", words)
        return await link.sort(charset, *rest)
    return sorted(await link.search(*words), reverse=True)


async def _texts(link: Link, mails: Sequence[Known]) -> dict[str, str]:
    """The beginning of each mail's plain text, folded."""
    texts: dict[str, str] = {}
    by_number: dict[str, list[Known]] = {}
    for known in mails:
        if known.text is not None:
            by_number.setdefault(known.text.number, []).append(known)
    for number, of_number in by_number.items():
        item = b"BODY[%s]" % number.encode()
        asked = item.replace(b"BODY", b"BODY.PEEK") + b"<0.%d>" % FILTERED_TEXT
        uids = [mail_id(known.summary.id).uid for known in of_number]
        told = await link.fetch(uids, b"(UID " + asked + b")")
        for known in of_number:
            octets = (told.get(mail_id(known.summary.id).uid) or {}).get(item)
            if isinstance(octets, bytes) and known.text is not None:
                plain = TransferDecoder(known.text.encoding).feed(octets)
                texts[known.summary.id] = folded(decoded(plain, known.text.charset))
    return texts


def _fields(known: Known, text: str) -> dict[str, str]:
    summary = known.summary
    sender = folded(f"{summary.sender.name} {summary.sender.spec}") if summary.sender else ""
    to = folded(" ".join(f"{one.name} {one.spec}" for one in (*summary.to, *known.copied)))
    subject = folded(summary.subject)
    everything = f"{subject}\n{sender}\n{to}\n{text}"
    return {"sender": sender, "to": to, "subject": subject, "text": everything}


def _digest(search: Search) -> str:
    return hashlib.sha256(repr(sorted(asdict(search).items())).encode()).hexdigest()[:16]


def _cursor(rank: Rank, search: Search) -> str:
    return base64.urlsafe_b64encode(json.dumps([_digest(search), *rank]).encode()).decode()


def _place_of(cursor: str | None, search: Search) -> Rank | None:
    if cursor is None:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor[:400].encode()))
    except (ValueError, binascii.Error):
        told = None
    match told:
        case [str(digest), int(received), str(key), int(uid)] if digest == _digest(search):
            return Rank(received, key, uid)
        case _:
            raise NoSuchMail(
                "The cursor belongs to no page of this search.", hint="Search again without it."
            )


def id_words(header: bytes, message_id: str) -> Words:
    """Mails whose header holds this Message-ID; as a literal, as the id may be a stranger's."""
    return [b"HEADER", header, Text(message_id.encode("ascii", "replace"))]
