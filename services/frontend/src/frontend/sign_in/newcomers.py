"""Who makes an account by themselves, without an invitation: by mail, or with a provider that may bring people."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow, TenantRow
from frontend.accounts.queries import Person, add_person
from frontend.accounts.roles import Role
from frontend.sign_in.provider_config import Newcomers


@dataclass(frozen=True, slots=True)
class Place:
    """Where a newcomer belongs. Without a tenant: in one of their own."""

    role: str
    tenant_id: str | None = None


def place_for(session: Session, newcomers: Newcomers, role: str = Role.MEMBER) -> Place | None:
    """None: refused, or before there is an owner, who comes first."""
    first = session.scalar(select(TenantRow.tenant_id).where(TenantRow.is_first.is_(True)))
    if first is None or newcomers == "refused":
        return None
    return Place(role, first) if newcomers == "first_organisation" else Place(Role.OWNER)


def add_newcomer(
    session: Session,
    place: Place,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    now: datetime,
) -> Person:
    """Somebody who has shown that the address is theirs.

    Raises:
        EmailTaken: it belongs to somebody already.
    """
    tenant_id = place.tenant_id or _add_tenant(session, name, now)
    return add_person(
        session,
        tenant_id=tenant_id,
        email=email,
        name=name,
        role=place.role,
        now=now,
        password_hash=password_hash,
        is_verified=True,
    )


def is_known(session: Session, email: str) -> bool:
    """Whether somebody has this address, disabled or not."""
    return session.scalar(select(PersonRow.person_id).where(PersonRow.email == email)) is not None


def _add_tenant(session: Session, name: str, now: datetime) -> str:
    tenant = TenantRow(tenant_id=uuid.uuid4().hex, name=f"{name}'s organisation", created_at=now)
    session.add(tenant)
    session.flush()
    return tenant.tenant_id
