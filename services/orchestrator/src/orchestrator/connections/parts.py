"""What signing in elsewhere needs, built once for the whole process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orchestrator.connections.addresses import AddressGuard
from orchestrator.connections.exchange import ANSWER_WITHIN_S, Exchange
from orchestrator.database import Database
from shared.sealed import Sealer

CALLBACK_PATH = "/connections/callback"
CLIENT_DOCUMENT_PATH = "/connections/client.json"
CLIENT_NAME = "Steward"


@dataclass(frozen=True, slots=True)
class ConnectionParts:
    """What signing in elsewhere needs; one for the whole process."""

    database: Database
    sealer: Sealer
    exchange: Exchange
    guard: AddressGuard
    public_url: str
    """Where browsers find us, without a slash at its end."""
    client_document: str | None
    """Our own client id where issuers look clients up (OAuth Client ID Metadata Documents). None without https."""
    now: Callable[[], datetime]
    renewing: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])
    """Questions for new tokens that are under way here. Whoever waited for one may have gone."""

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_url}{CALLBACK_PATH}"

    async def settle(self) -> None:
        """Let what is under way come to its end: tokens that were given and not kept are lost for good."""
        if self.renewing:
            await asyncio.wait(self.renewing, timeout=ANSWER_WITHIN_S)


def load_sealer(path: Path) -> Sealer:
    """One secret a line; the first seals, the others still open what they sealed.

    Raises:
        ValueError: a secret is too short, or there is none.
    """
    lines = (line.strip() for line in path.read_text().splitlines())
    return Sealer([line for line in lines if line], "connections")
