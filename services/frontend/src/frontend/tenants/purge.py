"""The end of organisations whose time to be kept is over, as a command that runs every day.

First the orchestrator deletes what it has, then we delete the organisation: if anything fails between the two, the
next run begins at the same place. Deleting twice does no harm.
"""

from datetime import datetime

import structlog

from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.accounts.security_events import SecurityEvent, add_event, remove_events_of
from frontend.database import Database
from frontend.orchestrator import Orchestrator
from frontend.tenants.invitations import forget_expired
from frontend.tenants.queries import Tenant, list_outdated, remove_outdated
from shared.errors import ExpectedError

log = structlog.get_logger()

NAME = "Deletion"


def purge(database: Database, orchestrator: Orchestrator, now: datetime) -> tuple[int, int]:
    """Delete what is due. Gives how many organisations were deleted, and how many could not be this time."""
    with database.transaction() as session:
        due = list_outdated(session, now)
        forget_expired(session, now)
    deleted = [_delete(database, orchestrator, tenant, owner, now) for tenant, owner in due]
    return deleted.count(True), deleted.count(False)


def _delete(
    database: Database, orchestrator: Orchestrator, tenant: Tenant, owner: str, now: datetime
) -> bool:
    """Whether it is gone, by us or because somebody took the deletion back."""
    caller = Person(owner or "nobody", tenant.tenant_id, "", NAME, (Role.OWNER,), tier=tenant.tier)
    try:
        while not orchestrator.call(caller, "DELETE", "/v1/tenant").get("done"):
            pass  # it deletes a part at a time
    except ExpectedError as error:
        log.warning("tenant_not_deleted", tenant_id=tenant.tenant_id, code=error.code)
        return False
    with database.transaction() as session:
        if remove_outdated(session, tenant.tenant_id, now):
            remove_events_of(session, tenant.tenant_id)
            add_event(session, SecurityEvent.TENANT_DELETED, now, tenant_id=tenant.tenant_id)
            log.info("tenant_deleted", tenant_id=tenant.tenant_id)
    return True
