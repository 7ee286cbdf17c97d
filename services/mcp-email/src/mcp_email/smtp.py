"""Hands mails over by SMTP (RFC 5321): one connection a mail, TLS verified, everybody accepted or nothing sent.

Never tries again by itself: whoever calls knows whether that is safe. Once the end of a mail has left, an answer
that does not come means `unknown`, because the server may have taken it (RFC 1047).
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import aiosmtplib
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from mcp_email.config import Server
from mcp_email.mail import Delivery, Rejection
from mcp_email.mail_server import LOOPBACK, as_sent, shown, trusting
from mcp_email.oauth import AccessTokens, SignInRefused
from mcp_email.smtp_data import Unfinished, hand_over
from shared.errors import BadSetup

Answer = TypeVar("Answer")
Stage = Literal["connect", "tls", "login", "mail", "rcpt", "data", "done"]

PORTS = {"tls": 465, "starttls": 587, "plain": 25}
DATA_FACTOR = 6
"""The answer to a mail may take this many times the time of other answers (RFC 5321 section 4.5.3.2 says 2 to 5)."""
GOODBYE_S = 2.0


class _Ended(Exception):
    """The session ended before the mail was taken. `delivery` says how."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(delivery.reason)
        self.delivery = delivery


@dataclass(slots=True)
class SmtpTransport:
    """A mail server that takes our mails. Belongs to one event loop; made without I/O."""

    server: Server
    ehlo_name: str = "[127.0.0.1]"
    """Who we say we are: an address literal, as of any client without a name (RFC 5321 section 4.1.3)."""
    tokens: AccessTokens | None = None
    """For a server with oauth."""
    tls: ssl.SSLContext | None = None
    """None: made from the system's certificates and the server's ca_file."""
    _secrets: set[str] = field(default_factory=set[str], repr=False)

    async def send(
        self,
        sender: str,
        recipients: Sequence[str],
        data: bytes,
        before_data: Callable[[], Awaitable[None]],
    ) -> Delivery:
        """As the port says. What `before_data` raises is raised, after the connection was closed."""
        try:
            async with self._session() as session:
                await self._envelope(session, sender, recipients, data)
                await before_data()
                delivery = await self._data(session, recipients, data)
                if delivery.state == "sent":
                    await _goodbye(session)
                return delivery
        except _Ended as ended:
            return ended.delivery

    async def problem(self) -> str | None:
        """Why nothing can be sent right now: connects, secures, signs in and says goodbye."""
        try:
            async with self._session() as session:
                await _goodbye(session)
                return None
        except _Ended as ended:
            return ended.delivery.reason

    def _session(self) -> "_Session":
        return _Session(self)

    async def signed_in(self, client: aiosmtplib.SMTP) -> None:
        """Connect, secure and sign in. Raises _Ended."""
        await self._at("connect", self._connect(client))
        if self.server.security == "starttls":
            await self._at("tls", self._start_tls(client))
        await self._at("connect", client.ehlo(hostname=self.ehlo_name))
        await self._at("login", self._login(client))

    async def tls_context(self) -> ssl.SSLContext:
        """Verifies the certificate and the name. Raises _Ended: the ca_file cannot be read."""
        if self.tls is None:
            ca_file = str(self.server.ca_file) if self.server.ca_file else None
            try:
                self.tls = await asyncio.to_thread(trusting, ca_file)
            except OSError:
                told = "The certificates in the account's ca_file cannot be read."
                raise _Ended(_failed("tls", told)) from None
        return self.tls

    async def _connect(self, client: aiosmtplib.SMTP) -> None:
        if self.server.security == "plain" and self.server.host not in LOOPBACK:
            raise _Ended(_failed("tls", "Without TLS mail is handed over on this machine only."))
        client.tls_context = None if self.server.security == "plain" else await self.tls_context()
        await client.connect()

    async def _start_tls(self, client: aiosmtplib.SMTP) -> None:
        await client.ehlo(hostname=self.ehlo_name)
        if not client.supports_extension("starttls"):
            raise _Ended(
                _failed(
                    "tls",
                    "The mail server does not offer STARTTLS, so nothing was sent over the open line. "
                    "Check the port, or use security = tls.",
                )
            )
        await client.starttls()

    async def _login(self, client: aiosmtplib.SMTP) -> None:
        server = self.server
        if not server.user:
            return
        if server.oauth is not None and self.tokens is not None:
            token = await self.tokens.get()
            self._secrets = as_sent(token, f"user={server.user}\x01auth=Bearer {token}\x01\x01")
            try:
                await client.auth_xoauth2(server.user, token)
            except SMTPAuthenticationError:
                self.tokens.forget()
                raise
        elif server.password is not None:
            password = server.password.read("The SMTP password")
            self._secrets = as_sent(password, f"\0{server.user}\0{password}")
            offered = client.server_auth_methods
            if "plain" in offered:
                await client.auth_plain(server.user, password)
            elif "login" in offered:
                await client.auth_login(server.user, password)
            else:
                raise _Ended(
                    _failed(
                        "login", "The mail server offers no sign-in with a password (PLAIN, LOGIN)."
                    )
                )

    async def _envelope(
        self, client: aiosmtplib.SMTP, sender: str, recipients: Sequence[str], data: bytes
    ) -> None:
        options: list[str] = []
        if not data.isascii():
            if not client.supports_extension("8bitmime"):
                raise _Ended(
                    _failed("mail", "The mail server takes ASCII only, and the mail is not.")
                )
            options.append("BODY=8BITMIME")
        size = len(data)
        if client.supports_extension("size"):
            most = client.esmtp_extensions["size"].strip()
            if most.isascii() and most.isdigit() and 0 < int(most) < size:
                raise _Ended(
                    _failed("mail", f"The mail has {size} octets; the mail server takes {most}.")
                )
            options.append(f"SIZE={size}")
        await self._at("mail", client.mail(sender, options=options))
        rejected = [
            refusal
            for recipient in recipients
            if (refusal := await self._at("rcpt", self._refusal(client, recipient))) is not None
        ]
        if rejected:
            with suppress(SMTPException, OSError):
                await client.rset()
            raise _Ended(
                Delivery(
                    "failed",
                    rejected=tuple(rejected),
                    stage="rcpt",
                    smtp_code=rejected[0].code,
                    reason="The mail server refused a recipient, so nobody got it. "
                    + rejected[0].reason,
                    is_transient=all(400 <= one.code < 500 for one in rejected),
                )
            )

    async def _refusal(self, client: aiosmtplib.SMTP, recipient: str) -> Rejection | None:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as refused:
            if refused.code == 421 or not client.is_connected:
                raise
            reason = in_words("rcpt", refused.code, shown(refused.message, self._secrets))
            return Rejection(recipient, refused.code, reason)
        return None

    async def _data(
        self, client: aiosmtplib.SMTP, recipients: Sequence[str], data: bytes
    ) -> Delivery:
        try:
            async with asyncio.timeout(self.server.timeout_s):
                started = await client.execute_command(b"DATA")
        except (SMTPException, OSError) as error:
            return self._lost("failed", is_late=isinstance(error, TimeoutError))
        is_ahead = client.protocol is None or client.protocol._buffer  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it would pass for the answer to come
        if started.code != 354 or is_ahead:
            return self._refused("data", started.code, started.message)
        timeout_s = self.server.timeout_s
        try:
            answer = await hand_over(
                client, data, block_s=timeout_s, answer_s=timeout_s * DATA_FACTOR
            )
        except Unfinished as error:
            return self._lost("failed", is_late=error.is_late)
        except (SMTPException, OSError) as error:
            return self._lost("unknown", is_late=isinstance(error, TimeoutError))
        if answer is not None and answer.code == 250:
            return Delivery("sent", accepted=tuple(recipients), smtp_code=250)
        if answer is not None and 400 <= answer.code < 600:
            return self._refused("data", answer.code, answer.message)
        return Delivery(
            "unknown",
            stage="data",
            reason="The mail server did not answer the mail as SMTP asks it to, so what it did is not known.",
        )

    def _lost(self, state: Literal["failed", "unknown"], *, is_late: bool) -> Delivery:
        what = "in time" if is_late else "any more"
        told = (
            f"The mail server did not answer {what} before the end of the mail had left; nothing was sent."
            if state == "failed"
            else f"The mail was handed over and the mail server did not answer {what}: it may have gone out."
        )
        return Delivery(state, stage="data", reason=told, is_transient=state == "failed")

    def _refused(self, stage: Stage, code: int, text: str) -> Delivery:
        if 400 <= code < 600:
            return _failed(stage, in_words(stage, code, shown(text, self._secrets)), code)
        return _failed(stage, "The mail server answered what is no SMTP.")

    async def _at(self, stage: Stage, doing: Awaitable[Answer]) -> Answer:
        """Do one step before DATA. Raises _Ended with what went wrong in words."""
        try:
            async with asyncio.timeout(self.server.timeout_s):
                return await doing
        except SignInRefused as error:
            raise _Ended(_failed("login", str(error))) from None
        except BadSetup:  # Its text names a place of the machine.
            told = "The secret for the sign-in is not where the configuration says."
            raise _Ended(_failed("login", told)) from None
        except SMTPResponseException as error:
            raise _Ended(self._refused(stage, error.code, error.message)) from None
        except (SMTPException, OSError) as error:
            raise _Ended(self._unreachable(stage, error)) from None
        except ValueError:
            raise _Ended(_failed(stage, "The mail server answered what is no SMTP.")) from None

    def _unreachable(self, stage: Stage, error: BaseException) -> Delivery:
        """No answer, or no connection at all."""
        where = f"{self.server.host}, port {self.server.port or PORTS[self.server.security]}"
        cause = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return _failed(
                    "tls",
                    f"The certificate of {where} cannot be trusted ({cause.verify_message}). "
                    "Check the host's name, or give its authority as ca_file.",
                )
            if isinstance(cause, ssl.SSLError):
                return _failed(
                    "tls",
                    f"{where} does not speak TLS there. Use security = starttls with port 587, or tls with 465.",
                )
            cause = cause.__cause__ or cause.__context__
        if isinstance(error, TimeoutError):
            return _failed(stage, f"{where} did not answer in time.", is_transient=True)
        if stage == "connect":
            return _failed(stage, f"{where} cannot be reached.", is_transient=True)
        return _failed(stage, f"{where} closed the connection.", is_transient=True)


class _Session:
    """A signed-in connection, closed at the end."""

    def __init__(self, transport: SmtpTransport) -> None:
        server = transport.server
        self._transport = transport
        self._client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port or PORTS[server.security],
            use_tls=server.security == "tls",
            start_tls=False,
            timeout=server.timeout_s,
            local_hostname=transport.ehlo_name,
        )

    async def __aenter__(self) -> aiosmtplib.SMTP:
        try:
            await self._transport.signed_in(self._client)
        except BaseException:
            self._client.close()
            raise
        return self._client

    async def __aexit__(self, *_: object) -> None:
        self._client.close()


async def _goodbye(client: aiosmtplib.SMTP) -> None:
    """A server may take a cut line for a fault; how it answers this does not matter any more."""
    with suppress(SMTPException, OSError):
        await client.quit(timeout=GOODBYE_S)


def in_words(stage: Stage, code: int, text: str) -> str:
    """What a refusal means and what to do, by its place, code and enhanced code (RFC 3463), then the server's words."""
    found = re.match(r"([245]\.\d{1,3}\.\d{1,3})\b", text)
    told = _MEANING.get((stage, code)) or _MEANING.get((None, code))
    if found:
        told = _ENHANCED.get(found[1]) or _ENHANCED.get(found[1][1:]) or told
    if told is None:
        told = (
            "The mail server cannot take it now; a later try may work."
            if 400 <= code < 500
            else "The mail server refused it."
        )
    return f"{told} ({code} {text})" if text else f"{told} ({code})"


def _failed(
    stage: Stage, reason: str, code: int | None = None, *, is_transient: bool | None = None
) -> Delivery:
    if is_transient is None:
        is_transient = code is not None and 400 <= code < 500
    return Delivery("failed", stage=stage, smtp_code=code, reason=reason, is_transient=is_transient)


_MEANING: dict[tuple[Stage | None, int], str] = {
    ("login", 535): "The mail server refused the user or the password.",
    (
        "login",
        534,
    ): "The mail server wants another kind of sign-in, such as an app password or OAuth.",
    ("login", 530): "The mail server wants an encrypted connection before the sign-in.",
    ("login", 454): "The mail server cannot check sign-ins now; a later try may work.",
    ("mail", 530): "The mail server wants a sign-in first: give user and password.",
    ("mail", 550): "The mail server does not let this account send from its address.",
    ("mail", 553): "The mail server does not let this account send from its address.",
    ("mail", 552): "The mail is larger than the mail server takes.",
    ("rcpt", 450): "The recipient's mailbox is busy or the server wants a later try (greylisting).",
    ("rcpt", 550): "There is no such recipient, or the server does not take mail for it.",
    ("rcpt", 551): "The recipient is not at this server.",
    ("rcpt", 552): "The recipient's mailbox is full.",
    ("rcpt", 553): "The server does not allow this recipient's address.",
    ("data", 552): "The mail is larger than the mail server takes, or a mailbox is full.",
    ("data", 554): "The mail server refused the mail, perhaps as spam.",
    (None, 421): "The mail server closes its service for now; a later try may work.",
    (None, 452): "The mail server has too little room now; a later try may work.",
}
_ENHANCED = {
    "4.7.1": "The mail server wants a later try (greylisting); try again in some minutes.",
    ".1.1": "There is no such recipient.",
    ".1.2": "The recipient's domain is not there.",
    ".1.10": "The recipient's domain takes no mail.",
    ".2.1": "The recipient's mailbox is closed.",
    ".2.2": "The recipient's mailbox is full.",
    ".2.3": "The mail is larger than the recipient's mailbox takes.",
    ".3.4": "The mail is larger than the mail server takes.",
    "5.7.8": "The mail server refused the user or the password.",
    "5.7.9": "The mail server wants another kind of sign-in, such as an app password or OAuth.",
}
