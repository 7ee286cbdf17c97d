"""Opens connections that are signed in: TLS verified before any secret leaves (RFC 8314), then SASL or LOGIN."""

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_email.config import Server
from mcp_email.imap.connection import BUFFER, Connection, Lost, Said, Text
from mcp_email.imap.words import PORTS, Unusable, in_words, where
from mcp_email.mail_server import LOOPBACK, as_sent, trusting
from mcp_email.oauth import AccessTokens, SignInRefused

_WRONG = frozenset({"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED"})
REFUSED_REST_S = 60.0
"""How long a refused password is not tried again: providers lock accounts after a few tries."""


@dataclass(slots=True)
class SignIn:
    """How to get a connection to one account."""

    server: Server
    tokens: AccessTokens | None = None
    """For a server with oauth."""
    secrets: set[str] = field(default_factory=set[str], repr=False)
    """What no text of the server may repeat."""
    clock: Callable[[], float] = time.monotonic
    _tls: ssl.SSLContext | None = None
    _refused: tuple[str, float, Said] | None = field(default=None, repr=False)
    """The password that was, until when it is not tried again, and what was said."""

    async def open(self) -> Connection:
        """A connection ready for commands. Raises Unusable, and BadSetup for a secret that cannot be read."""
        connection: Connection | None = None
        try:
            connection = await self._connected()
            status = await connection.greeting()
            if self.server.security == "starttls":
                await self._secured(connection, status)
            if status != "PREAUTH":
                await self._signed_in(connection)
        except SignInRefused as error:
            raise self._closed(connection, Unusable(str(error))) from None
        except (Lost, OSError, EOFError) as error:
            unreachable = Unusable(f"{where(self.server)} cannot be reached. Try again later.")
            is_there = connection is not None or isinstance(error, (ssl.SSLError, TimeoutError))
            raise self._closed(
                connection,
                in_words(error, self.server, self.secrets) if is_there else unreachable,
            ) from None
        except Said as said:
            raise self._closed(connection, in_words(said, self.server, self.secrets)) from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return connection

    def _closed(self, connection: Connection | None, error: Unusable) -> Unusable:
        if connection is not None:
            connection.close()
        return error

    async def _connected(self) -> Connection:
        server = self.server
        if server.security == "plain" and server.host not in LOOPBACK:
            raise Unusable("Without TLS mail is read on this machine only.", is_setup=True)
        context = await self._context() if server.security == "tls" else None
        async with asyncio.timeout(server.timeout_s):
            reader, writer = await asyncio.open_connection(
                server.host, server.port or PORTS[server.security], ssl=context, limit=BUFFER
            )
        return Connection(reader, writer, server.timeout_s)

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            ca_file = str(self.server.ca_file) if self.server.ca_file else None
            try:
                self._tls = await asyncio.to_thread(trusting, ca_file)
            except (OSError, ssl.SSLError):
                raise Unusable(
                    f"The certificates in {ca_file} cannot be read.", is_setup=True
                ) from None
        return self._tls

    async def _secured(self, connection: Connection, status: str) -> None:
        await _ask_capabilities(connection)
        if status == "PREAUTH" or not connection.can("STARTTLS"):
            raise Unusable(
                f"{where(self.server)} does not offer STARTTLS, so nothing was sent over the open line. "
                "Check the port, or use security = tls.",
                is_setup=True,
            )
        await connection.secure(await self._context(), self.server.host)

    async def _signed_in(self, connection: Connection) -> None:
        await _ask_capabilities(connection)
        try:
            await self._authenticate(connection)
        except Said as said:
            if self.tokens is not None:
                self.tokens.forget()
            if said.status == "NO" and not said.code:
                said.code = (
                    "AUTHENTICATIONFAILED"  # RFC 5530 came late; a NO without a code means it.
                )
            raise

    async def _authenticate(self, connection: Connection) -> None:
        server = self.server
        if server.oauth is not None and self.tokens is not None:
            token = await self.tokens.get()
            plain = f"user={server.user}\x01auth=Bearer {token}\x01\x01"
            self.secrets |= as_sent(token, plain)
            await _sasl(connection, b"XOAUTH2", plain.encode())
        elif server.password is not None:
            await self._with_password(connection, server.password.read("The IMAP password"))
        else:
            raise Unusable("The account's imap has no password and no oauth.", is_setup=True)

    async def _with_password(self, connection: Connection, password: str) -> None:
        user = self.server.user
        plain = f"\0{user}\0{password}"
        self.secrets |= as_sent(password, plain)
        if self._refused is not None and self._refused[0] == password:
            _, until_s, said = self._refused
            if self.clock() < until_s:
                raise Said(said.status, said.code, said.text)
        try:
            if connection.can("AUTH=PLAIN"):
                await _sasl(connection, b"PLAIN", plain.encode())
            elif connection.can("LOGINDISABLED"):
                raise Unusable("The mail server offers no sign-in with a password.", is_setup=True)
            else:
                words = Text(user.encode()), Text(password.encode())
                await _then_capabilities(connection, b"LOGIN", *words)
        except Said as said:
            if said.status == "NO" and said.code in _WRONG:
                self._refused = password, self.clock() + REFUSED_REST_S, said
            raise


async def _sasl(connection: Connection, mechanism: bytes, plain: bytes) -> None:
    """AUTHENTICATE, with the first answer at once where that is offered (RFC 4959)."""
    first = base64.b64encode(plain)
    answers = [first]
    command = [b"AUTHENTICATE", mechanism]
    if connection.can("SASL-IR"):
        command.append(answers.pop())

    def challenge(_: bytes) -> bytes:
        # The second one, with XOAUTH2, is an error in JSON; an empty answer makes the server say NO.
        return answers.pop() if answers else b""

    await _then_capabilities(connection, *command, challenge=challenge)


async def _then_capabilities(connection: Connection, *words: bytes | Text, **more: object) -> None:
    """After the sign-in a server may offer more than before."""
    reply = await connection.command(*words, **more)  # pyright: ignore[reportArgumentType]
    if connection.learn(reply.code, reply.argument):
        return
    connection.capabilities = frozenset()
    for answer in reply.untagged(b"CAPABILITY"):
        connection.learn("CAPABILITY", re.sub(rb"^\* \S+ ", b"", answer.line))
    await _ask_capabilities(connection)


async def _ask_capabilities(connection: Connection) -> None:
    if connection.capabilities:
        return
    reply = await connection.command(b"CAPABILITY")
    for answer in reply.untagged(b"CAPABILITY"):
        connection.learn("CAPABILITY", re.sub(rb"^\* \S+ ", b"", answer.line))
