"""Which addresses other people's servers may have, judged by their text alone. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from typing import ClassVar

from pydantic import AnyHttpUrl, ValidationError

from shared.errors import InvalidInput
from shared.networks import Address, Network, is_public

MAX_URL_CHARACTERS = 2_000
LOCALHOST = "localhost"


class AddressRefused(InvalidInput):
    """An address that is malformed, not encrypted or inside of our own networks."""

    code: ClassVar[str] = "address_refused"


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Encrypted, on the public internet, and nothing else."""

    reachable: Sequence[Network] = ()
    """Networks that count as public and may be spoken to without encryption: for development."""

    def target(self, text: str) -> AnyHttpUrl:
        """The address as browsers read it (WHATWG URL). What its name stands for is judged by `check`.

        Raises:
            AddressRefused.
        """
        if len(text) > MAX_URL_CHARACTERS or not text.isprintable() or "\\" in text or " " in text:
            raise AddressRefused(
                "This is no web address. Give one such as https://mcp.example.com/mcp."
            )
        try:
            url = AnyHttpUrl(text)
        except ValidationError:
            raise AddressRefused(
                "This is no web address. Give one such as https://mcp.example.com/mcp."
            ) from None
        if url.username or url.password or url.fragment:
            raise AddressRefused("The address must have no user name, no password and no # in it.")
        address = literal_address(url)
        if url.scheme != "https" and not self._is_reachable(address):
            raise AddressRefused("The address must begin with https.")
        if address is not None:
            self.check([address])
        return url

    def check(self, addresses: Sequence[Address]) -> None:
        """Raises AddressRefused unless there are addresses, and all of them are public."""
        if not addresses or not all(is_public(one, self.reachable) for one in addresses):
            raise AddressRefused("The address is not on the public internet.")

    def _is_reachable(self, address: Address | None) -> bool:
        return address is not None and any(
            address.version == network.version and address in network for network in self.reachable
        )


def literal_address(url: AnyHttpUrl) -> Address | None:
    """Where the host is no name but an address, or the one name that always stands for one (RFC 6761, section 6.3)."""
    if url.host == LOCALHOST:
        return IPv4Address("127.0.0.1")
    try:
        return ip_address((url.host or "").strip("[]"))
    except ValueError:
        return None
