"""What the command line does."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from frontend.accounts.queries import add_sign_in_link, find_owner
from frontend.database import closing_database
from frontend.migrations import upgrade
from frontend.orchestrator import Orchestrator
from frontend.settings import Settings
from shared.logs import redact
from shared.service_tokens import SigningKey, TokenIssuer
from shared.sql import utc_now

LONGEST_TOKEN_S = 86_400


@contextmanager
def clear_problems() -> Generator[None]:
    """Ends the command with a sentence when a file, an address or the database cannot be used."""
    try:
        yield
    except SQLAlchemyError as error:
        fact = redact(str(error).splitlines()[0])
        sys.exit(f"The database cannot be used: {fact}. Run `frontend migrate` if it is new.")
    except (OSError, ValueError) as error:
        sys.exit(f"frontend cannot do this: {error}")


def run_server(settings: Settings, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        sys.exit(f"--http takes HOST:PORT, not {address!r}.")
    from frontend.serve import serve  # noqa: PLC0415 - only after gevent has patched everything

    serve(settings, host or "127.0.0.1", int(port))


def migrate(settings: Settings) -> None:
    upgrade(settings.database_url)


def make_token(settings: Settings, lifetime_s: int) -> str:
    """A token in the owner's name, for scripts."""
    if not 1 <= lifetime_s <= LONGEST_TOKEN_S:
        sys.exit(f"--lifetime-s must be between 1 and {LONGEST_TOKEN_S:,}.")
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        owner = find_owner(transaction)
    if owner is None:
        sys.exit(
            "There is no owner yet. Open the page and create the account, then ask for a token."
        )
    issuer = TokenIssuer(settings.issuer, SigningKey.load(settings.key_file))
    orchestrator = Orchestrator(str(settings.orchestrator_url), issuer, settings.relay_patience_s)
    return orchestrator.token_for(owner, lifetime_s)


def make_sign_in_link(settings: Settings) -> str:
    """A link that signs the owner in once; before there is an owner, its opener becomes it."""
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        owner = find_owner(transaction)
        token = add_sign_in_link(transaction, owner.person_id if owner else None, utc_now())
    return f"{settings.origin}/sign-in/link/{token}"
