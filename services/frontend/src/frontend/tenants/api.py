"""`/api/tenants`: organisations, how one gets in and out, and how they end.

All but creating and joining is about the organisation that the caller is in; another one is not there.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from frontend.accounts.email_address import is_email_address, normalised
from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.json_api import Answer, Body, Email, Id, Line, ListPage, operation
from frontend.parts import parts
from frontend.people.answers import TenantAnswer, tenant_answer
from frontend.rights import ADMINS, OWNERS, SIGNED_IN, Routes, Rule, open_to
from frontend.sign_in.sessions import required_person
from frontend.tenants import acts, queries
from frontend.tenants.invitations import (
    MAX_LIFETIME_DAYS,
    MAX_USES,
    Invitation,
    Wish,
    list_invitations,
)
from frontend.tenants.letters import deliver_invitation
from frontend.tenants.rules import MAX_NAME_CHARACTERS
from shared.errors import InvalidInput, NotFound

TAG = "Organisations"
DEFAULT_LIFETIME_DAYS = 7

routes = Routes("tenants_api", rule=SIGNED_IN, url_prefix="/api/tenants")


class TenantName(Body):
    """What an organisation is called."""

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]


class Heir(Body):
    """Who shall own the organisation."""

    person_id: Id


class InvitationWish(Body):
    """Whom to let in."""

    role: Role = Role.MEMBER
    uses: Annotated[int, Field(ge=1, le=MAX_USES)] = 1
    """How many people can join by it."""
    lifetime_days: Annotated[int, Field(ge=1, le=MAX_LIFETIME_DAYS)] = DEFAULT_LIFETIME_DAYS
    email: Email | None = None
    """Only for whoever this address belongs to, and sent there. Then it is good once."""


class Acceptance(Body):
    """What the link of an invitation ends with."""

    invitation: Annotated[str, Field(min_length=1, max_length=200)]


class MyTenant(Answer):
    """An organisation, and what the caller is in it."""

    tenant: TenantAnswer
    role: Role


class MadeInvitation(Answer):
    """An invitation with its link, which is shown now and never again."""

    invitation_id: str
    link: str
    mailed_to: str | None
    expires_at: datetime


class OpenInvitation(Answer):
    """An invitation that can still be used."""

    invitation_id: str
    role: Role
    email: str | None
    uses_left: int
    made_by: str
    created_at: datetime
    expires_at: datetime


class Deletion(Answer):
    """The organisation is closed but for its owners."""

    delete_after: datetime


@routes.get("")
@operation("The organisations one belongs to", TAG, answer=ListPage[MyTenant])
def list_tenants() -> ListPage[MyTenant]:
    with parts().database.transaction() as session:
        found = queries.list_memberships(session, required_person().person_id)
    items = [MyTenant(tenant=tenant_answer(one.tenant), role=one.role) for one in found]
    return ListPage[MyTenant](items=items, page=1, limit=len(items), total=len(items))


@routes.post("")
@operation("Create an organisation", TAG, body=TenantName, answer=TenantAnswer, status=201)
def create_tenant(body: TenantName) -> TenantAnswer:
    return tenant_answer(acts.create_tenant(required_person(), body.name))


@routes.post("/memberships")
@operation(
    "Join an organisation by an invitation", TAG, body=Acceptance, answer=MyTenant, status=201
)
def join(body: Acceptance) -> MyTenant:
    parts().invitation_limit.take(required_person().person_id)
    joined = acts.join(body.invitation, required_person().person_id)
    with parts().database.transaction() as session:
        tenant = queries.get_tenant(session, joined.tenant_id)
    return MyTenant(tenant=tenant_answer(tenant), role=joined.role)


@routes.get("/<hex:tenant_id>")
@open_to(Rule(scope="people:read"))
@operation("The organisation one is in", TAG, answer=TenantAnswer)
def read_tenant(tenant_id: str) -> TenantAnswer:
    actor = _inside(tenant_id)
    with parts().database.transaction() as session:
        return tenant_answer(queries.get_tenant(session, actor.tenant_id))


@routes.patch("/<hex:tenant_id>")
@open_to(ADMINS)
@operation("Rename it", TAG, body=TenantName, answer=TenantAnswer)
def rename_tenant(tenant_id: str, body: TenantName) -> TenantAnswer:
    return tenant_answer(acts.rename_tenant(_inside(tenant_id), body.name))


@routes.put("/<hex:tenant_id>/deletion")
@open_to(OWNERS)
@operation("Close it, and have it deleted after 14 days", TAG, answer=Deletion)
def ask_deletion(tenant_id: str) -> Deletion:
    return Deletion(delete_after=acts.ask_deletion(_inside(tenant_id)))


@routes.delete("/<hex:tenant_id>/deletion")
@open_to(OWNERS)
@operation("Take the deletion back", TAG)
def take_deletion_back(tenant_id: str) -> None:
    acts.take_deletion_back(_inside(tenant_id))


@routes.put("/<hex:tenant_id>/owner")
@open_to(OWNERS)
@operation("Hand it over; one stays as an admin", TAG, body=Heir)
def transfer(tenant_id: str, body: Heir) -> None:
    acts.transfer(_inside(tenant_id), body.person_id)


@routes.delete("/<hex:tenant_id>/members/me")
@operation("Leave it", TAG)
def leave(tenant_id: str) -> None:
    acts.leave(_inside(tenant_id))


@routes.get("/<hex:tenant_id>/invitations")
@open_to(Rule(roles=ADMINS.roles, scope="people:read"))
@operation("Open invitations, newest first", TAG, answer=ListPage[OpenInvitation])
def read_invitations(tenant_id: str) -> ListPage[OpenInvitation]:
    actor = _inside(tenant_id)
    with parts().database.transaction() as session:
        found = list_invitations(session, actor.tenant_id, parts().now())
    items = [_open_invitation(one) for one in found]
    return ListPage[OpenInvitation](items=items, page=1, limit=len(items), total=len(items))


@routes.post("/<hex:tenant_id>/invitations")
@open_to(ADMINS)
@operation("Invite somebody", TAG, body=InvitationWish, answer=MadeInvitation, status=201)
def invite(tenant_id: str, body: InvitationWish) -> MadeInvitation:
    actor = _inside(tenant_id)
    parts().invitation_limit.take(actor.tenant_id)
    wish = wish_of(body.role, body.uses, body.lifetime_days, body.email or "")
    made = acts.invite(actor, wish)
    mailed_to, link = deliver_invitation(actor, wish, made)
    return MadeInvitation(
        invitation_id=made.invitation_id, link=link, mailed_to=mailed_to, expires_at=made.expires_at
    )


@routes.delete("/<hex:tenant_id>/invitations/<hex:invitation_id>")
@open_to(ADMINS)
@operation("Withdraw an invitation", TAG)
def withdraw_invitation(tenant_id: str, invitation_id: str) -> None:
    acts.withdraw_invitation(_inside(tenant_id), invitation_id)


def wish_of(role: Role, uses: int, lifetime_days: int, email: str) -> Wish:
    """Raises InvalidInput: the address is none, or nobody could be shown to have it."""
    address = normalised(email) or None
    if address is not None and not is_email_address(address):
        raise InvalidInput("That is not an e-mail address.")
    if address is not None and not parts().mailer.is_ready:
        raise InvalidInput("Mail is not set up here. Leave the address out, and pass the link on.")
    return Wish(
        role=role,
        uses=1 if address else uses,
        lifetime=timedelta(days=lifetime_days),
        email=address,
    )


def _inside(tenant_id: str) -> Person:
    """Raises NotFound: the caller is not in it, whether or not they belong to it."""
    person = required_person()
    if person.tenant_id != tenant_id:
        raise NotFound("There is no such organisation.")
    return person


def _open_invitation(one: Invitation) -> OpenInvitation:
    return OpenInvitation(
        invitation_id=one.invitation_id,
        role=one.role,
        email=one.email,
        uses_left=one.uses_left,
        made_by=one.made_by_name,
        created_at=one.created_at,
        expires_at=one.expires_at,
    )
