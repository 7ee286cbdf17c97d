"""Who may be written to, and what a person should look at before a yes. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mcp_email.addresses import domain_as_sent, look_alikes, parse_address, readable
from mcp_email.errors import BadAddress, RecipientRefused
from mcp_email.mail import Address, Wanted, Warnings
from mcp_email.sending.html import text_of
from shared.errors import BadSetup


@dataclass(frozen=True, slots=True)
class AllowList:
    """Addresses, domains and domains with all below them. Compared in A-labels and lower case, never by looks."""

    addresses: frozenset[str]
    domains: frozenset[str]
    below: frozenset[str]
    """Of "*.example.org": example.org. Allows what is below it, not itself."""

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "AllowList":
        """Read the configuration's patterns. Raises BadSetup for one that is none of the three kinds."""
        addresses: set[str] = set()
        domains: set[str] = set()
        below: set[str] = set()
        for pattern in patterns:
            if "@" in pattern:
                addresses.add(_address(pattern))
            elif pattern.startswith("*."):
                below.add(_domain(pattern, pattern[2:]))
            else:
                domains.add(_domain(pattern, pattern))
        return cls(frozenset(addresses), frozenset(domains), frozenset(below))

    def allows(self, address: Address) -> bool:
        """Whether it may be written to."""
        parents = re.finditer(r"\.", address.domain)
        return (
            address.spec.lower() in self.addresses
            or address.domain in self.domains
            or any(address.domain[dot.end() :] in self.below for dot in parents)
        )

    @property
    def known_domains(self) -> frozenset[str]:
        """Every domain it names."""
        named = {address.rpartition("@")[2] for address in self.addresses}
        return self.domains | self.below | named


def _address(pattern: str) -> str:
    try:
        return parse_address(pattern, "allow").spec.lower()
    except BadAddress as error:
        raise BadSetup(str(error)) from None


def _domain(pattern: str, domain: str) -> str:
    read = domain_as_sent(domain)
    if read is None:
        raise BadSetup(
            f'allow: {pattern} is none of "ada@example.org", "example.org", "*.example.org".'
        )
    return read


def require_allowed(recipients: Sequence[Address], allowed: AllowList | None) -> None:
    """Raises RecipientRefused naming every address that may not be written to. None allows anybody."""
    refused = [] if allowed is None else [one.spec for one in recipients if not allowed.allows(one)]
    if refused:
        raise RecipientRefused(
            f"Not on the list of who may be written to: {', '.join(refused)}.",
            hint="Leave them out, or ask whoever runs this server; get_mail_policy tells the list.",
            addresses=refused,
        )


def warnings_about(
    wanted: Wanted,
    *,
    own_domains: Collection[str],
    known_domains: Collection[str],
    written_to: Collection[str],
) -> Warnings:
    """What a person should look at. All domains in A-labels, `written_to` in lower case."""
    recipients = (*wanted.to, *wanted.cc, *wanted.bcc)
    known = {*own_domains, *known_domains, *(one.rpartition("@")[2] for one in written_to)}
    alike = look_alikes(dict.fromkeys(one.domain for one in recipients), known)
    return Warnings(
        external=tuple(one.spec for one in recipients if not _is_own(one.domain, own_domains)),
        look_alike=tuple(
            f"{one.spec} ({_shown(one.domain)} is not {alike[one.domain]})"
            for one in recipients
            if one.domain in alike
        ),
        first_contact=tuple(one.spec for one in recipients if one.spec.lower() not in written_to),
        others=tuple(_others(wanted)),
    )


def _is_own(domain: str, own_domains: Collection[str]) -> bool:
    return any(domain == own or domain.endswith(f".{own}") for own in own_domains)


def _shown(domain: str) -> str:
    return domain if readable(domain) == domain else f"{domain}, shown as {readable(domain)},"


def _others(wanted: Wanted) -> list[str]:
    others: list[str] = []
    if wanted.bcc:
        others.append("Some recipients get it without the others knowing (Bcc).")
    if wanted.html is not None and text_of(wanted.html) != " ".join(wanted.body.split()):
        others.append("The formatted text and the plain text differ; recipients see one of them.")
    return others
