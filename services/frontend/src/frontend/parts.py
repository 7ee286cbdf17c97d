"""What requests are answered with, built once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app
from redis import Redis

from frontend.accounts.passwords import Passwords
from frontend.database import Database
from frontend.orchestrator import Orchestrator
from frontend.settings import Settings
from shared.key_file import KeyFile
from shared.rate_limit import RateLimit


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything long-lived."""

    settings: Settings
    database: Database
    redis: Redis
    key: KeyFile
    orchestrator: Orchestrator
    passwords: Passwords
    account_limit: RateLimit
    address_limit: RateLimit
    shared_limit: RateLimit
    """Readers of shared conversations, by address."""
    now: Callable[[], datetime]

    def close(self) -> None:
        """Close every connection."""
        self.orchestrator.close()
        self.redis.close()
        self.database.engine.dispose()


def parts() -> Parts:
    """The parts of the application that handles this request."""
    return cast(Parts, current_app.extensions["steward"])
