"""What people do to organisations and to one another, each in one transaction and with its security event.

Pages and the JSON API both end here. Whoever acts is looked up again inside the transaction.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from frontend.accounts.queries import Person, add_account, find_person
from frontend.accounts.roles import Role
from frontend.accounts.security_events import SecurityEvent, add_event
from frontend.api_keys.queries import revoke_keys_of
from frontend.api_sessions.queries import remove_api_sessions
from frontend.parts import parts
from frontend.sign_in.identities import Identity, connect
from frontend.sign_in.sessions import end_sessions_of
from frontend.tenants import invitations, queries
from frontend.tenants.invitations import GONE, Invitation, InvitationGone, NewInvitation, Wish
from frontend.tenants.purge import end_connections
from frontend.tenants.queries import Member, Tenant
from frontend.tenants.rules import problem_with_tenant_name
from shared.errors import Conflict, InvalidInput, NotAllowed, NotFound

MAX_OWNED = 20


def create_tenant(actor: Person, name: str) -> Tenant:
    """Raises InvalidInput; NotAllowed; Conflict when they own too many."""
    name = _checked_name(name)
    now = parts().now()
    with parts().database.transaction() as session:
        queries.held_role(session, actor)
        if not _may_create(session, actor):
            raise NotAllowed("Only the owners of this installation can create organisations.")
        queries.hold_person(session, actor.person_id)
        if queries.count_owned(session, actor.person_id) >= MAX_OWNED:
            raise Conflict(f"You own {MAX_OWNED} organisations. Delete or hand over one first.")
        tenant = queries.add_tenant(session, name=name, owner_id=actor.person_id, now=now)
        _note(session, SecurityEvent.TENANT_CREATED, actor, tenant_id=tenant.tenant_id, name=name)
    return tenant


def may_create_tenants(actor: Person) -> bool:
    with parts().database.transaction() as session:
        return _may_create(session, actor)


def rename_tenant(actor: Person, name: str) -> Tenant:
    """Raises InvalidInput; NotAllowed."""
    name = _checked_name(name)
    with _acting(actor, Role.ADMIN) as (session, _):
        queries.rename_tenant(session, actor.tenant_id, name)
        _note(session, SecurityEvent.TENANT_RENAMED, actor, name=name)
        return queries.get_tenant(session, actor.tenant_id)


def set_tier(actor: Person, tenant_id: str, tier: str) -> None:
    """Raises NotAllowed: not an owner of the installation's own organisation; NotFound; InvalidInput."""
    if tier not in {"free", "paid"}:
        raise InvalidInput("A tier is free or paid.")
    with _acting(actor, Role.OWNER) as (session, _):
        if not queries.get_tenant(session, actor.tenant_id).is_first:
            raise NotAllowed("Only the owners of this installation decide on tiers.")
        queries.set_tier(session, tenant_id, tier)
        _note(session, SecurityEvent.TIER_CHANGED, actor, tenant_id=tenant_id, tier=tier)


def ask_deletion(actor: Person) -> datetime:
    """Close the tenant now and have it deleted later. Gives when.

    Raises:
        NotAllowed: not an owner. Conflict: it is the installation's own.
    """
    with _acting(actor, Role.OWNER) as (session, _):
        if queries.get_tenant(session, actor.tenant_id).is_first:
            raise Conflict(
                "This is the installation's own organisation: without it nobody could run Steward."
            )
        at = queries.set_deletion(session, actor.tenant_id, parts().now())
        _note(session, SecurityEvent.DELETION_ASKED, actor, delete_after=at.isoformat())
    return at


def take_deletion_back(actor: Person) -> None:
    """Raises NotAllowed: not an owner."""
    with _acting(actor, Role.OWNER) as (session, _):
        queries.unset_deletion(session, actor.tenant_id, parts().now())
        _note(session, SecurityEvent.DELETION_TAKEN_BACK, actor)


def invite(actor: Person, wish: Wish) -> NewInvitation:
    """Raises NotAllowed: they may not give that role; Conflict: too many are open."""
    with _acting(actor, Role.ADMIN) as (session, acting):
        queries.require_power_over(acting, wish.role)
        if queries.get_tenant(session, actor.tenant_id).delete_after is not None:
            raise Conflict("This organisation is about to be deleted. Take that back first.")
        made = invitations.add_invitation(session, actor, wish, parts().now())
        _note(session, SecurityEvent.PERSON_INVITED, actor, role=wish.role, email=wish.email or "")
    return made


def withdraw_invitation(actor: Person, invitation_id: str) -> None:
    """Raises NotAllowed; NotFound."""
    with _acting(actor, Role.ADMIN) as (session, _):
        invitations.remove_invitation(session, actor.tenant_id, invitation_id)
        _note(session, SecurityEvent.INVITATION_WITHDRAWN, actor)


def join(token: str, person_id: str) -> Person:
    """Use an invitation. Gives the person in the tenant they joined. Raises like `join_tenant`."""
    with parts().database.transaction() as session:
        invitation = invitations.join_tenant(session, token, person_id, parts().now())
        return _joined(session, invitation, person_id)


def join_as_new(
    token: str,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    identity: Identity | None = None,
) -> Person:
    """Make an account (address and name are checked) and use an invitation with it.

    `identity` is the sign-in elsewhere that becomes theirs; without a password their only one.

    Raises:
        EmailTaken: they have an account, with which they can join; and like `join_tenant`.
        IdentityTaken: the sign-in became somebody else's meanwhile.
    """
    is_verified = (
        identity is not None and identity.email == email and parts().providers.vouch_for(identity)
    )
    with parts().database.transaction() as session:
        now = parts().now()
        # First of all, so that nobody learns without an invitation who has an account.
        if invitations.find_invitation(session, token, now) is None:
            raise InvitationGone(GONE)
        account = add_account(
            session,
            email=email,
            name=name,
            password_hash=password_hash,
            now=now,
            is_verified=is_verified,
        )
        if identity is not None:
            connect(session, identity, account.person_id, now)
        invitation = invitations.join_tenant(session, token, account.person_id, now)
        return _joined(session, invitation, account.person_id)


def _joined(session: Session, invitation: Invitation, person_id: str) -> Person:
    person = _found(find_person(session, person_id, invitation.tenant_id))
    _note(session, SecurityEvent.PERSON_JOINED, person, role=invitation.role)
    return person


def _found(person: Person | None) -> Person:
    """Raises NotAllowed: the account was disabled meanwhile."""
    if person is None:
        raise NotAllowed("This account cannot be used. Ask an administrator.")
    return person


def change_role(actor: Person, person_id: str, role: Role) -> Member:
    """Raises NotFound; NotAllowed; LastOwner."""
    with _acting(actor, Role.ADMIN) as (session, acting):
        member = queries.get_member(session, actor.tenant_id, person_id)
        queries.require_power_over(acting, member.role)
        queries.require_power_over(acting, role)
        queries.set_role(session, member, actor.tenant_id, role)
        _note(session, SecurityEvent.ROLE_CHANGED, actor, of=person_id, was=member.role, role=role)
        return queries.get_member(session, actor.tenant_id, person_id)


def remove(actor: Person, person_id: str) -> None:
    """Take somebody out of the tenant. Their account stays theirs. Raises NotFound; NotAllowed; LastOwner."""
    with _acting(actor, Role.ADMIN) as (session, acting):
        member = queries.get_member(session, actor.tenant_id, person_id)
        queries.require_power_over(acting, member.role)
        _take_out(session, member, actor.tenant_id)
        _note(session, SecurityEvent.PERSON_REMOVED, actor, of=person_id, was=member.role)
    end_sessions_of(person_id)
    _end_connections_later(actor.tenant_id, person_id)


def leave(actor: Person) -> Person:
    """Gives them in another tenant of theirs, or in none. Raises LastOwner."""
    with parts().database.transaction() as session:
        queries.held_role(session, actor)
        member = queries.get_member(session, actor.tenant_id, actor.person_id)
        _take_out(session, member, actor.tenant_id)
        _note(session, SecurityEvent.PERSON_LEFT, actor, was=member.role)
        left = _found(find_person(session, actor.person_id))
    _end_connections_later(actor.tenant_id, actor.person_id)
    return left


def transfer(actor: Person, person_id: str) -> None:
    """Make somebody else the owner, and the actor an admin.

    Raises:
        NotFound: not in this tenant. NotAllowed: not an owner. Conflict: to oneself, or to somebody disabled.
    """
    with _acting(actor, Role.OWNER) as (session, _):
        heir = queries.get_member(session, actor.tenant_id, person_id)
        if heir.person_id == actor.person_id or heir.is_disabled:
            raise Conflict("Choose somebody else who can sign in.")
        queries.set_role(session, heir, actor.tenant_id, Role.OWNER)
        own = queries.get_member(session, actor.tenant_id, actor.person_id)
        queries.set_role(session, own, actor.tenant_id, Role.ADMIN)
        _note(session, SecurityEvent.OWNERSHIP_TRANSFERRED, actor, to=person_id)


def switch(actor: Person, tenant_id: str) -> Person:
    """The person in another of their tenants. Raises NotFound: none of theirs."""
    with parts().database.transaction() as session:
        person = find_person(session, actor.person_id, tenant_id)
    if person is None or person.tenant_id != tenant_id:
        raise NotFound("There is no such organisation.")
    return person


def _take_out(session: Session, member: Member, tenant_id: str) -> None:
    """With what they made for others to come in by: it must not be good again when they are back."""
    now = parts().now()
    queries.remove_member(session, member, tenant_id, now)
    remove_api_sessions(session, member.person_id, tenant_id)
    revoke_keys_of(session, tenant_id, member.person_id, now)
    invitations.remove_invitations_of(session, tenant_id, member.person_id)


def _end_connections_later(tenant_id: str, person_id: str) -> None:
    """Beside the request: another's sign-in service may take its time."""
    known = parts()
    known.run_later(
        lambda: end_connections(known.database, known.orchestrator, tenant_id, person_id)
    )


@contextmanager
def _acting(actor: Person, least: Role) -> Generator[tuple[Session, Role]]:
    """A transaction that holds the actor's tenant, and what they are in it now. Raises NotAllowed."""
    with parts().database.transaction() as session:
        acting = queries.held_role(session, actor)
        queries.require_power_over(acting, least)
        yield session, acting


def _may_create(session: Session, actor: Person) -> bool:
    if actor.scopes is not None:
        return False  # a key cannot own anything
    if parts().settings.tenants_made_by == "everybody":
        return True
    own = queries.list_memberships(session, actor.person_id)
    return any(membership.tenant.is_first and membership.role is Role.OWNER for membership in own)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if problem := problem_with_tenant_name(name):
        raise InvalidInput(problem)
    return name


def _note(
    session: Session,
    kind: SecurityEvent,
    actor: Person,
    *,
    tenant_id: str | None = None,
    **facts: str,
) -> None:
    """The event in the actor's tenant, or in the one that it is about."""
    person = actor if tenant_id is None else replace(actor, tenant_id=tenant_id)
    add_event(session, kind, parts().now(), person=person, **facts)
