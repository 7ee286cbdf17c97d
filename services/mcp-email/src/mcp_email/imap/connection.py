"""One connection to an IMAP server: commands out, answers in, both bounded (RFC 3501, 7888).

Every text goes out as a literal, so nothing in it can end a string or a command. Whatever ends in the middle of a
command (a limit, a time, a cancelled call) leaves the connection out of step; then it is only good to close.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

from mcp_email.imap.answer import Answer

MAX_LINE = 8 * 1024 * 1024
"""Octets of one line: the numbers of a million mails."""
MAX_LITERAL = 1024 * 1024
MAX_ANSWERS = 20_000
"""In answer to one command."""
MAX_OCTETS = 32 * 1024 * 1024
"""In answer to one command, all together."""
BUFFER = 64 * 1024

_LITERAL = re.compile(rb"\{(\d{1,10})\+?\}$")
_IN_WORDS = re.compile(
    rb"(?:\* (?:OK|NO|BAD|BYE|PREAUTH)|\+|a\d+ (?:OK|NO|BAD))(?= |$)", re.IGNORECASE
)
"""These end in words for people (RFC 3501 section 7.1), in which {5} announces nothing."""
_CODE = re.compile(rb"\[([A-Za-z0-9-]+)(?: ([^\]]*))?\]\s*(.*)", re.DOTALL)


class Lost(Exception):
    """The connection ended, or what came over it is no IMAP."""


class Said(Exception):
    """The server answered NO, BAD or BYE."""

    def __init__(self, status: str, code: str, text: str, argument: bytes = b"") -> None:
        """`code` is the response code (RFC 5530) in upper case, empty without one."""
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.text = text
        self.argument = argument


class Text(NamedTuple):
    """Octets that are sent as a literal."""

    octets: bytes


class Reply(NamedTuple):
    """What came before the OK, and the OK's own code."""

    answers: list[Answer]
    code: str
    argument: bytes

    def untagged(self, name: bytes) -> list[Answer]:
        """`* NAME …` and `* 12 NAME …`."""
        wanted = re.compile(rb"\* (?:\d+ )?" + name + rb"(?![A-Za-z0-9])", re.IGNORECASE)
        return [answer for answer in self.answers if wanted.match(answer.line)]


@dataclass(slots=True)
class Connection:
    """Lent to one call at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    timeout_s: float
    capabilities: frozenset[str] = frozenset()
    is_out_of_step: bool = False
    _count: int = 0
    _octets_left: int = MAX_OCTETS
    _bye: list[Said] = field(default_factory=list[Said])

    def can(self, capability: str) -> bool:
        """Whether the server offers it."""
        return capability in self.capabilities

    async def greeting(self) -> str:
        """OK or PREAUTH. Raises Lost, and Said for BYE."""
        async with self._in_step():
            line = (await self._answer()).line
        found = re.match(rb"\* (OK|PREAUTH|BYE)(?: (.*))?$", line, re.IGNORECASE | re.DOTALL)
        if found is None:
            self.is_out_of_step = True
            raise Lost("no IMAP")
        status, said = found[1].decode().upper(), _said("BYE", found[2] or b"")
        if status == "BYE":
            self.is_out_of_step = True
            raise said
        self.learn(said.code, said.argument)
        return status

    def learn(self, code: str, argument: bytes) -> bool:
        """Take up capabilities that a response code tells."""
        if code == "CAPABILITY":
            self.capabilities = frozenset(argument.decode("ascii", "replace").upper().split())
        return code == "CAPABILITY"

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """STARTTLS (RFC 3501 section 6.2.1). What came before it in the clear counts for nothing."""
        await self.command(b"STARTTLS")
        self.is_out_of_step = True
        if self.reader._buffer:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportAttributeAccessIssue] - it would pass for an answer over TLS
            raise Lost("no IMAP")
        async with asyncio.timeout(self.timeout_s):
            await self.writer.start_tls(context, server_hostname=host)
        self.is_out_of_step = False
        self.capabilities = frozenset()

    async def command(
        self, *words: bytes | Text, challenge: Callable[[bytes], bytes] | None = None
    ) -> Reply:
        """Send a command and read until it is answered.

        `challenge` answers what the server asks for in between (AUTHENTICATE). Raises Said for NO and BAD, Lost, and
        TimeoutError when it takes longer than the server's time.
        """
        self._count += 1
        tag = b"a%d" % self._count
        async with self._in_step():
            self._octets_left = MAX_OCTETS
            answers, status = await self._send(tag, words)
            while status is None:
                if len(answers) > MAX_ANSWERS:
                    raise Lost("too many answers")
                answer = await self._answer()
                if answer.line.startswith(b"+"):
                    if challenge is None:
                        raise Lost("no IMAP")
                    await self._write(challenge(answer.line[1:].strip()) + b"\r\n")
                    continue
                status = self._status(tag, answer)
                if status is None:
                    answers.append(answer)
        name, said = status
        if name != "OK":
            raise said
        return Reply(answers, said.code, said.argument)

    async def _send(
        self, tag: bytes, words: Collection[bytes | Text]
    ) -> tuple[list[Answer], tuple[str, Said] | None]:
        """The command's octets. Waits before a literal where the server wants that; it may refuse instead."""
        answers: list[Answer] = []
        pending = [tag]
        for word in words:
            pending.append(b" ")
            if isinstance(word, bytes):
                pending.append(word)
                continue
            size = len(word.octets)
            may_flow = self.can("LITERAL+") or (self.can("LITERAL-") and size <= 4096)
            pending.append(b"{%d%s}\r\n" % (size, b"+" if may_flow else b""))
            if not may_flow:
                await self._write(b"".join(pending))
                pending = []
                status = await self._until_asked_for(tag, answers)
                if status is not None:
                    return answers, status
            pending.append(word.octets)
        pending.append(b"\r\n")
        await self._write(b"".join(pending))
        return answers, None

    async def _until_asked_for(self, tag: bytes, answers: list[Answer]) -> tuple[str, Said] | None:
        while len(answers) <= MAX_ANSWERS:
            answer = await self._answer()
            if answer.line.startswith(b"+"):
                return None
            status = self._status(tag, answer)
            if status is not None:
                if status[0] == "OK":
                    raise Lost("no IMAP")
                return status
            answers.append(answer)
        raise Lost("too many answers")

    def _status(self, tag: bytes, answer: Answer) -> tuple[str, Said] | None:
        """How the command ended; None for an untagged answer. Raises Lost for what is neither."""
        line = answer.line
        if line[:6].upper() == b"* BYE ":
            self._bye.append(_said("BYE", line[6:]))
        if line.startswith(b"* "):
            return None
        found = re.match(rb"(\S+) (OK|NO|BAD)(?: (.*))?$", line, re.IGNORECASE | re.DOTALL)
        if found is None or found[1] != tag:
            raise Lost("no IMAP")
        name = found[2].decode().upper()
        return name, _said(name, found[3] or b"")

    async def _answer(self) -> Answer:
        texts, literals = [await self._line()], list[bytes]()
        if _IN_WORDS.match(texts[0]):
            return Answer(texts)
        while found := _LITERAL.search(texts[-1]):
            texts[-1] = texts[-1][: found.start()]
            size = int(found[1])
            if size > MAX_LITERAL or len(literals) >= MAX_ANSWERS:
                raise Lost("the answer is too large")
            self._spend(size)
            literals.append(await self.reader.readexactly(size))
            texts.append(await self._line())
        return Answer(texts, literals)

    async def _line(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while True:
            try:
                piece = await self.reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                piece = await self.reader.readexactly(error.consumed)
            self._spend(len(piece))
            size += len(piece)
            if size > MAX_LINE:
                raise Lost("the answer is too large")
            pieces.append(piece)
            if piece.endswith(b"\n"):
                return b"".join(pieces).rstrip(b"\r\n")

    def _spend(self, octets: int) -> None:
        self._octets_left -= octets
        if self._octets_left < 0:
            raise Lost("the answer is too large")

    async def _write(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    def _in_step(self) -> "_InStep":
        return _InStep(self)

    def why_closed(self) -> Said | None:
        """What the server said in a BYE."""
        return self._bye[-1] if self._bye else None

    def close(self) -> None:
        """At once, without a word."""
        self.is_out_of_step = True
        self.writer.transport.abort()


class _InStep:
    """Around one exchange: bounded in time, and out of step unless it went through."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._time = asyncio.timeout(connection.timeout_s)

    async def __aenter__(self) -> None:
        if self._connection.is_out_of_step:
            raise Lost("closed")
        await self._time.__aenter__()
        self._connection.is_out_of_step = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._time.__aexit__(kind, error, trace)
        if error is None:
            self._connection.is_out_of_step = False
        if isinstance(error, (OSError, EOFError)) and not isinstance(error, TimeoutError):
            raise self._connection.why_closed() or Lost("closed") from None


def _said(status: str, told: bytes) -> Said:
    code = _CODE.match(told.lstrip())
    if code is None:
        return Said(status, "", told.decode("utf-8", "replace"))
    name = code[1].decode("ascii").upper()
    return Said(status, name, code[3].decode("utf-8", "replace"), code[2] or b"")
