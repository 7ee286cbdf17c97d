"""Decides which addresses may be fetched at all: strict in form, on the public web, and as the operator says. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Literal
from urllib.parse import quote

import idna

from mcp_search.errors import AddressRefused, FetchRefused
from shared.networks import Address, Network, is_public

MAX_URL = 2_000
"""Characters."""
WEB_PORTS = frozenset({80, 443})

_SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?", re.IGNORECASE
)
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff]")
_PORT = re.compile(r"(?P<host>.*?)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OCTET = re.compile(r"0|[1-9][0-9]{0,2}")
_KEPT = "!$%&'()*+,/:;=?@[]~"
"""Signs of a path and a query that are sent as they are; `%` because escapes are in it already."""

_NEVER = frozenset(
    """
    alt arpa cluster corp domain example home internal intranet invalid ip6-localhost ip6-loopback
    lan local localdomain localhost mail onion private svc test workgroup
    """.split()  # noqa: SIM905 - read as lines of words
)
"""Last labels that are nobody's on the web: RFC 6761, 6762, 7686, 8375, 9476, ICANN's name collisions and .internal,
and what clusters and routers call themselves."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address in the one form in which it is asked for."""

    scheme: Literal["http", "https"]
    host: str
    """In lower case, as it stands in DNS (A-labels, no dot at its end), or an address without brackets."""
    port: int
    resource: str
    """Path and query."""
    address: Address | None = None
    """Where the host is none but an address."""

    @property
    def authority(self) -> str:
        """Host and, where it is not the scheme's own, port: what the Host header says (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _own_port(self.scheme) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.resource}"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one server. Nothing in `allow` opens an address that is not public."""

    allow: Sequence[str] | None = None
    """Domains that may be fetched: `example.org`, `*.example.org` (that and all below it), `example.org:8443` (there on
    that port). None: the whole public web."""
    deny: Sequence[str] = ()
    ports: frozenset[int] = WEB_PORTS
    """Where no port is told in `allow`."""
    reachable: Sequence[Network] = ()
    """Networks that are taken for public although they are not; for a server among its own fakes."""

    def target(self, url: str) -> Target:
        """The address, if it may be asked for as far as its text tells. What its name stands for is judged by `check`.

        Raises:
            AddressRefused: it is malformed, or not on the public web.
            FetchRefused: the operator does not want it fetched. `details`: `rule`.
        """
        target = parse(url)
        if target.address is not None and not is_public(target.address, self.reachable):
            raise not_public()
        if any(_matches(rule, target) for rule in self.deny):
            raise _unwanted()
        if self.allow is None:
            is_wanted = target.port in self.ports
        else:
            rules = [rule for rule in self.allow if _matches(rule, target)]
            if not rules:
                raise _unwanted()
            is_wanted = target.port in self.ports or any(_port_of(rule) for rule in rules)
        if not is_wanted:
            raise AddressRefused(
                "Pages are fetched from the ports 80 and 443 only.",
                hint="Leave the port out of the address.",
            )
        return target

    def check(self, addresses: Sequence[Address]) -> None:
        """Raises AddressRefused unless there are addresses, and all of them are public."""
        if not addresses or not all(is_public(one, self.reachable) for one in addresses):
            raise not_public()


def decide(url: str, allow: Sequence[str] | None = None, deny: Sequence[str] = ()) -> Target:
    """As `Guard.target`."""
    return Guard(allow, deny).target(url)


def not_public() -> AddressRefused:
    """The same words whatever lies behind the address, so that nobody learns what there is inside."""
    return AddressRefused(
        "The address is not on the public web.",
        hint="Only pages of the public web can be fetched.",
    )


def parse(url: str) -> Target:
    """The parts of an address, each in its one form.

    Stricter than browsers are (WHATWG URL), so that nothing is asked for that two programs would read in two ways: no
    userinfo, no backslashes or spaces, no escapes in the host, IPv4 only as four plain decimal numbers.

    Raises:
        AddressRefused: it is something else, or names what is never on the public web.
    """
    url = url.strip(" \t\r\n")
    if len(url) > MAX_URL:
        raise _malformed(f"The address is longer than {MAX_URL:,} characters.")
    shape = _SHAPE.fullmatch(url)
    if shape is None or _NOT_IN_URLS.search(url):
        raise _malformed("Only complete http and https addresses can be fetched.")
    if "@" in shape["authority"]:
        raise _malformed("An address with a user name or password in it is not fetched.")
    scheme = "https" if shape["scheme"].lower() == "https" else "http"
    host, port = _host_and_port(shape["authority"])
    path, mark, query = quote(shape["rest"], safe=_KEPT).partition("?")
    resource = f"{_without_dots(path)}{mark}{query}"
    name, address = _host(host)
    return Target(scheme, name, _own_port(scheme) if port is None else port, resource, address)


def _without_dots(path: str) -> str:
    """As the server reads it (RFC 3986 section 5.2.4), so that robots.txt is asked about the same path."""
    kept: list[str] = []
    segments = path.removeprefix("/").split("/")
    for segment in segments:
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(segment)
    if segments[-1].replace("%2e", ".").replace("%2E", ".") in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _own_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _malformed(message: str) -> AddressRefused:
    return AddressRefused(message, hint="Give an address such as https://www.example.com/page.")


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        end = authority.find("]") + 1
        host, rest = authority[:end], authority[end:]
        port = _PORT.fullmatch(rest)
        if not host or port is None or port["host"]:
            raise _malformed("The address has no valid host.")
    else:
        port = _PORT.fullmatch(authority)
        host = port["host"] if port else ""
        if port is None or not host or ":" in host:
            raise _malformed("The address has no valid host.")
    number = port["port"]
    if number is not None and not 0 < int(number) < 65_536:
        raise _malformed("The address has no valid port.")
    return host, None if number is None else int(number)


def _host(host: str) -> tuple[str, Address | None]:
    if host.startswith("["):
        return _ipv6(host[1:-1])
    name = host.lower() if host.isascii() else _as_in_dns(host)
    name = name.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(labels)
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _malformed("The address has no valid host.")
    if any(label.startswith("xn--") for label in labels):
        _check_punycode(labels)
    # A name of one label is completed by the resolver to one inside of the organisation.
    if len(labels) == 1 or labels[-1] in _NEVER:
        raise not_public()
    return name, None


def _ipv6(text: str) -> tuple[str, IPv6Address]:
    if "%" in text:
        raise not_public()  # A zone is one of this machine's own links (RFC 6874).
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise _malformed("The address has no valid host.") from None
    return str(address), address


def _ipv4(labels: Sequence[str]) -> tuple[str, IPv4Address]:
    """A host that ends in a number is an IPv4 address (WHATWG URL, "ends in a number").

    Libraries read `127.1`, `0177.1` and `2130706433` as one, too, each in its own way; none of these is followed.
    """
    if len(labels) != 4 or not all(_OCTET.fullmatch(label) for label in labels):
        raise not_public()
    if any(int(label) > 255 for label in labels):
        raise _malformed("The address has no valid host.")
    address = IPv4Address(".".join(labels))
    return str(address), address


def _as_in_dns(name: str) -> str:
    """A-labels. The mapping (UTS 46) also makes plain letters, digits and dots of their many other forms."""
    try:
        return idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise _malformed("The address has no valid host.") from None


def _check_punycode(labels: Sequence[str]) -> None:
    try:
        idna.decode(".".join(label for label in labels if label.startswith("xn--")))
    except (idna.IDNAError, UnicodeError):
        raise _malformed("The address has no valid host.") from None


def _matches(rule: str, target: Target) -> bool:
    port = _port_of(rule)
    pattern = rule.lower().removesuffix(f":{port}").removesuffix(".")
    if port is not None and port != target.port:
        return False
    return is_below(target.host, pattern)


def _port_of(rule: str) -> int | None:
    _, colon, port = rule.rpartition(":")
    return int(port) if colon and port.isascii() and port.isdigit() else None


def is_below(host: str, pattern: str) -> bool:
    """`example.org` is that host alone; `*.example.org` that host and all below it."""
    if not pattern.startswith("*."):
        return host == _plain(pattern)
    domain = _plain(pattern[2:])
    return host == domain or host.endswith(f".{domain}")


def _plain(domain: str) -> str:
    return domain if domain.isascii() else _as_in_dns(domain)


def _unwanted() -> FetchRefused:
    return FetchRefused(
        "This server may not fetch pages of that domain.",
        hint="Use other sources; the operator's list of domains decides this.",
        rule="domains",
    )
