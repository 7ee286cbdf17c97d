"""What went wrong with an IMAP server, in words that say what to do. No text holds a secret."""

import ssl
from collections.abc import Collection

from mcp_email.config import Server
from mcp_email.imap.connection import Lost, Said
from mcp_email.mail_server import shown

PORTS = {"tls": 993, "starttls": 143, "plain": 143}


class Unusable(Exception):
    """The server cannot be used, in words. `is_setup`: not before the configuration was changed."""

    def __init__(self, message: str, *, is_setup: bool = False) -> None:
        super().__init__(message)
        self.is_setup = is_setup


def where(server: Server) -> str:
    """Host and port."""
    return f"{server.host}, port {server.port or PORTS[server.security]}"


def in_words(error: BaseException, server: Server, secrets: Collection[str]) -> Unusable:
    """What the error means for somebody who wants to use the mailbox."""
    place = where(server)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unusable(
                f"The certificate of {place} cannot be trusted ({cause.verify_message}). "
                "Check the host's name, or give its authority as ca_file.",
                is_setup=True,
            )
        if isinstance(cause, ssl.SSLError):
            return Unusable(
                f"{place} does not speak TLS there. Use security = tls with port 993, or starttls with 143.",
                is_setup=True,
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, Said):
        return _of_answer(error, secrets)
    if isinstance(error, TimeoutError):
        return Unusable(f"{place} did not answer in time. Try again later.")
    if isinstance(error, Lost) and str(error) == "no IMAP":
        return Unusable(f"{place} answered what is no IMAP. Check host, port and security.")
    if isinstance(error, Lost) and str(error) != "closed":
        return Unusable(f"{place} answered more than a mail program can take ({error}).")
    return Unusable(f"{place} closed the connection. Try again later.")


def _of_answer(said: Said, secrets: Collection[str]) -> Unusable:
    told = _MEANING.get(said.code)
    text = shown(said.text, secrets)
    if told is None and said.status == "BYE":
        lower = text.lower()
        is_crowded = "too many" in lower or "maximum number of connections" in lower
        told = _MEANING["LIMIT"] if is_crowded else "The mail server closed the connection."
    if told is None:
        told = "The mail server refused what was asked."
    tail = " ".join(filter(None, (said.status, f"[{said.code}]" if said.code else "", text)))
    return Unusable(f"{told} ({tail})", is_setup=said.code in _SETUP)


_MEANING = {
    "AUTHENTICATIONFAILED": "The mail server refused the user or the password. "
    "Check them; some providers want an app password or OAuth.",
    "AUTHORIZATIONFAILED": "The mail server does not let this user into the mailbox.",
    "EXPIRED": "The password or token is no longer valid. Set a new one.",
    "PRIVACYREQUIRED": "The mail server wants an encrypted connection: use security = tls or starttls.",
    "CONTACTADMIN": "The mail server wants its administrator to be asked.",
    "WEBALERT": "The mail provider wants somebody to sign in on its web page first.",
    "UNAVAILABLE": "The mail server cannot reach the mailbox now. Try again later.",
    "INUSE": "The mailbox is locked by another program. Try again in a moment.",
    "LIMIT": "The mail server allows no more connections or requests now. Close other mail programs or wait.",
    "OVERQUOTA": "The mailbox is full. Make room there first.",
    "NOPERM": "The mail server does not allow this in that folder.",
    "CANNOT": "The mail server cannot do this in that folder.",
    "READ-ONLY": "That folder can be read only.",
    "TRYCREATE": "That folder is not there any more.",
    "NONEXISTENT": "That folder is not there any more.",
    "SERVERBUG": "The mail server has a fault. Try again later.",
    "TOOBIG": "The mail is larger than the mail server takes.",
}
_SETUP = frozenset(
    {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "WEBALERT"}
)
