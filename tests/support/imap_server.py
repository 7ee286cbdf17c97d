"""A small IMAP server over real TCP that does less than Dovecot, or goes wrong where a test says."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

Act = Callable[["Session", str], Awaitable[bool | None]]
"""What is done instead of a command's own answer, given its tag. True: that is given all the same."""

RECEIVED = datetime(2026, 11, 21, 10, tzinfo=UTC)
STRUCTURE = b'("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" %d 1 NIL NIL NIL NIL)'


class Hung(Exception):
    """Close the connection without a word."""


def say(*lines: str | bytes) -> Act:
    """Answer these lines; {tag} in them is the command's."""

    async def act(session: "Session", tag: str) -> None:
        for line in lines:
            octets = line if isinstance(line, bytes) else f"{line}\r\n".encode()
            await session.write(octets.replace(b"{tag}", tag.encode()))

    return act


def drop() -> Act:
    """Cut the connection."""

    async def act(_: "Session", __: str) -> None:
        raise Hung

    return act


def stall() -> Act:
    """Say nothing until the client goes away."""

    async def act(session: "Session", _: str) -> None:
        while await session.reader.read(65_536):
            pass
        raise Hung

    return act


def flood(octets: bytes) -> Act:
    """Send this over and over until the client goes away."""

    async def act(session: "Session", _: str) -> None:
        while True:
            await session.write(octets)

    return act


@dataclass
class Mail:
    uid: int
    raw: bytes
    flags: set[str] = field(default_factory=set[str])
    received: datetime = RECEIVED


@dataclass
class FakeImap:
    """What it offers, holds and was told."""

    port: int = 0
    capabilities: str = (
        "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR LITERAL+ UIDPLUS MOVE SPECIAL-USE"
    )
    greeting: str = "* OK ready"
    folders: dict[str, list[Mail]] = field(
        default_factory=lambda: {"INBOX": [], "Sent Items": [], "Drafts": [], "Trash": []}
    )
    uses: dict[str, str] = field(default_factory=dict[str, str])
    acts: dict[str, list[Act]] = field(default_factory=dict[str, list[Act]])
    """By the first words of a command; each act is done once."""
    structure: bytes = STRUCTURE
    is_ascii_only: bool = False
    commands: list[str] = field(default_factory=list[str])
    octets: list[bytes] = field(default_factory=list[bytes])
    """Every line and literal received."""
    connections: int = 0

    def when(self, command: str, *acts: Act) -> None:
        """Do these, one each time, instead of the command."""
        self.acts.setdefault(command, []).extend(acts)

    def put(
        self, folder: str, *mails: bytes, flags: str = "", received: datetime | None = None
    ) -> None:
        """Without `received` each comes in a minute of its own, within the hour."""
        held = self.folders[folder]
        for raw in mails:
            uid = max((one.uid for one in held), default=0) + 1
            came = received or RECEIVED.replace(minute=uid % 60)
            held.append(Mail(uid, raw, set(flags.split()), came))

    def mails(self, folder: str) -> list[tuple[bytes, set[str]]]:
        """Subject and flags of all mails there."""
        return [(_header(one.raw, b"subject"), one.flags) for one in self.folders[folder]]


@dataclass
class Session:
    """One connection."""

    server: FakeImap
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    folder: str = ""

    async def write(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def run(self) -> None:
        await self.write(self.server.greeting.encode() + b"\r\n")
        while True:
            words = await self._command()
            if not words:
                continue
            tag, name = str(words[0]), " ".join(w for w in map(_text, words[1:3])).upper()
            self.server.commands.append(" ".join(map(_text, words[1:])))
            key = next(
                (k for k, acts in self.server.acts.items() if name.startswith(k) and acts), None
            )
            if key is not None and not await self.server.acts[key].pop(0)(self, tag):
                continue
            await self._do(tag, name, words[1:])

    async def _command(self) -> list[str | bytes]:
        """Words of one command; literals are octets."""
        words: list[str | bytes] = []
        while line := await self.reader.readline():
            self.server.octets.append(line)
            text = line.decode("latin-1").rstrip("\r\n")
            literal = re.search(r"\{(\d+)(\+?)\}$", text)
            words += (text[: literal.start()] if literal else text).split()
            if literal is None:
                return words
            if not literal[2]:
                await self.write(b"+ go on\r\n")
            octets = await self.reader.readexactly(int(literal[1]))
            self.server.octets.append(octets)
            words.append(octets)
        raise Hung

    async def _do(self, tag: str, name: str, words: list[str | bytes]) -> None:
        lines: list[bytes] = []
        done = b"OK done"
        match name.split():
            case ["CAPABILITY", *_]:
                lines = [b"* CAPABILITY " + self.server.capabilities.encode()]
            case ["LIST", *_]:
                lines = [b'* LIST (%s) "/" "%s"' % (self.server.uses.get(f, "").encode(), f.encode())
                         for f in self.server.folders]  # fmt: skip
            case ["EXAMINE" | "SELECT", *_]:
                self.folder = _text(words[1])
                last = max((one.uid for one in self._mails()), default=0)
                lines = [b"* OK [UIDVALIDITY 7] ok", b"* OK [UIDNEXT %d] ok" % (last + 1)]
            case ["STATUS", *_]:
                total = len(self.server.folders[_text(words[1])])
                lines = [b"* STATUS x (MESSAGES %d UNSEEN 0)" % total]
            case ["APPEND", *_]:
                flags = " ".join(map(_text, words[2:-1])).strip("()")
                assert isinstance(words[-1], bytes)
                self.server.put(_text(words[1]), words[-1], flags=flags)
            case ["UID", verb]:
                lines, done = self._with_uids(verb, words[2:])
            case ["AUTHENTICATE", _] if len(words) == 2:
                await self.write(b"+ \r\n")
                self.server.octets.append(await self.reader.readline())
            case ["LOGOUT", *_]:
                lines = [b"* BYE bye"]
            case _:
                pass
        await self.write(
            b"".join(line + b"\r\n" for line in lines) + tag.encode() + b" " + done + b"\r\n"
        )

    def _mails(self) -> list[Mail]:
        return self.server.folders[self.folder]

    def _with_uids(self, verb: str, words: list[str | bytes]) -> tuple[list[bytes], bytes]:
        if verb == "SEARCH":
            if "CHARSET" in words and self.server.is_ascii_only:
                return [], b"NO [BADCHARSET (US-ASCII)] not that one"
            found = [str(one.uid) for one in self._mails() if _all_fit(list(words), one)]
            return [b"* SEARCH " + " ".join(found).encode()], b"OK done"
        uids = _uids(_text(words[0]), self._mails())
        chosen = [one for one in self._mails() if one.uid in uids]
        rest = " ".join(map(_text, words[1:]))
        if verb == "FETCH":
            return [
                b"* %d FETCH (%s)" % (one.uid, self._fetched(one, rest)) for one in chosen
            ], b"OK done"
        if verb == "STORE":
            flags = set(rest.partition("(")[2].rstrip(")").split())
            for one in chosen:
                one.flags = one.flags | flags if rest.startswith("+") else one.flags - flags
        if verb in {"COPY", "MOVE"}:
            self.server.put(_text(words[1]), *(one.raw for one in chosen))
        if verb == "MOVE" or verb == "EXPUNGE":
            gone = [one for one in chosen if verb == "MOVE" or "\\Deleted" in one.flags]
            self.server.folders[self.folder] = [one for one in self._mails() if one not in gone]
        return [], b"OK done"

    def _fetched(self, one: Mail, asked: str) -> bytes:
        told = [b"UID %d FLAGS (%s)" % (one.uid, " ".join(sorted(one.flags)).encode())]
        if "INTERNALDATE" in asked:
            told.append(f'INTERNALDATE "{one.received:%d-%b-%Y %H:%M:%S %z}"'.encode())
        if "RFC822.SIZE" in asked:
            told.append(b"RFC822.SIZE %d" % len(one.raw))
        if "BODYSTRUCTURE" in asked:
            structure = self.server.structure
            told.append(
                b"BODYSTRUCTURE " + (structure % len(one.raw) if b"%d" in structure else structure)
            )
        head, _, body = one.raw.partition(b"\r\n\r\n")
        for section, start, size in re.findall(r"BODY\.PEEK\[([^\]]*)\](?:<(\d+)\.(\d+)>)?", asked):
            whole = (
                head + b"\r\n\r\n"
                if section.startswith("HEADER")
                else one.raw
                if not section
                else body
            )
            part = whole[int(start or 0) :][: int(size or len(whole))]
            told.append(
                b"BODY[%s]<%d> {%d}\r\n%s" % (section.encode(), int(start or 0), len(part), part)
            )
        return b" ".join(told)


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode("utf-8", "replace")


def _header(raw: bytes, name: bytes) -> bytes:
    found = re.search(
        rb"(?im)^" + re.escape(name) + rb":[ ]*(.*?)\r?$", raw.partition(b"\r\n\r\n")[0]
    )
    return found[1] if found else b""


def _uids(told: str, mails: list[Mail]) -> set[int]:
    last = max((one.uid for one in mails), default=0)
    found: set[int] = set()
    for piece in told.replace("*", str(last)).split(","):
        first, _, end = piece.partition(":")
        ends = sorted((int(first), int(end or first)))
        found |= set(range(ends[0], ends[1] + 1))
    return found


def _all_fit(words: list[str | bytes], one: Mail) -> bool:
    while words:
        if not _fits(words, one):
            return False
    return True


def _fits(words: list[str | bytes], one: Mail) -> bool:
    key = _text(words.pop(0)).upper()
    if key == "OR":
        return any([_fits(words, one), _fits(words, one)])
    if key in {"UNDELETED", "SEEN", "UNSEEN"}:
        flag = "\\" + key.removeprefix("UN").capitalize()
        return (flag in one.flags) != key.startswith("UN")
    value = words.pop(0)
    if key == "UID":
        return one.uid in _uids(_text(value), [one])
    if key == "HEADER":
        key, value = _text(value), words.pop(0)
    if key in {"SINCE", "BEFORE"}:
        day = datetime.strptime(f"{_text(value)} +0000", "%d-%b-%Y %z")
        return (one.received >= day) == (key == "SINCE")
    if key == "CHARSET":
        return True
    text = one.raw.partition(b"\r\n\r\n")[2] if key == "BODY" else _header(one.raw, key.encode())
    return _text(value).lower() in _text(text).lower()


@asynccontextmanager
async def imap_server() -> AsyncGenerator[FakeImap]:
    """On a free port of 127.0.0.1, gone at the end with all its connections."""
    server = FakeImap()
    sessions: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            await Session(server, reader, writer).run()
        except (Hung, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def started(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(serve(reader, writer))
        sessions.add(session)
        session.add_done_callback(sessions.discard)

    listener = await asyncio.start_server(started, "127.0.0.1", 0, limit=64 * 1024 * 1024)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for session in list(sessions):
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await listener.wait_closed()
