"""Statements on one account, and on what an organisation's security events say."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow, SecurityEventRow
from frontend.accounts.security_events import SecurityEvent
from frontend.sign_in.identities import remove_identities
from frontend.sign_in.second_factors import remove_second_factor


@dataclass(frozen=True, slots=True)
class Event:
    """A security event with the names of those it is about, where there still are any."""

    at: datetime
    kind: str
    person_id: str | None
    person_name: str | None
    of_id: str | None
    of_name: str | None
    address: str | None
    facts: dict[str, str]
    """The others."""


def set_name(session: Session, person_id: str, name: str) -> None:
    session.execute(update(PersonRow).where(PersonRow.person_id == person_id).values(name=name))


def forget_sign_in(session: Session, person_id: str) -> None:
    """No password and no second factor any more, and no sign-in elsewhere."""
    session.execute(
        update(PersonRow).where(PersonRow.person_id == person_id).values(password_hash=None)
    )
    remove_identities(session, person_id)
    remove_second_factor(session, person_id)


def list_events(
    session: Session,
    tenant_id: str,
    *,
    kind: SecurityEvent | None = None,
    person_id: str | None = None,
    limit: int,
    offset: int,
) -> tuple[list[Event], int]:
    """A tenant's, newest first; and how many there are in all."""
    query = select(SecurityEventRow).where(SecurityEventRow.tenant_id == tenant_id)
    if kind is not None:
        query = query.where(SecurityEventRow.kind == kind)
    if person_id is not None:
        query = query.where(SecurityEventRow.person_id == person_id)
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = list(
        session.scalars(
            query.order_by(SecurityEventRow.at.desc(), SecurityEventRow.event_id)
            .limit(limit)
            .offset(offset)
        )
    )
    names = _names(session, {row.person_id for row in rows} | {_of(row) for row in rows})
    return [_as_event(row, names) for row in rows], count


def _names(session: Session, ids: set[str | None]) -> dict[str | None, str]:
    rows = session.execute(
        select(PersonRow.person_id, PersonRow.name).where(PersonRow.person_id.in_(ids - {None}))
    )
    return {row.person_id: row.name for row in rows}


def _as_event(row: SecurityEventRow, names: dict[str | None, str]) -> Event:
    of = _of(row)
    return Event(
        at=row.at,
        kind=row.kind,
        person_id=row.person_id,
        person_name=names.get(row.person_id),
        of_id=of,
        of_name=names.get(of),
        address=row.address,
        facts={name: str(value) for name, value in row.facts.items() if name not in {"of", "to"}},
    )


def _of(row: SecurityEventRow) -> str | None:
    return row.facts.get("of") or row.facts.get("to")
