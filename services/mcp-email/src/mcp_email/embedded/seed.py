"""The mails that a new mailbox begins with: those of somebody at a small software agency. The same every time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mcp_email.mail import Address, Flag, Role


@dataclass(frozen=True, slots=True)
class Seeded:
    """A mail to begin with."""

    role: Role
    received: datetime
    raw: bytes
    flags: frozenset[Flag] = frozenset()


def seed(owner: Address, now: datetime) -> Sequence[Seeded]:
    """The mails in the order in which they arrived."""
    return []
