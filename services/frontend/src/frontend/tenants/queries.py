"""Every statement on tenants and memberships. Each names the tenant it is for.

Whatever changes who may do what first holds the tenant, and only then looks at who acts: two changes at once would
otherwise both find what the other one is about to take away.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from frontend.accounts.models import MembershipRow, PersonRow, TenantRow
from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.tenants.models import DepartureRow
from frontend.tenants.rules import GRACE, SETTLED, lesser, may_manage
from shared.errors import Conflict, NotAllowed, NotFound


class LastOwner(Conflict):
    """The tenant would be left without anybody who owns it."""


class AlreadyMember(Conflict):
    """The person belongs to the tenant."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation."""

    tenant_id: str
    name: str
    tier: str
    is_first: bool
    """The installation's own: its owners decide on tiers, and it cannot be deleted."""
    created_at: datetime
    delete_after: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """A tenant as one of its people sees it."""

    tenant: Tenant
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a tenant."""

    person_id: str
    email: str
    name: str
    role: Role
    is_verified: bool
    is_disabled: bool
    joined_at: datetime | None


# --- tenants


def find_tenant(session: Session, tenant_id: str) -> Tenant | None:
    row = session.execute(_tenants().where(TenantRow.tenant_id == tenant_id)).one_or_none()
    return None if row is None else _as_tenant(*row)


def get_tenant(session: Session, tenant_id: str) -> Tenant:
    """Raises NotFound."""
    tenant = find_tenant(session, tenant_id)
    if tenant is None:
        raise NotFound("There is no such organisation.")
    return tenant


def list_tenants(
    session: Session, *, limit: int, offset: int
) -> tuple[list[tuple[Tenant, int]], int]:
    """Every tenant of the installation by name, each with how many belong to it; and how many there are."""
    members = (
        select(func.count())
        .select_from(MembershipRow)
        .where(MembershipRow.tenant_id == TenantRow.tenant_id)
        .scalar_subquery()
    )
    rows = session.execute(
        _tenants()
        .add_columns(members)
        .order_by(TenantRow.name, TenantRow.tenant_id)
        .limit(limit)
        .offset(offset)
    )
    count = session.scalar(select(func.count()).select_from(TenantRow)) or 0
    return [(_as_tenant(*row[:-1]), row[-1]) for row in rows], count


def list_memberships(session: Session, person_id: str) -> list[Membership]:
    """The tenants that somebody can be in, by name."""
    rows = session.execute(
        _tenants()
        .add_columns(MembershipRow.role)
        .join(MembershipRow, MembershipRow.tenant_id == TenantRow.tenant_id)
        .where(
            MembershipRow.person_id == person_id,
            TenantRow.delete_after.is_(None) | (MembershipRow.role == Role.OWNER),
        )
        .order_by(TenantRow.name, TenantRow.tenant_id)
    )
    return [Membership(_as_tenant(*row[:-1]), Role(row[-1])) for row in rows]


def count_owned(session: Session, person_id: str) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(MembershipRow)
            .where(MembershipRow.person_id == person_id, MembershipRow.role == Role.OWNER)
        )
        or 0
    )


def add_tenant(session: Session, *, name: str, owner_id: str, now: datetime) -> Tenant:
    row = TenantRow(tenant_id=uuid.uuid4().hex, name=name, is_first=None, created_at=now)
    session.add(row)
    session.flush()
    _add_membership(session, row.tenant_id, owner_id, Role.OWNER, now)
    return get_tenant(session, row.tenant_id)


def rename_tenant(session: Session, tenant_id: str, name: str) -> None:
    session.execute(update(TenantRow).where(TenantRow.tenant_id == tenant_id).values(name=name))


def set_tier(session: Session, tenant_id: str, tier: str) -> None:
    """Raises NotFound."""
    changed = session.scalar(
        update(TenantRow)
        .where(TenantRow.tenant_id == tenant_id)
        .values(tier=tier)
        .returning(TenantRow.tenant_id)
    )
    if changed is None:
        raise NotFound("There is no such organisation.")


def set_deletion(session: Session, tenant_id: str, now: datetime) -> datetime:
    """Close the tenant. Gives when it will be deleted; asking twice changes nothing."""
    session.execute(
        update(TenantRow)
        .where(TenantRow.tenant_id == tenant_id, TenantRow.delete_after.is_(None))
        .values(delete_after=now + GRACE)
    )
    at = get_tenant(session, tenant_id).delete_after
    return at or now + GRACE


def unset_deletion(session: Session, tenant_id: str, now: datetime) -> None:
    """Raises Conflict: it is too late, a part of it may be gone already."""
    left = session.scalar(
        update(TenantRow)
        .where(
            TenantRow.tenant_id == tenant_id,
            TenantRow.delete_after.is_(None) | (TenantRow.delete_after > now),
        )
        .values(delete_after=None)
        .returning(TenantRow.tenant_id)
    )
    if left is None:
        raise Conflict("The time to take this back is over: the organisation is being deleted.")


def list_outdated(session: Session, now: datetime, *, is_empty: bool) -> list[str]:
    """The tenants whose time to be kept is over, by whether nobody is in them; never the installation's own."""
    people = exists().where(MembershipRow.tenant_id == TenantRow.tenant_id)
    return list(
        session.scalars(
            select(TenantRow.tenant_id)
            .where(_is_outdated(now), ~people if is_empty else people)
            .order_by(TenantRow.delete_after, TenantRow.tenant_id)
        )
    )


def empty_outdated(session: Session, tenant_id: str, now: datetime) -> bool:
    """Take everybody out of a tenant whose time is over, and delete the accounts that belong nowhere else.

    It is due again SETTLED from now: what was under way in its name has ended then. False: somebody was quicker, or
    has taken the deletion back.
    """
    postponed = session.scalar(
        update(TenantRow)
        .where(TenantRow.tenant_id == tenant_id, _is_outdated(now))
        .values(delete_after=now + SETTLED)
        .returning(TenantRow.tenant_id)
    )
    if postponed is None:
        return False
    people = list(
        session.scalars(
            delete(MembershipRow)
            .where(MembershipRow.tenant_id == tenant_id)
            .returning(MembershipRow.person_id)
        )
    )
    # Held first, so that somebody who joins another tenant at this moment is found to belong there.
    session.execute(
        update(PersonRow).where(PersonRow.person_id.in_(people)).values(name=PersonRow.name)
    )
    elsewhere = exists().where(MembershipRow.person_id == PersonRow.person_id)
    session.execute(delete(PersonRow).where(PersonRow.person_id.in_(people), ~elsewhere))
    return True


def remove_outdated(session: Session, tenant_id: str, now: datetime) -> bool:
    """Delete a tenant, out of which everybody was taken, with all that refers to it. False: it is gone already."""
    gone = session.scalar(
        delete(TenantRow)
        .where(TenantRow.tenant_id == tenant_id, _is_outdated(now))
        .returning(TenantRow.tenant_id)
    )
    return gone is not None


def _is_outdated(now: datetime) -> ColumnElement[bool]:
    return and_(TenantRow.delete_after <= now, TenantRow.is_first.is_(None))


# --- memberships


def hold(session: Session, tenant_id: str) -> None:
    """Let nobody else change the tenant or who belongs to it before this transaction ends.

    Written so that either engine does it: SQLite knows no row locks, but one writer at a time.

    Raises:
        NotFound: there is no such tenant.
    """
    held = session.scalar(
        update(TenantRow)
        .where(TenantRow.tenant_id == tenant_id)
        .values(name=TenantRow.name)
        .returning(TenantRow.tenant_id)
    )
    if held is None:
        raise NotFound("There is no such organisation.")


def held_role(session: Session, actor: Person) -> Role:
    """Hold the actor's tenant and say what they are in it now, whatever they were when the request began.

    Raises:
        NotAllowed: they left it, lost it or were disabled meanwhile.
    """
    hold(session, actor.tenant_id)
    if actor.scopes is not None:
        # A key's role was looked up by this request, and goes with the key. It makes no owners, and takes none away.
        return lesser(actor.role, Role.ADMIN)
    member = find_member(session, actor.tenant_id, actor.person_id)
    if member is None or member.is_disabled:
        raise NotAllowed("You do not belong to this organisation any more.")
    return member.role


def find_member(session: Session, tenant_id: str, person_id: str) -> Member | None:
    row = session.execute(_members(tenant_id).where(PersonRow.person_id == person_id)).one_or_none()
    return None if row is None else _as_member(*row)


def get_member(session: Session, tenant_id: str, person_id: str) -> Member:
    """Raises NotFound: not in this tenant, whether or not in another."""
    member = find_member(session, tenant_id, person_id)
    if member is None:
        raise NotFound("There is no such person in your organisation.")
    return member


def list_members(
    session: Session, tenant_id: str, *, words: str = "", limit: int, offset: int
) -> tuple[list[Member], int]:
    """By name, those whose name or address contains `words`; and how many there are in all."""
    query = _members(tenant_id)
    if words:
        query = query.where(
            or_(
                PersonRow.name.icontains(words, autoescape=True),
                PersonRow.email.icontains(words, autoescape=True),
            )
        )
    count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = session.execute(
        query.order_by(func.lower(PersonRow.name), PersonRow.person_id).limit(limit).offset(offset)
    )
    return [_as_member(*row) for row in rows], count


def list_with_roles(session: Session, tenant_id: str, roles: list[Role]) -> list[Member]:
    """Those who can sign in, by name."""
    rows = session.execute(
        _members(tenant_id)
        .where(MembershipRow.role.in_(roles), PersonRow.is_disabled.is_(False))
        .order_by(func.lower(PersonRow.name))
    )
    return [_as_member(*row) for row in rows]


def add_member(session: Session, tenant_id: str, person_id: str, role: Role, now: datetime) -> None:
    """Raises AlreadyMember."""
    if find_member(session, tenant_id, person_id) is not None:
        raise AlreadyMember("You belong to this organisation already.")
    try:
        _add_membership(session, tenant_id, person_id, role, now)
    except IntegrityError:
        raise AlreadyMember("You belong to this organisation already.") from None


def set_role(session: Session, member: Member, tenant_id: str, role: Role) -> None:
    """Raises LastOwner. The tenant is held."""
    if member.role is Role.OWNER and role is not Role.OWNER:
        require_another_owner(session, tenant_id, member.person_id)
    session.execute(
        update(MembershipRow)
        .where(MembershipRow.tenant_id == tenant_id, MembershipRow.person_id == member.person_id)
        .values(role=role)
    )


def remove_member(session: Session, member: Member, tenant_id: str, now: datetime) -> None:
    """And remember that their sign-ins elsewhere are to be ended. Raises LastOwner. The tenant is held."""
    if member.role is Role.OWNER:
        require_another_owner(session, tenant_id, member.person_id)
    session.execute(
        delete(MembershipRow).where(
            MembershipRow.tenant_id == tenant_id, MembershipRow.person_id == member.person_id
        )
    )
    session.add(DepartureRow(tenant_id=tenant_id, person_id=member.person_id, left_at=now))
    session.flush()


def list_departures(session: Session, limit: int) -> list[tuple[str, str]]:
    """Tenant and person, who left first first."""
    rows = session.execute(
        select(DepartureRow.tenant_id, DepartureRow.person_id)
        .order_by(DepartureRow.left_at)
        .limit(limit)
    )
    return [(tenant_id, person_id) for tenant_id, person_id in rows]


def forget_departure(session: Session, tenant_id: str, person_id: str) -> None:
    """What they were signed in to is ended, or they are back."""
    session.execute(
        delete(DepartureRow).where(
            DepartureRow.tenant_id == tenant_id, DepartureRow.person_id == person_id
        )
    )


def require_another_owner(session: Session, tenant_id: str, person_id: str) -> None:
    """Raises LastOwner: nobody else who can sign in owns it."""
    owners = list_with_roles(session, tenant_id, [Role.OWNER])
    if all(owner.person_id == person_id for owner in owners):
        raise LastOwner("An organisation needs an owner. Make somebody else owner first.")


def require_power_over(acting: Role, role: Role) -> None:
    """Raises NotAllowed."""
    if not may_manage(acting, role):
        raise NotAllowed(
            "Only an owner can do this. Ask one of them."
            if acting is Role.ADMIN
            else "Only people with the role owner or admin can do this. Ask one of them."
        )


def belongs_elsewhere(session: Session, tenant_id: str, person_id: str) -> bool:
    """Whether the account is another tenant's, too."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    MembershipRow.person_id == person_id, MembershipRow.tenant_id != tenant_id
                )
            )
        )
    )


def hold_person(session: Session, person_id: str) -> None:
    """Let nobody else change the account or give it a membership before this transaction ends."""
    session.execute(
        update(PersonRow).where(PersonRow.person_id == person_id).values(name=PersonRow.name)
    )


def set_disabled(session: Session, person_id: str, *, is_disabled: bool) -> None:
    session.execute(
        update(PersonRow).where(PersonRow.person_id == person_id).values(is_disabled=is_disabled)
    )


def _add_membership(
    session: Session, tenant_id: str, person_id: str, role: Role, now: datetime
) -> None:
    forget_departure(session, tenant_id, person_id)
    session.add(MembershipRow(person_id=person_id, tenant_id=tenant_id, role=role, joined_at=now))
    session.flush()


def _tenants() -> Select[str, str, str, bool | None, datetime, datetime | None]:
    return select(
        TenantRow.tenant_id,
        TenantRow.name,
        TenantRow.tier,
        TenantRow.is_first,
        TenantRow.created_at,
        TenantRow.delete_after,
    )


def _as_tenant(
    tenant_id: str,
    name: str,
    tier: str,
    is_first: bool | None,
    created_at: datetime,
    delete_after: datetime | None,
) -> Tenant:
    return Tenant(tenant_id, name, tier, bool(is_first), created_at, delete_after)


def _members(
    tenant_id: str,
) -> Select[str, str, str, str, bool, bool, datetime | None]:
    return (
        select(
            PersonRow.person_id,
            PersonRow.email,
            PersonRow.name,
            MembershipRow.role,
            PersonRow.is_verified,
            PersonRow.is_disabled,
            MembershipRow.joined_at,
        )
        .join(MembershipRow, MembershipRow.person_id == PersonRow.person_id)
        .where(MembershipRow.tenant_id == tenant_id)
    )


def _as_member(
    person_id: str,
    email: str,
    name: str,
    role: str,
    is_verified: bool,
    is_disabled: bool,
    joined_at: datetime | None,
) -> Member:
    return Member(person_id, email, name, Role(role), is_verified, is_disabled, joined_at)
