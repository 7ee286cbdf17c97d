"""A connection with the folder that is open on it: examine, search, fetch (RFC 3501 section 6.3 and 6.4)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_email.imap.answer import Unreadable, Value, fetched, number_set, numbers
from mcp_email.imap.connection import Connection, Lost, Reply, Said, Text

MAX_FOUND = 1_000_000


@dataclass(frozen=True, slots=True)
class State:
    """What a folder was when it was opened."""

    uid_validity: int
    uid_next: int
    modified: int | None
    """HIGHESTMODSEQ (RFC 7162). None: the server does not count changes."""


@dataclass(slots=True)
class Link:
    """Lent by the pool."""

    connection: Connection
    is_used: bool = False
    """It served another piece of work before, so the server may have closed it since."""
    _open: tuple[bytes, bool] | None = None
    _state: State | None = None

    def can(self, capability: str) -> bool:
        """Whether the server offers it."""
        return self.connection.can(capability)

    async def open(self, folder: bytes, *, writes: bool = False, is_fresh: bool = True) -> State:
        """Open a folder, read-only unless `writes`; not anew when it is open and `is_fresh` is not needed.

        Raises Said: NONEXISTENT or without a code when it is not there, READ-ONLY.
        """
        if not is_fresh and self._state is not None and self._open == (folder, writes):
            return self._state
        self._open = self._state = None
        words = [b"SELECT" if writes else b"EXAMINE", Text(folder)]
        if self.can("CONDSTORE") or self.can("QRESYNC"):
            words.append(b"(CONDSTORE)")
        reply = await self.connection.command(*words)
        if writes and reply.code == "READ-ONLY":
            raise Said("NO", "READ-ONLY", "")
        codes = dict(_codes(reply))
        state = State(
            uid_validity=codes.get("UIDVALIDITY", 0),
            uid_next=codes.get("UIDNEXT", 0),
            modified=codes.get("HIGHESTMODSEQ"),
        )
        if not state.uid_validity:
            raise Said("NO", "CANNOT", "no UIDVALIDITY")
        self._open, self._state = (folder, writes), state
        return state

    async def search(self, *words: bytes | Text) -> list[int]:
        """UIDs, as the server has them in order. Raises Said, also for BADCHARSET."""
        is_extended = self.can("ESEARCH")
        returning = [b"RETURN", b"(ALL)"] if is_extended else []
        reply = await self.connection.command(b"UID", b"SEARCH", *returning, *words)
        return self._numbers(reply, b"ESEARCH" if is_extended else b"SEARCH")

    async def sort(self, *words: bytes | Text) -> list[int]:
        """UIDs, the newest first (RFC 5256); only where SORT is offered."""
        reply = await self.connection.command(b"UID", b"SORT", b"(REVERSE ARRIVAL)", *words)
        return self._numbers(reply, b"SORT")

    def _numbers(self, reply: Reply, name: bytes) -> list[int]:
        try:
            return numbers(reply.untagged(name), is_extended=name == b"ESEARCH", most=MAX_FOUND)
        except Unreadable:
            raise Lost("no IMAP") from None

    async def fetch(
        self, uids: Sequence[int], items: bytes
    ) -> dict[int, dict[bytes, Value] | None]:
        """Items of these mails by UID. None: its answer is unreadable; missing: it is not there any more."""
        if not uids:
            return {}
        wanted = set(uids)
        reply = await self.connection.command(b"UID", b"FETCH", number_set(uids), items)
        found: dict[int, dict[bytes, Value] | None] = {}
        for answer in reply.untagged(b"FETCH"):
            try:
                told = fetched(answer)
            except Unreadable:
                uid = re.search(rb"\bUID (\d{1,10})\b", answer.line)
                if uid and int(uid[1]) in wanted:
                    found.setdefault(int(uid[1]), None)
                continue
            uid_told = number(told.get(b"UID"))
            if uid_told in wanted:
                found[uid_told] = {**(found.get(uid_told) or {}), **told}
        return found

    async def store(self, uids: Sequence[int], change: bytes, flags: bytes) -> None:
        """Change flags of exactly these mails."""
        await self.connection.command(
            b"UID", b"STORE", number_set(uids), change + b"FLAGS.SILENT", b"(" + flags + b")"
        )


def number(value: Value) -> int:
    """The number; 0 for what is none."""
    return int(value) if isinstance(value, bytes) and re.fullmatch(rb"\d{1,20}", value) else 0


def _codes(reply: Reply) -> list[tuple[str, int]]:
    return [
        (found[1].decode().upper(), int(found[2]))
        for answer in reply.untagged(b"OK")
        if (found := re.match(rb"\* OK \[([A-Za-z]+) (\d{1,20})\]", answer.line, re.IGNORECASE))
    ]
