"""What an administrator must be able to see of sign-in: who tried what, what was refused. Kept, logged and counted."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from flask import has_request_context, request
from prometheus_client import Counter
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from frontend.accounts.models import SecurityEventRow
from frontend.accounts.queries import Person
from frontend.database import Database
from frontend.parts import parts

KEPT = timedelta(days=180)
MAX_FACT_CHARACTERS = 200

log = structlog.get_logger()
_events = Counter("frontend_security_events_total", "Security events by kind.", ["kind"])


class SecurityEvent(StrEnum):
    """Part of the wire contract: never renamed."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_REFUSED = "sign_in_refused"
    LOCKED_OUT = "locked_out"
    REGISTERED = "registered"
    ADDRESS_VERIFIED = "address_verified"
    ADDRESS_CHANGED = "address_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a name
    RESET_ASKED = "reset_asked"
    PROVIDER_REFUSED = "provider_refused"
    IDENTITY_CONNECTED = "identity_connected"
    IDENTITY_REMOVED = "identity_removed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_REFUSED = "second_factor_refused"
    RECOVERY_CODE_USED = "recovery_code_used"
    SESSIONS_ENDED = "sessions_ended"
    LOGOUT_TOKEN_REFUSED = "logout_token_refused"  # noqa: S105 - a name
    MAIL_HELD_BACK = "mail_held_back"
    INPUT_REFUSED = "input_refused"
    NOT_ALLOWED = "not_allowed"
    AGENT_ALLOWED = "agent_allowed"
    AGENT_DENIED = "agent_denied"
    AGENT_REMOVED = "agent_removed"
    AGENT_REFUSED = "agent_refused"
    AGENT_REGISTERED = "agent_registered"
    AGENT_SET_UP = "agent_set_up"
    AGENT_NO_LONGER_SET_UP = "agent_no_longer_set_up"
    CODE_REPLAYED = "code_replayed"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105 - the name of an event
    TENANT_CREATED = "tenant_created"
    TENANT_RENAMED = "tenant_renamed"
    TIER_CHANGED = "tier_changed"
    DELETION_ASKED = "deletion_asked"
    DELETION_TAKEN_BACK = "deletion_taken_back"
    TENANT_DELETED = "tenant_deleted"
    PERSON_INVITED = "person_invited"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    INVITATION_REFUSED = "invitation_refused"
    PERSON_JOINED = "person_joined"
    PERSON_LEFT = "person_left"
    PERSON_REMOVED = "person_removed"
    ROLE_CHANGED = "role_changed"
    OWNERSHIP_TRANSFERRED = "ownership_transferred"
    PERSON_DISABLED = "person_disabled"
    PERSON_ENABLED = "person_enabled"
    SIGN_IN_RESET = "sign_in_reset"
    KEY_MADE = "key_made"
    KEY_REVOKED = "key_revoked"
    KEY_REFUSED = "key_refused"


def record(
    kind: SecurityEvent,
    *,
    person: Person | None = None,
    tenant_id: str | None = None,
    person_id: str | None = None,
    **facts: str,
) -> None:
    """In a transaction of its own: what is refused is recorded, whatever happens to the request.

    `tenant_id` and `person_id` are for where there is no `person` but what is known of one.
    `facts` are no secrets; long ones are cut. Call it within rate limits only: each call is a row.
    """
    with parts().database.transaction() as transaction:
        add_event(
            transaction,
            kind,
            parts().now(),
            person=person,
            tenant_id=tenant_id,
            person_id=person_id,
            **facts,
        )


def add_event(
    session: Session,
    kind: SecurityEvent,
    now: datetime,
    *,
    person: Person | None = None,
    tenant_id: str | None = None,
    person_id: str | None = None,
    **facts: str,
) -> None:
    """Like `record`, together with what was done: kept when that is."""
    if person is not None:
        tenant_id, person_id = person.tenant_id or None, person.person_id
    row = _row(kind, tenant_id, person_id, facts, now)
    _events.labels(kind.value).inc()
    told = {name: row[name] for name in ("kind", "tenant_id", "person_id", "address")}
    log.info("security_event", **told)
    session.execute(insert(SecurityEventRow).values(row))


def forget_events_before(database: Database, at: datetime) -> None:
    """Older ones than KEPT are of no use any more."""
    with database.transaction() as session:
        session.execute(delete(SecurityEventRow).where(SecurityEventRow.at < at))


def remove_events_of(session: Session, tenant_id: str) -> None:
    """The tenant is deleted, and nobody can look at them any more."""
    session.execute(delete(SecurityEventRow).where(SecurityEventRow.tenant_id == tenant_id))


def _row(
    kind: SecurityEvent,
    tenant_id: str | None,
    person_id: str | None,
    facts: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    return {
        "event_id": uuid.uuid4().hex,
        "at": now,
        "kind": kind.value,
        "tenant_id": tenant_id,
        "person_id": person_id,
        "address": request.remote_addr if has_request_context() else None,
        "facts": {name: value[:MAX_FACT_CHARACTERS] for name, value in facts.items()},
    }
