"""An SMTP server over real TCP that goes wrong where a test says, and counts what it took by Message-ID.

Strict by RFC 5321, or as lax about line endings as the servers that made SMTP smuggling possible.
"""

import asyncio
import base64
import re
import ssl
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Stage = Literal[
    "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body", "dot", "after", "rset", "quit"
]  # fmt: skip
"""`body`: after the first octets of a mail; `dot`: all of it is there and not taken; `after`: taken, not answered."""


class Mail(NamedTuple):
    sender: str
    recipients: list[str]
    data: bytes


class Hung(Exception):
    """Close the connection without a word."""


Act = Callable[["Session"], Awaitable[bool | None]]
"""What is done at a stage. True: the server's own answer is left out."""


def say(answer: str | bytes) -> Act:
    """Answer this instead."""

    async def act(session: "Session") -> bool:
        await session.answer(answer)
        return True

    return act


def drop() -> Act:
    """Cut the connection."""

    async def act(_: "Session") -> None:
        raise Hung

    return act


def stall() -> Act:
    """Say nothing until the client goes away."""

    async def act(session: "Session") -> None:
        while await session.reader.read(65_536):
            pass
        raise Hung

    return act


def call(hook: Callable[[], Awaitable[None]]) -> Act:
    """Run the test's own code, then go on."""

    async def act(_: "Session") -> None:
        await hook()

    return act


def slow() -> Act:
    """From here on answer octet by octet."""

    async def act(session: "Session") -> None:
        session.is_slow = True

    return act


@dataclass
class FaultServer:
    """Takes mails, unless `acts` say otherwise: the first act of a stage for its first time, and so on."""

    port: int = 0
    acts: dict[Stage, list[Act | None]] = field(default_factory=lambda: defaultdict(list))
    mails: list[Mail] = field(default_factory=list[Mail])
    commands: list[str] = field(default_factory=list[str])
    """All lines received, sign-ins left out."""
    sign_ins: list[str] = field(default_factory=list[str])
    tls: ssl.SSLContext | None = None
    extensions: list[str] = field(default_factory=lambda: ["SIZE 10485760", "8BITMIME"])
    mechanisms: str = ""
    is_lax: bool = False
    """Takes a bare line feed or carriage return for the end of a line."""
    connections: int = 0

    def when(self, stage: Stage, *acts: Act | None) -> None:
        """Do these at the stage, one each time; None for a time without a fault."""
        self.acts[stage] += acts

    @property
    def delivered(self) -> Counter[str]:
        """How many times each Message-ID was taken."""
        return Counter(
            found[1].decode()
            for mail in self.mails
            if (found := re.search(rb"(?im)^message-id:\s*<([^>]*)>", mail.data))
        )


@dataclass
class Session:
    """One connection."""

    server: FaultServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_secure: bool
    sender: str = ""
    recipients: list[str] = field(default_factory=list[str])
    is_slow: bool = False

    async def answer(self, answer: str | bytes) -> None:
        octets = answer if isinstance(answer, bytes) else f"{answer}\r\n".encode()
        step = 1 if self.is_slow else len(octets)
        for start in range(0, len(octets), step):
            self.writer.write(octets[start : start + step])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def at(self, stage: Stage, answer: str | None = None) -> bool:
        """Do what the test says for this stage, or give the answer. Whether the server's own answer was given."""
        acts = self.server.acts[stage]
        act = acts.pop(0) if acts else None
        if act is not None and await act(self):
            return False
        if answer is not None:
            await self.answer(answer)
        return True

    async def run(self) -> None:
        await self.at("greeting", "220 mail.example.org ESMTP")
        while line := await self.reader.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text.partition(" ")[0].upper()
            if verb == "AUTH":
                await self._auth(text)
                continue
            self.server.commands.append(text)
            if verb == "QUIT":
                await self.at("quit", "221 2.0.0 Bye")
                return
            await self._command(verb, text)

    async def _command(self, verb: str, text: str) -> None:
        match verb:
            case "EHLO":
                await self.at("ehlo", self._greeting())
            case "STARTTLS":
                if await self.at("starttls", "220 2.0.0 Go ahead"):
                    assert self.server.tls is not None
                    await self.writer.start_tls(self.server.tls)
                    self.is_secure = True
            case "MAIL":
                self.sender, self.recipients = _path(text), []
                await self.at("mail", "250 2.1.0 Ok")
            case "RCPT":
                if await self.at("rcpt", "250 2.1.5 Ok"):
                    self.recipients.append(_path(text))
            case "RSET":
                self.sender, self.recipients = "", []
                await self.at("rset", "250 2.0.0 Ok")
            case "DATA":
                if await self.at("data", "354 End with a dot"):
                    await self._data()
            case _:
                await self.answer("500 5.5.2 Unknown")

    def _greeting(self) -> str:
        offered = list(self.server.extensions)
        if self.server.tls is not None and not self.is_secure:
            offered.append("STARTTLS")
        if self.server.mechanisms:
            offered.append(f"AUTH {self.server.mechanisms}")
        lines = ["mail.example.org", *offered]
        return "\r\n".join(
            f"250{' ' if n == len(lines) - 1 else '-'}{one}" for n, one in enumerate(lines)
        )

    async def _auth(self, text: str) -> None:
        _, mechanism, *first = text.split(" ")
        said = [*first]
        if mechanism.upper() == "LOGIN":
            await self.answer("334 UGFzc3dvcmQ6")
            said.append((await self.reader.readline()).decode().strip())
        self.server.sign_ins.append(
            "|".join([mechanism, *(base64.b64decode(one).decode() for one in said)])
        )
        await self.at("auth", "235 2.7.0 Ok")

    async def _data(self) -> None:
        received = b""
        ends = rb"(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)" if self.server.is_lax else rb"\r\n\.\r\n"
        is_first = True
        while not (end := re.search(ends, b"\r\n" + received)):
            octets = await self.reader.read(65_536)
            if not octets:
                raise Hung
            received += octets
            if is_first:
                is_first = False
                await self.at("body")
        data = (b"\r\n" + received)[2 : end.start() + 2]
        mail = Mail(self.sender, self.recipients, re.sub(rb"(?m)^\.\.", b".", data))
        if await self.at("dot"):
            self.server.mails.append(mail)
            if await self.at("after"):
                await self.answer("250 2.0.0 Taken")
        rest = received[end.end() - 2 :]
        if rest:  # What follows a mail in the same breath was smuggled.
            self.server.commands += [f"smuggled: {line!r}" for line in rest.split(b"\n") if line]


def _path(text: str) -> str:
    found = re.search(r"<([^>]*)>", text)
    return found[1] if found else ""


@asynccontextmanager
async def smtp_server(
    tls: ssl.SSLContext | None = None, *, is_implicit: bool = False
) -> AsyncGenerator[FaultServer]:
    """A server on a free port of 127.0.0.1, gone at the end with all its connections."""
    server = FaultServer(tls=tls)
    sessions: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            await Session(server, reader, writer, is_implicit).run()
        except (Hung, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def started(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.create_task(serve(reader, writer))
        sessions.add(session)
        session.add_done_callback(sessions.discard)

    listener = await asyncio.start_server(
        started, "127.0.0.1", 0, ssl=tls if is_implicit else None, limit=16 * 1024 * 1024
    )
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for session in list(sessions):
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await listener.wait_closed()
