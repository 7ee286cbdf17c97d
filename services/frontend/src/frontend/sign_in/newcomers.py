"""Who makes an account by themselves: by mail, by an invitation, or with a provider that may bring people."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime

from flask import session as browser_session
from sqlalchemy import select
from sqlalchemy.orm import Session

from frontend.accounts.models import PersonRow, TenantRow
from frontend.accounts.queries import Person, add_person
from frontend.accounts.roles import Role
from frontend.parts import parts
from frontend.sign_in.provider_config import Newcomers

INVITED = "invited"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a newcomer belongs. Without a tenant: in one of their own."""

    role: str
    tenant_id: str | None = None


def offer_registration(tenant_id: str, role: str) -> None:
    """Let this browser's person make an account that belongs to a tenant: they have opened an invitation."""
    browser_session[INVITED] = asdict(Place(role, tenant_id))


def place_of_visitor(session: Session) -> Place | None:
    """Where an account would belong that this browser's person makes now. None: they may not."""
    invited = browser_session.get(INVITED)
    return Place(**invited) if invited else place_for(session, parts().settings.registration)


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
