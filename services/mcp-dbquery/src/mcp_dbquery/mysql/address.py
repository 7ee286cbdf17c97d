"""Which server a mysql:// URL names, and as whom."""

import ssl
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from shared.errors import BadSetup

SCHEMES = frozenset({"mysql", "mariadb"})
LONGEST_USER = 32


@dataclass(frozen=True, slots=True)
class Address:
    """Where and as whom to sign in."""

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    database: str
    socket: str | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def read_address(url: str, what: str) -> Address:
    """Read `mysql://user:password@host:port/database?socket=PATH&tls=on|unverified`.

    A socket file stands for host and port. tls=unverified encrypts without looking at the server's certificate.

    Raises:
        BadSetup: it is no such URL. It may hold a password, so nothing of it is repeated; `what` names it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:
        raise BadSetup(f"{what} is not a URL.") from None
    if parts.scheme not in SCHEMES:
        raise BadSetup(f"{what} must begin with mysql:// or mariadb://.")
    if not parts.username:
        raise BadSetup(f"{what} must name a user: mysql://user@host/database.")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    socket = options.pop("socket", None)
    tls = _tls(options.pop("tls", "off"), what)
    if options:
        raise BadSetup(
            f"{what} has an option that is not known: {min(options)}. Known are socket and tls."
        )
    user = unquote(parts.username)
    if len(user) > LONGEST_USER:
        raise BadSetup(f"{what} names a user of more than {LONGEST_USER} characters.")
    return Address(
        user=user,
        password=unquote(parts.password or ""),
        host=parts.hostname or "localhost",
        port=port,
        database=_database(parts),
        socket=socket,
        tls=tls,
    )


def _database(parts: SplitResult) -> str:
    return unquote(parts.path.removeprefix("/"))


def _tls(wanted: str, what: str) -> ssl.SSLContext | None:
    match wanted:
        case "off":
            return None
        case "on":
            return ssl.create_default_context()
        case "unverified":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        case _:
            raise BadSetup(f"{what}: tls is on, unverified or off.")
