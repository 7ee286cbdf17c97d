"""Reads a small document from the public web, at an address that a stranger names.

The name is resolved once, every address it stands for must be public, and the connection goes to one of those: a second
look at DNS could find another one (rebinding). No redirects, no cookies, no proxy, no more than a few kilobytes.
"""

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from shared.networks import Address, Network, is_public

MAX_BYTES = 16 * 1024
"""Three times what the draft proposes (section 6.6 of draft-ietf-oauth-client-id-metadata-document)."""
CONNECT_S = 3.0
WITHIN_S = 6.0
"""From the first byte to the last one, however slowly they come."""
MAX_TRIED = 2
"""Of a host's addresses."""
MAX_AT_ONCE = 4
"""Names whose servers never answer keep a lookup waiting for long, and gevent has ten threads for those of all."""

_HOST = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")

Resolve = Callable[[str], Sequence[Address]]
"""All addresses of a name. Raises OSError where there are none."""


class CannotRead(Exception):
    """The document was not to be had; the message says why, in words for its author."""


def resolve(name: str) -> list[Address]:
    """As this machine's resolver says."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Reply:
    """A document as it came."""

    body: bytes
    media_type: str
    cache_control: str


@dataclass(frozen=True, slots=True)
class Outside:
    """Reads documents."""

    reachable: Sequence[Network] = ()
    """Networks that are taken for public although they are not: for development."""
    resolve: Resolve = resolve
    make_tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """Called for each document: loading certificates costs more than most starts of a process need to pay."""
    within_s: float = WITHIN_S
    _places: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(MAX_AT_ONCE), init=False, compare=False
    )

    def read(self, url: str) -> Reply:
        """Raises CannotRead."""
        host, port, path = parse(url)
        if not self._places.acquire(blocking=False):
            raise CannotRead("cannot be read at the moment, because many others are. Try again")
        try:
            return self._fetch(host, port, path)
        finally:
            self._places.release()

    def _fetch(self, host: str, port: int, path: str) -> Reply:
        for address in self._addresses(host)[:MAX_TRIED]:
            try:
                return self._ask(address, host, port, path)
            except ssl.SSLCertVerificationError:
                raise CannotRead("has no valid certificate for its name") from None
            except (OSError, http.client.HTTPException):
                continue
        raise CannotRead("does not answer")

    def _addresses(self, host: str) -> Sequence[Address]:
        try:
            addresses = self.resolve(host)
        except (OSError, UnicodeError):
            raise CannotRead("cannot be found") from None
        # One address that is not public is enough: who controls the name would only have to ask again.
        if not addresses or not all(is_public(one, self.reachable) for one in addresses):
            raise CannotRead("is not on the public web")
        return addresses

    def _ask(self, address: Address, host: str, port: int, path: str) -> Reply:
        connection = _PinnedConnection(address, host, port, self.make_tls())
        with closing(connection):
            connection.connect()
            # A server that sends a byte now and then would hold us for hours: socket timeouts start anew each time.
            deadline = threading.Timer(self.within_s, connection.cut)
            deadline.daemon = True
            deadline.start()
            try:
                connection.request("GET", path, headers=_HEADERS)
                reply = _read(connection.getresponse())
            finally:
                deadline.cancel()
            if connection.is_cut:  # what came until then looks like a whole document
                raise CannotRead("does not answer in time")
            return reply


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Steward"}


def parse(url: str) -> tuple[str, int, str]:
    """Host, port and path with query of a document's address.

    Raises:
        CannotRead: not https, not in its plainest form, or without a path (section 3 of the draft).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise CannotRead("is no address") from None
    path = url.removeprefix(f"https://{parts.netloc}")
    is_plain = (
        url.startswith("https://")
        and parts.netloc in {host, f"{host}:{port}"}
        and _HOST.fullmatch(host) is not None
        and _PATH.fullmatch(path) is not None
        and not {".", ".."} & set(parts.path.split("/"))
    )
    if not is_plain:
        raise CannotRead("is not a plain https address with a path")
    return host, port, path


def _read(response: http.client.HTTPResponse) -> Reply:
    if response.status != 200:
        raise CannotRead(f"answers with status {response.status}")
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise CannotRead("answers in an encoding that was not asked for")
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise CannotRead(f"is larger than {MAX_BYTES // 1024} KB")
    return Reply(
        body,
        response.getheader("Content-Type", "").partition(";")[0].strip().lower(),
        response.getheader("Cache-Control", ""),
    )


class _PinnedConnection(http.client.HTTPSConnection):
    """Goes to one address, and asks there for a name, whose certificate it must show."""

    def __init__(self, address: Address, host: str, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_S, context=tls)
        self._address = str(address)
        self._tls = tls
        self._opened: ssl.SSLSocket | None = None
        self.is_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_S)
        try:
            self._opened = self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def cut(self) -> None:
        """End it from another thread: what is being read ends there."""
        self.is_cut = True
        if self._opened is not None:
            with suppress(OSError):  # it has ended by itself
                # Below TLS, whose own shutdown pulls the rug from under the thread that reads.
                socket.socket.shutdown(self._opened, socket.SHUT_RDWR)
