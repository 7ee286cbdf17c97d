"""Mails of the frontend's own: verification, resets, invitations. Plain text over SMTP (RFC 5321)."""

import smtplib
import ssl
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Literal
from urllib.parse import unquote, urlsplit

import structlog

from frontend.settings import Settings
from shared.config_file import read_secret
from shared.errors import BadSetup, Unavailable
from shared.sql import utc_now

TIMEOUT_S = 15
_POLICY = SMTP.clone(cte_type="7bit")
"""Every server takes it, also one that is not clean for eight bits."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed over."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    """plain on this machine only."""
    user: str = ""
    password: str = ""
    ca_file: str | None = None


class Mailer:
    """Hands mails to a server, one connection each: they are few."""

    def __init__(self, server: Server | None, sender: str) -> None:
        """`sender` is `Name <address>`. Raises BadSetup when it is no address. Nothing is connected yet."""
        name, address = parseaddr(sender)
        try:
            self._sender = Address(name, addr_spec=address)
        except (ValueError, IndexError, MessageError):
            raise BadSetup(f"FRONTEND_MAIL_FROM is no address: {sender}.") from None
        self._server = server

    @property
    def is_ready(self) -> bool:
        """Whether there is a server at all."""
        return self._server is not None

    def send(self, to: str, subject: str, text: str) -> None:
        """Returns when the server has taken it.

        Raises:
            Unavailable: there is no server, it does not answer, or it does not take the mail.
        """
        if self._server is None:
            raise Unavailable("This installation sends no mail. Ask an administrator for a link.")
        message = EmailMessage(policy=_POLICY)
        message["From"] = self._sender
        message["To"] = Address(addr_spec=to)
        message["Subject"] = " ".join(subject.split())
        message["Date"] = format_datetime(utc_now())
        message["Message-ID"] = make_msgid(domain=self._sender.domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        message.set_content(text)
        try:
            with _connected(self._server) as connection:
                connection.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            # Not the error's own words: servers repeat addresses and more in them.
            log.warning("mail_not_sent", error=type(error).__name__)
            raise Unavailable("The mail could not be sent. Try again in a moment.") from None
        log.info("mail_sent")


def make_mailer(settings: Settings) -> Mailer:
    """Raises BadSetup."""
    url = settings.smtp_url
    return Mailer(
        None if url is None else _server(url.get_secret_value(), settings), settings.mail_from
    )


def _server(url: str, settings: Settings) -> Server:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise BadSetup("FRONTEND_SMTP_URL must be smtp://host:port or smtps://host:port.")
    is_local = parts.hostname in LOOPBACK
    security = "tls" if parts.scheme == "smtps" else "plain" if is_local else "starttls"
    file = settings.smtp_password_file
    return Server(
        host=parts.hostname,
        port=parts.port or {"tls": 465, "starttls": 587, "plain": 25}[security],
        security=security,
        user=unquote(parts.username or ""),
        password=read_secret(file, "The mail server's password")
        if file
        else unquote(parts.password or ""),
        ca_file=str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
    )


def _connected(server: Server) -> smtplib.SMTP:
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_S, context=_tls(server)
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    try:
        if server.security == "starttls":
            connection.starttls(context=_tls(server))
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _tls(server: Server) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if server.ca_file:
        context.load_verify_locations(server.ca_file)
    return context
