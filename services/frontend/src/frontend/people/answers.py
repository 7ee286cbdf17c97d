"""People as the JSON API answers them."""

from datetime import datetime

from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.json_api import Answer
from frontend.parts import parts
from frontend.tenants.queries import Member, Tenant, get_tenant


class TenantAnswer(Answer):
    """An organisation."""

    tenant_id: str
    name: str
    tier: str
    created_at: datetime
    delete_after: datetime | None
    """It is closed, and deleted after this moment. None: it stays."""


class UserAnswer(Answer):
    """Somebody in the organisation."""

    person_id: str
    email: str
    name: str
    role: Role
    is_verified: bool
    """Whether mail to the address has reached them."""
    is_disabled: bool
    joined_at: datetime | None


class Me(Answer):
    """Who calls, and in which organisation they are."""

    person_id: str
    email: str
    name: str
    role: Role
    tenant: TenantAnswer
    scopes: list[str] | None
    """What a key may be used for. None: a person, who may do whatever the role may."""


def me_of(person: Person) -> Me:
    with parts().database.transaction() as session:
        tenant = get_tenant(session, person.tenant_id)
    return Me(
        person_id=person.person_id,
        email=person.email,
        name=person.name,
        role=person.role,
        tenant=tenant_answer(tenant),
        scopes=None if person.scopes is None else sorted(person.scopes),
    )


def user_answer(member: Member) -> UserAnswer:
    return UserAnswer(
        person_id=member.person_id,
        email=member.email,
        name=member.name,
        role=member.role,
        is_verified=member.is_verified,
        is_disabled=member.is_disabled,
        joined_at=member.joined_at,
    )


def tenant_answer(tenant: Tenant) -> TenantAnswer:
    return TenantAnswer(
        tenant_id=tenant.tenant_id,
        name=tenant.name,
        tier=tenant.tier,
        created_at=tenant.created_at,
        delete_after=tenant.delete_after,
    )
