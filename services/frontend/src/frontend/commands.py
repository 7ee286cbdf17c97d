"""What the command line does."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from frontend.accounts.email_address import normalised, problem_with_account
from frontend.accounts.queries import (
    EmailTaken,
    add_person,
    add_sign_in_link,
    find_by_email,
    find_owner,
)
from frontend.accounts.security_events import SecurityEvent, add_event
from frontend.database import closing_database
from frontend.migrations import upgrade
from frontend.oauth_server.clients import new_secret
from frontend.orchestrator import Orchestrator
from frontend.settings import Settings
from frontend.sign_in.second_factors import remove_second_factor
from frontend.tenants.purge import purge
from frontend.tenants.queries import list_tenants, set_tier
from shared.errors import BadSetup, NotFound
from shared.key_file import KeyFile
from shared.logs import redact
from shared.service_tokens import TokenIssuer
from shared.sql import utc_now

LONGEST_TOKEN_S = 86_400
MAX_LISTED = 100_000


@contextmanager
def clear_problems() -> Generator[None]:
    """Ends the command with a sentence when a file, an address or the database cannot be used."""
    try:
        yield
    except SQLAlchemyError as error:
        fact = redact(str(error).splitlines()[0])
        sys.exit(f"The database cannot be used: {fact}. Run `frontend migrate` if it is new.")
    except (OSError, ValueError, BadSetup) as error:
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
    issuer = TokenIssuer(settings.issuer, KeyFile(settings.key_file))
    orchestrator = Orchestrator(str(settings.orchestrator_url), issuer, settings.relay_patience_s)
    return orchestrator.token_for(owner, lifetime_s)


def make_sign_in_link(settings: Settings, email: str | None = None) -> str:
    """A link that signs somebody in once: the owner, or who has the address.

    Before there is an owner, the opener of the owner's link becomes it.
    """
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        if email is None:
            person = find_owner(transaction)
        else:
            found = find_by_email(transaction, normalised(email))
            if found is None:
                sys.exit(
                    "Nobody has an account with this address. `frontend add-person` makes one."
                )
            person = found[0]
        token = add_sign_in_link(transaction, person.person_id if person else None, utc_now())
    return _link(settings, token)


def forget_second_factor(settings: Settings, email: str) -> str:
    """For somebody who lost their authenticator and their recovery codes."""
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        found = find_by_email(transaction, normalised(email))
        if found is None:
            sys.exit("Nobody has an account with this address.")
        remove_second_factor(transaction, found[0].person_id)
    return f"{found[0].email} is no longer asked for codes."


def add_member(settings: Settings, *, email: str, name: str, role: str) -> str:
    """Add somebody to the owner's organisation. Gives a link that signs them in once."""
    address, name = normalised(email), " ".join(name.split())
    if problem := problem_with_account(address, name):
        sys.exit(problem)
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        owner = find_owner(transaction)
        if owner is None:
            sys.exit("There is no owner yet. Open the page and create that account first.")
        now = utc_now()
        try:
            person = add_person(
                transaction,
                tenant_id=owner.tenant_id,
                email=address,
                name=name,
                role=role,
                now=now,
            )
        except EmailTaken as error:
            sys.exit(f"{error.message} `frontend sign-in-link --email` makes a new link for them.")
        token = add_sign_in_link(transaction, person.person_id, now)
    return _link(settings, token)


def new_client_secret() -> str:
    """A secret for an agent, and what FRONTEND_CLIENTS keeps of it."""
    secret, digest = new_secret()
    return f"client_secret: {secret}\nsecret_sha256: {digest}"


def list_organisations(settings: Settings) -> str:
    """A line for each: id, tier, people, name."""
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        tenants, _ = list_tenants(transaction, limit=MAX_LISTED, offset=0)
    return "\n".join(
        f"{tenant.tenant_id}  {tenant.tier}  {members:>5}  {tenant.name}"
        for tenant, members in tenants
    )


def set_organisation_tier(settings: Settings, tenant_id: str, tier: str) -> str:
    with closing_database(settings.database_url) as database, database.transaction() as transaction:
        try:
            set_tier(transaction, tenant_id, tier)
        except NotFound:
            sys.exit("There is no such organisation. `frontend tenants` lists them.")
        add_event(
            transaction, SecurityEvent.TIER_CHANGED, utc_now(), tenant_id=tenant_id, tier=tier
        )
    return f"The organisation is on the {tier} tier."


def purge_outdated(settings: Settings) -> str:
    """Ends with an error when something could not be deleted: the next run tries again."""
    issuer = TokenIssuer(settings.issuer, KeyFile(settings.key_file))
    orchestrator = Orchestrator(str(settings.orchestrator_url), issuer, settings.relay_patience_s)
    with closing_database(settings.database_url) as database:
        purged = purge(database, orchestrator, utc_now())
    orchestrator.close()
    if purged.failed:
        sys.exit(f"{purged.failed} could not be deleted now; the log says why. Run it again.")
    waiting = f" {purged.emptied} can be deleted in 10 minutes." if purged.emptied else ""
    return f"Organisations deleted: {purged.deleted}.{waiting}"


def _link(settings: Settings, token: str) -> str:
    return f"{settings.origin}/sign-in/link/{token}"
