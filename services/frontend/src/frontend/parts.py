"""What requests are answered with, built once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import current_app
from redis import Redis

from frontend.accounts.passwords import Passwords
from frontend.database import Database
from frontend.mail import Mailer
from frontend.orchestrator import Orchestrator
from frontend.settings import Settings
from shared.key_file import KeyFile
from shared.rate_limit import RateLimit
from shared.sealed import Sealer

if TYPE_CHECKING:  # they use the parts themselves
    from frontend.sign_in.attempts import Attempts
    from frontend.sign_in.providers import Providers

RunLater = Callable[[Callable[[], None]], None]
"""Runs something beside the request, in the application's context."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything long-lived."""

    settings: Settings
    database: Database
    redis: Redis
    key: KeyFile
    orchestrator: Orchestrator
    passwords: Passwords
    mailer: Mailer
    sealer: Sealer
    """Of second factors."""
    providers: "Providers"
    """Where people can sign in beside here."""
    password_attempts: "Attempts"
    code_attempts: "Attempts"
    address_limit: RateLimit
    """Whoever signs in, registers or asks for mails, by address."""
    invitation_limit: RateLimit
    """Making invitations, by organisation; trying them, by address or account."""
    mail_limit: RateLimit
    """Mails to one address."""
    logout_limit: RateLimit
    """Logout tokens of one provider, by address."""
    shared_limit: RateLimit
    """Readers of shared conversations, by address."""
    run_later: RunLater
    now: Callable[[], datetime]

    def close(self) -> None:
        """Close every connection."""
        self.orchestrator.close()
        self.redis.close()
        self.database.engine.dispose()


def parts() -> Parts:
    """The parts of the application that handles this request."""
    return cast(Parts, current_app.extensions["steward"])
