"""What is deleted for good when its time is over. A replica does it every hour; `frontend purge` does it at once.

An organisation ends in two steps. First nobody is in it any more. When what was under way in its name is over, the
orchestrator deletes what it and the tool servers have, and then we delete the organisation: if anything fails between
the two, the next run begins at the same place. Deleting twice does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import Counter

from frontend.accounts.security_events import (
    KEPT,
    SecurityEvent,
    add_event,
    forget_events_before,
    remove_events_of,
)
from frontend.database import Database
from frontend.orchestrator import Orchestrator
from frontend.parts import Parts
from frontend.tenants.invitations import forget_expired
from frontend.tenants.queries import (
    empty_outdated,
    forget_departure,
    list_departures,
    list_outdated,
    remove_outdated,
)
from shared.errors import ExpectedError

TURN = "purge:turn"
EVERY_S = 3_600
LOOK_EVERY_S = 300.0
DEPARTURES_AT_ONCE = 500

log = structlog.get_logger()
removals = Counter(
    "frontend_removals_total", "What was to be deleted for good, by outcome.", ["what", "outcome"]
)


@dataclass(frozen=True, slots=True)
class Purged:
    """How many organisations are gone, have nobody in them any more, or could not be deleted this time."""

    deleted: int
    emptied: int
    failed: int


def keep_purging(parts: Parts, sleep: Callable[[float], None]) -> None:
    """Never returns."""
    while True:
        try:
            purge_in_turn(parts)
        except Exception:  # the last door: what is due now is due in an hour, too
            log.exception("purge_crashed")
        sleep(LOOK_EVERY_S)


def purge_in_turn(parts: Parts) -> bool:
    """Purge, if no replica has done so within the hour. Whether it was done."""
    if not parts.redis.set(TURN, "taken", nx=True, ex=EVERY_S):
        return False
    purge(parts.database, parts.orchestrator, parts.now())
    return True


def purge(database: Database, orchestrator: Orchestrator, now: datetime) -> Purged:
    """Do all that is due."""
    with database.transaction() as session:
        forget_expired(session, now)
        departures = list_departures(session, DEPARTURES_AT_ONCE)
        due = list_outdated(session, now, is_empty=False)
    for tenant_id, person_id in departures:
        end_connections(database, orchestrator, tenant_id, person_id)
    emptied = sum(_empty(database, tenant_id, now) for tenant_id in due)
    with database.transaction() as session:
        empty = list_outdated(session, now, is_empty=True)
    are_deleted = [_delete(database, orchestrator, tenant_id, now) for tenant_id in empty]
    forget_events_before(database, now - KEPT)
    return Purged(are_deleted.count(True), emptied, are_deleted.count(False))


def end_connections(
    database: Database, orchestrator: Orchestrator, tenant_id: str, person_id: str
) -> None:
    """End what somebody who left a tenant was signed in to in its name. Tried again later when that fails."""
    try:
        orchestrator.remove(tenant_id, f"/v1/people/{person_id}/connections")
    except ExpectedError as error:
        removals.labels("connections", "failed").inc()
        log.warning("connections_not_ended", tenant_id=tenant_id, code=error.code)
        return
    with database.transaction() as session:
        forget_departure(session, tenant_id, person_id)
    removals.labels("connections", "done").inc()


def _empty(database: Database, tenant_id: str, now: datetime) -> bool:
    with database.transaction() as session:
        is_emptied = empty_outdated(session, tenant_id, now)
    if is_emptied:
        log.info("tenant_emptied", tenant_id=tenant_id)
    return is_emptied


def _delete(database: Database, orchestrator: Orchestrator, tenant_id: str, now: datetime) -> bool:
    try:
        while not orchestrator.remove(tenant_id, "/v1/tenant").get("done"):
            pass  # it deletes a part at a time
    except ExpectedError as error:
        removals.labels("tenant", "failed").inc()
        log.warning("tenant_not_deleted", tenant_id=tenant_id, code=error.code)
        return False
    with database.transaction() as session:
        if remove_outdated(session, tenant_id, now):
            remove_events_of(session, tenant_id)
            add_event(session, SecurityEvent.TENANT_DELETED, now, tenant_id=tenant_id)
            removals.labels("tenant", "done").inc()
            log.info("tenant_deleted", tenant_id=tenant_id)
    return True
