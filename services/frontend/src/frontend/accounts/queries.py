"""Every statement on people and tenants."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.accounts.models import MembershipRow, PersonRow, SignInLinkRow, TenantRow
from frontend.accounts.roles import Role
from shared.errors import Conflict

LINK_LIFETIME = timedelta(hours=24)


class EmailTaken(Conflict):
    """Somebody has an account with this address."""


class OwnerExists(Conflict):
    """Somebody else has created the owner account."""


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in person in a tenant."""

    person_id: str
    tenant_id: str
    """Empty: they belong to none."""
    email: str
    name: str
    roles: tuple[str, ...]
    tier: str = "free"
    """Of the tenant."""
    session: str = ""
    """Marks the sign-in in the orchestrator's audit; empty outside a browser's session."""
    scopes: frozenset[str] | None = None
    """All that an API key may be used for; None: a person, who may do whatever their role may."""

    @property
    def role(self) -> Role:
        """In the tenant they are in."""
        return Role(self.roles[0])


def has_owner(session: Session) -> bool:
    return (
        session.scalar(select(TenantRow.tenant_id).where(TenantRow.is_first.is_(True))) is not None
    )


def add_owner(
    session: Session, *, email: str, name: str, password_hash: str | None, now: datetime
) -> Person:
    """Create the first tenant and its owner.

    Raises:
        OwnerExists: somebody was quicker.
    """
    tenant = TenantRow(
        tenant_id=uuid.uuid4().hex, name=f"{name}'s organisation", is_first=True, created_at=now
    )
    person = PersonRow(
        person_id=uuid.uuid4().hex,
        email=email,
        name=name,
        password_hash=password_hash,
        created_at=now,
    )
    session.add_all([tenant, person])
    try:
        session.flush()
    except IntegrityError:
        raise OwnerExists(
            "The owner account exists already. Sign in, or ask the owner for an account."
        ) from None
    session.add(
        MembershipRow(
            person_id=person.person_id, tenant_id=tenant.tenant_id, role=Role.OWNER, joined_at=now
        )
    )
    session.flush()
    return _as_person(person, tenant, Role.OWNER)


def add_person(
    session: Session,
    *,
    tenant_id: str,
    email: str,
    name: str,
    role: str,
    now: datetime,
    password_hash: str | None = None,
    is_verified: bool = False,
) -> Person:
    """Create somebody in a tenant. Without a password they sign in by link or elsewhere only.

    Raises:
        EmailTaken: the address (normalised) belongs to somebody already, in whatever tenant.
    """
    person = add_account(
        session,
        email=email,
        name=name,
        password_hash=password_hash,
        now=now,
        is_verified=is_verified,
    )
    membership = MembershipRow(
        person_id=person.person_id, tenant_id=tenant_id, role=role, joined_at=now
    )
    session.add(membership)
    session.flush()
    return _as_person(person, session.get_one(TenantRow, tenant_id), role)


def add_account(
    session: Session,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    now: datetime,
    is_verified: bool = False,
) -> PersonRow:
    """Create somebody who belongs to no tenant yet.

    Raises:
        EmailTaken: see `add_person`.
    """
    person = PersonRow(
        person_id=uuid.uuid4().hex,
        email=email,
        name=name,
        password_hash=password_hash,
        is_verified=is_verified,
        created_at=now,
    )
    session.add(person)
    try:
        session.flush()
    except IntegrityError:
        raise EmailTaken("Somebody has an account with this address already.") from None
    return person


def find_person(session: Session, person_id: str, tenant_id: str | None = None) -> Person | None:
    """In that tenant, else in the one they joined first; without tenant and roles when they belong to none.

    None: gone, or disabled.
    """
    row = session.get(PersonRow, person_id)
    return None if row is None else _with_membership(session, row, tenant_id)


def find_owner(session: Session) -> Person | None:
    """Of the installation's own tenant: whoever has owned it for longest."""
    found = session.execute(
        select(PersonRow, TenantRow.tenant_id)
        .join(MembershipRow, MembershipRow.person_id == PersonRow.person_id)
        .join(TenantRow, TenantRow.tenant_id == MembershipRow.tenant_id)
        .where(MembershipRow.role == Role.OWNER, TenantRow.is_first.is_(True))
        .where(PersonRow.is_disabled.is_(False))
        .order_by(MembershipRow.joined_at, PersonRow.created_at)
        .limit(1)
    ).one_or_none()
    return None if found is None else _with_membership(session, found[0], found[1])


def find_by_email(session: Session, email: str) -> tuple[Person, str | None] | None:
    """The person with this address (lower case), and their password hash."""
    row = session.scalar(select(PersonRow).where(PersonRow.email == email))
    if row is None:
        return None
    person = _with_membership(session, row)
    return None if person is None else (person, row.password_hash)


def update_password_hash(session: Session, person_id: str, password_hash: str) -> None:
    row = session.get_one(PersonRow, person_id)
    row.password_hash = password_hash


def add_sign_in_link(session: Session, person_id: str | None, now: datetime) -> str:
    """A new one-time link's token; older links of the same kind stop working."""
    session.execute(delete(SignInLinkRow).where(SignInLinkRow.person_id == person_id))
    session.execute(delete(SignInLinkRow).where(SignInLinkRow.expires_at < now))
    token = secrets.token_urlsafe(32)
    session.add(
        SignInLinkRow(token_hash=_hash(token), person_id=person_id, expires_at=now + LINK_LIFETIME)
    )
    return token


def is_link_good(session: Session, token: str, now: datetime) -> bool:
    row = session.get(SignInLinkRow, _hash(token))
    return row is not None and row.expires_at > now


def use_link(session: Session, token: str, now: datetime) -> tuple[bool, str | None]:
    """Use a link up: whether it was good, and for whom (None: for whoever becomes the owner)."""
    used = session.execute(
        delete(SignInLinkRow)
        .where(SignInLinkRow.token_hash == _hash(token), SignInLinkRow.expires_at > now)
        .returning(SignInLinkRow.person_id)
    ).one_or_none()
    return (False, None) if used is None else (True, used[0])


def _with_membership(
    session: Session, row: PersonRow, tenant_id: str | None = None
) -> Person | None:
    if row.is_disabled:
        return None
    found = session.execute(
        select(MembershipRow.role, TenantRow)
        .join(TenantRow, TenantRow.tenant_id == MembershipRow.tenant_id)
        .where(
            MembershipRow.person_id == row.person_id,
            # Closed until it is deleted, but for those who can take that back.
            TenantRow.delete_after.is_(None) | (MembershipRow.role == Role.OWNER),
        )
        .order_by(TenantRow.tenant_id != tenant_id, MembershipRow.joined_at, TenantRow.created_at)
        .limit(1)
    ).one_or_none()
    if found is None:
        return Person(row.person_id, "", row.email, row.name, ())
    return _as_person(row, found[1], found[0])


def _as_person(row: PersonRow, tenant: TenantRow, role: str) -> Person:
    return Person(row.person_id, tenant.tenant_id, row.email, row.name, (role,), tier=tenant.tier)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
