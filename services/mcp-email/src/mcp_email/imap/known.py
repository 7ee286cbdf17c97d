"""What is known of mails without asking again: all of a summary but its flags never changes for a UID."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone

from mcp_email.imap.access import MailId
from mcp_email.imap.answer import Unreadable, Value
from mcp_email.imap.connection import Said
from mcp_email.imap.criteria import MONTHS
from mcp_email.imap.folders import Listed
from mcp_email.imap.link import Link, State, number
from mcp_email.imap.structure import parts_of
from mcp_email.mail import Address, Flag, Part, Summary
from mcp_email.reading.charset import decoded
from mcp_email.reading.envelope import envelope_of
from mcp_email.reading.headers import fields_of
from mcp_email.reading.transfer import TransferDecoder
from shared.untrusted.characters import clean_line

MAX_KNOWN = 5_000
MAX_DATES = 200_000
BATCH = 100
DATES_BATCH = 2_000
SNIPPET_OCTETS = 600
SNIPPET_CHARS = 160
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_HEADERS = b"BODY.PEEK[HEADER.FIELDS (FROM TO CC BCC SUBJECT DATE MESSAGE-ID IN-REPLY-TO REFERENCES)]<0.32768>"
_PLAIN = b"UID FLAGS INTERNALDATE RFC822.SIZE " + _HEADERS
_FLAGS: dict[bytes, Flag] = {b"\\seen": "seen", b"\\flagged": "flagged", b"\\answered": "answered"}
_MONTHS = {month.lower(): n for n, month in enumerate(MONTHS, 1)}
_DATE = re.compile(r"\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")


@dataclass(frozen=True, slots=True)
class Known:
    """A mail in a list."""

    summary: Summary
    copied: tuple[Address, ...]
    """In Cc and Bcc."""
    text: Part | None
    """Its plain text."""
    flags_of: int | None = None
    """The folder's HIGHESTMODSEQ when the flags were fetched."""
    has_snippet: bool = False
    """It was looked for; there may be none."""


Key = tuple[bytes, int, int]


@dataclass(slots=True)
class Memory:
    """Of one mailbox; the oldest is forgotten first."""

    _mails: "OrderedDict[Key, Known]" = field(default_factory=OrderedDict[Key, Known])
    _dates: dict[tuple[bytes, int], dict[int, int]] = field(
        default_factory=dict[tuple[bytes, int], dict[int, int]]
    )

    async def dates(
        self, link: Link, folder: Listed, state: State, uids: Sequence[int]
    ) -> dict[int, int]:
        """When these mails came, in seconds since 1970; those that are gone are left out. The folder is open."""
        if sum(map(len, self._dates.values())) > MAX_DATES:
            self._dates.clear()
        known = self._dates.setdefault((folder.raw, state.uid_validity), {})
        missing = [uid for uid in uids if uid not in known]
        for start in range(0, len(missing), DATES_BATCH):
            batch = missing[start : start + DATES_BATCH]
            for uid, told in (await link.fetch(batch, b"(UID INTERNALDATE)")).items():
                known[uid] = int(received(told.get(b"INTERNALDATE") if told else None).timestamp())
        return {uid: known[uid] for uid in uids if uid in known}

    async def mails(
        self,
        link: Link,
        folder: Listed,
        state: State,
        uids: Sequence[int],
        *,
        snippets: bool = False,
    ) -> list[Known]:
        """These mails as they are now, in this order; those that are gone are left out. The folder is open."""
        keys = {uid: (folder.raw, state.uid_validity, uid) for uid in uids}
        old = {uid: self._mails.pop(keys[uid]) for uid in keys if keys[uid] in self._mails}
        both = await _with_flags(link, old, state)
        new = [uid for uid in keys if uid not in old]
        for start in range(0, len(new), BATCH):
            both |= await _fetched(link, folder, state, new[start : start + BATCH])
        if snippets:
            both |= await _with_snippets(
                link, {uid: known for uid, known in both.items() if not known.has_snippet}
            )
        for uid, known in both.items():
            self._mails[keys[uid]] = known
        while len(self._mails) > MAX_KNOWN:
            self._mails.popitem(last=False)
        return [both[uid] for uid in uids if uid in both]


async def _with_flags(link: Link, mails: dict[int, Known], state: State) -> dict[int, Known]:
    """With the flags of now; those that are gone are left out."""
    stale = [
        uid
        for uid, known in mails.items()
        if state.modified is None or known.flags_of != state.modified
    ]
    fetched = await link.fetch(stale, b"(UID FLAGS)")
    found = {uid: known for uid, known in mails.items() if uid not in set(stale)}
    for uid in stale:
        if (told := fetched.get(uid)) is not None:
            summary = replace(mails[uid].summary, flags=flags_of(told.get(b"FLAGS")))
            found[uid] = replace(mails[uid], summary=summary, flags_of=state.modified)
    return found


async def _fetched(
    link: Link, folder: Listed, state: State, uids: Sequence[int]
) -> dict[int, Known]:
    """A mail whose structure cannot be had is known without it."""
    try:
        told = await link.fetch(uids, b"(" + _PLAIN + b" BODYSTRUCTURE)")
    except Said as said:
        if said.status == "BYE":
            raise
        half = len(uids) // 2
        if half:  # One broken mail, which the others do not suffer for.
            first = await _fetched(link, folder, state, uids[:half])
            return first | await _fetched(link, folder, state, uids[half:])
        told = dict.fromkeys(uids)
    unread = [uid for uid in uids if uid in told and told[uid] is None]
    told |= await link.fetch(unread, b"(" + _PLAIN + b")")
    return {
        uid: _known(items, MailId(folder.key, state.uid_validity, uid), folder, state)
        for uid, items in told.items()
        if items is not None
    }


def _known(items: dict[bytes, Value], place: MailId, folder: Listed, state: State) -> Known:
    header = next((v for k, v in items.items() if k.startswith(b"BODY[HEADER")), None)
    block = header if isinstance(header, bytes) else b""
    try:
        parts = parts_of(items.get(b"BODYSTRUCTURE"))[0]
    except Unreadable:
        parts = ()
    copied = envelope_of(fields_of(block))
    return Known(
        summary_of(block, items, parts, place, folder),
        (*copied.cc, *copied.bcc),
        next((p for p in parts if p.media_type == "text/plain" and not p.is_attachment), None),
        state.modified,
    )


def summary_of(
    block: bytes, items: dict[bytes, Value], parts: Sequence[Part], place: MailId, folder: Listed
) -> Summary:
    """A mail in a list, out of its header block and what the server tells of it."""
    envelope = envelope_of(fields_of(block))
    return Summary(
        id=str(place),
        folder=folder.name,
        message_id=envelope.message_id,
        sender=envelope.sender,
        to=envelope.to,
        subject=envelope.subject,
        date=envelope.date,
        received=received(items.get(b"INTERNALDATE")),
        size=number(items.get(b"RFC822.SIZE")),
        flags=flags_of(items.get(b"FLAGS")),
        has_attachments=any(part.is_attachment for part in parts),
        in_reply_to=envelope.in_reply_to,
        references=envelope.references,
    )


async def _with_snippets(link: Link, mails: dict[int, Known]) -> dict[int, Known]:
    found = {uid: replace(known, has_snippet=True) for uid, known in mails.items()}
    by_number: dict[str, list[int]] = {}
    for uid, known in mails.items():
        if known.text is not None and known.text.size:
            by_number.setdefault(known.text.number, []).append(uid)
    for part, uids in sorted(by_number.items(), key=lambda one: -len(one[1]))[:4]:
        item = b"BODY.PEEK[%s]<0.%d>" % (part.encode(), SNIPPET_OCTETS)
        for uid, told in (await link.fetch(uids, b"(UID " + item + b")")).items():
            octets = (told or {}).get(b"BODY[%s]" % part.encode())
            known = found[uid]
            if isinstance(octets, bytes) and known.text is not None:
                plain = TransferDecoder(known.text.encoding).feed(octets)
                snippet = clean_line(decoded(plain, known.text.charset), SNIPPET_CHARS)
                found[uid] = replace(known, summary=replace(known.summary, snippet=snippet))
    return found


def flags_of(told: Value) -> frozenset[Flag]:
    """Those flags that we have a word for."""
    listed = told if isinstance(told, list) else []
    names = [one.lower() for one in listed if isinstance(one, bytes)]
    return frozenset(_FLAGS[name] for name in names if name in _FLAGS)


def received(told: Value) -> datetime:
    """INTERNALDATE; 1970 for what is none."""
    found = _DATE.fullmatch(told.decode("ascii", "replace")) if isinstance(told, bytes) else None
    if found is None:
        return NEVER
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    zone = timezone(-offset if found[7] == "-" else offset) if offset < timedelta(days=1) else UTC
    day, year, *time = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS[found[2].lower()], day, *time, tzinfo=zone)
    except (ValueError, KeyError):
        return NEVER
