"""Which addresses are on the public internet: a table of our own, as Python's differs between versions. Pure."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _table(*rows: tuple[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple((ip_network(network), what) for network, what in rows)


_NOT_PUBLIC_4 = _table(
    # IANA IPv4 Special-Purpose Address Registry, with those that are reachable and serve no pages.
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier, or a cloud's metadata"),
    ("127.0.0.0/8", "this machine"),
    ("169.254.0.0/16", "link-local, or a cloud's metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "protocol assignments, or a cloud's metadata"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved, or broadcast"),
    # Azure's WireServer has a public number, and answers every virtual machine there with its secrets.
    ("168.63.129.16/32", "a cloud's metadata"),
)
_NOT_PUBLIC_6 = _table(
    # IANA IPv6 Special-Purpose Address Registry, where it is inside of what is given out to anybody (_GIVEN_OUT).
    ("2001::/23", "protocol assignments, Teredo, benchmarks, ORCHID"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
)
_GIVEN_OUT = IPv6Network("2000::/3")
"""IANA IPv6 Global Unicast Address Assignments. Outside of it are loopback, mapped IPv4, unique local (also a cloud's
metadata), link-local, site-local, multicast and what is reserved."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: what a machine with IPv6 only is told of a host with IPv4 only; the last 32 bits are the host's."""
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""RFC 5214 section 6.1: an interface identifier that begins so ends in an IPv4 address."""


def is_public(address: Address, reachable: Sequence[Network] = ()) -> bool:
    """Whether the address belongs to anybody on the internet. Those in `reachable` count as if they did."""
    if any(address.version == one.version and address in one for one in reachable):
        return True
    if isinstance(address, IPv4Address):
        return not _is_in(address, _NOT_PUBLIC_4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _GIVEN_OUT or _is_in(address, _NOT_PUBLIC_6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP


def _is_in(address: Address, table: Sequence[tuple[Network, str]]) -> bool:
    return any(address in network for network, _ in table)
