"""Every statement on invitations, and joining by one."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from frontend.accounts.models import MembershipRow, PersonRow, TenantRow
from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.tenants.models import InvitationRow
from frontend.tenants.queries import add_member, get_tenant, hold, hold_person
from frontend.tenants.rules import may_manage
from shared.errors import Conflict, NotAllowed, NotFound

MAX_USES = 100
MAX_LIFETIME_DAYS = 30
MAX_OPEN = 200
"""In one tenant."""


class InvitationGone(NotFound):
    """Used up, expired, withdrawn, never made, or its maker may not invite any more: all read the same."""


class MeantForSomebodyElse(NotAllowed):
    """It is bound to an address that this account has not shown to be its own."""


GONE = "This invitation was used already, was withdrawn or has expired. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Wish:
    """What an invitation shall be."""

    role: Role
    uses: int
    lifetime: timedelta
    email: str | None = None
    """Normalised."""


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """The links of an invitation, which are nowhere else."""

    invitation_id: str
    token: str
    mailed_token: str | None
    """For the mail to the address it is bound to: whoever has it has shown that the address is theirs."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation."""

    invitation_id: str
    tenant_id: str
    role: Role
    email: str | None
    made_by: str
    made_by_name: str
    uses_left: int
    created_at: datetime
    expires_at: datetime
    proves_address: bool = False
    """It was found by the link that was mailed."""


def add_invitation(session: Session, maker: Person, wish: Wish, now: datetime) -> NewInvitation:
    """The tenant is held.

    Raises:
        Conflict: too many are open.
    """
    forget_expired(session, now)
    if _count_open(session, maker.tenant_id) >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} invitations are open. Withdraw some that nobody needs.")
    token = secrets.token_urlsafe(32)
    mailed = secrets.token_urlsafe(32) if wish.email else None
    row = InvitationRow(
        invitation_id=uuid.uuid4().hex,
        tenant_id=maker.tenant_id,
        token_hash=_hash(token),
        mailed_token_hash=_hash(mailed) if mailed else None,
        role=wish.role,
        email=wish.email,
        made_by=maker.person_id,
        uses_left=wish.uses,
        created_at=now,
        expires_at=now + wish.lifetime,
    )
    session.add(row)
    session.flush()
    return NewInvitation(row.invitation_id, token, mailed, row.expires_at)


def list_invitations(session: Session, tenant_id: str, now: datetime) -> list[Invitation]:
    """Those that can still be used, newest first."""
    rows = session.execute(
        select(InvitationRow, PersonRow.name)
        .join(PersonRow, PersonRow.person_id == InvitationRow.made_by)
        .where(
            InvitationRow.tenant_id == tenant_id,
            InvitationRow.expires_at > now,
            InvitationRow.uses_left > 0,
        )
        .order_by(InvitationRow.created_at.desc(), InvitationRow.invitation_id)
    )
    return [_as_invitation(row, name) for row, name in rows]


def remove_invitation(session: Session, tenant_id: str, invitation_id: str) -> None:
    """Raises NotFound."""
    removed = session.scalar(
        delete(InvitationRow)
        .where(InvitationRow.tenant_id == tenant_id, InvitationRow.invitation_id == invitation_id)
        .returning(InvitationRow.invitation_id)
    )
    if removed is None:
        raise NotFound("There is no such invitation.")


def remove_invitations_of(session: Session, tenant_id: str, person_id: str) -> None:
    """All that somebody has made."""
    session.execute(
        delete(InvitationRow).where(
            InvitationRow.tenant_id == tenant_id, InvitationRow.made_by == person_id
        )
    )


def find_invitation(session: Session, token: str, now: datetime) -> Invitation | None:
    """None: it cannot be used, for whatever reason."""
    hashed = _hash(token)
    found = session.execute(
        select(InvitationRow, PersonRow.name, MembershipRow.role)
        .join(PersonRow, PersonRow.person_id == InvitationRow.made_by)
        .join(TenantRow, TenantRow.tenant_id == InvitationRow.tenant_id)
        .join(
            MembershipRow,
            (MembershipRow.person_id == InvitationRow.made_by)
            & (MembershipRow.tenant_id == InvitationRow.tenant_id),
        )
        .where(
            or_(InvitationRow.token_hash == hashed, InvitationRow.mailed_token_hash == hashed),
            InvitationRow.expires_at > now,
            InvitationRow.uses_left > 0,
            PersonRow.is_disabled.is_(False),
            TenantRow.delete_after.is_(None),
        )
    ).one_or_none()
    if found is None or not may_manage(Role(found[2]), Role(found[0].role)):
        return None
    return _as_invitation(found[0], found[1], proves_address=found[0].token_hash != hashed)


def join_tenant(session: Session, token: str, person_id: str, now: datetime) -> Invitation:
    """Use an invitation once, for somebody who has an account.

    Raises:
        InvitationGone: see there.
        MeantForSomebodyElse: the account's address is another one, or was never shown to be theirs.
        AlreadyMember: the invitation is as good as before.
    """
    known = find_invitation(session, token, now)
    if known is None:
        raise InvitationGone(GONE)
    hold(session, known.tenant_id)
    hold_person(session, person_id)
    invitation = find_invitation(session, token, now)  # as it is, now that nothing changes any more
    if invitation is None:
        raise InvitationGone(GONE)
    _require_address(session, invitation, person_id)
    add_member(session, invitation.tenant_id, person_id, invitation.role, now)
    used = session.scalar(
        update(InvitationRow)
        .where(InvitationRow.invitation_id == invitation.invitation_id, InvitationRow.uses_left > 0)
        .values(uses_left=InvitationRow.uses_left - 1)
        .returning(InvitationRow.invitation_id)
    )
    if used is None:
        raise InvitationGone(GONE)
    return invitation


def tenant_name(session: Session, invitation: Invitation) -> str:
    return get_tenant(session, invitation.tenant_id).name


def mark_verified(session: Session, person_id: str) -> None:
    """Mail to their address reached them."""
    session.execute(
        update(PersonRow).where(PersonRow.person_id == person_id).values(is_verified=True)
    )


def forget_expired(session: Session, now: datetime) -> None:
    session.execute(
        delete(InvitationRow).where(
            or_(InvitationRow.expires_at <= now, InvitationRow.uses_left <= 0)
        )
    )


def _require_address(session: Session, invitation: Invitation, person_id: str) -> None:
    if invitation.email is None:
        return
    email, is_verified = session.execute(
        select(PersonRow.email, PersonRow.is_verified).where(PersonRow.person_id == person_id)
    ).one()
    if email != invitation.email:
        raise MeantForSomebodyElse("This invitation is for another address than your account's.")
    if not is_verified and not invitation.proves_address:
        raise MeantForSomebodyElse(
            "This invitation is for one address only. Open the link in the mail that was sent there."
        )
    if not is_verified:
        mark_verified(session, person_id)


def _count_open(session: Session, tenant_id: str) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(InvitationRow)
            .where(InvitationRow.tenant_id == tenant_id)
        )
        or 0
    )


def _as_invitation(row: InvitationRow, maker: str, *, proves_address: bool = False) -> Invitation:
    return Invitation(
        row.invitation_id,
        row.tenant_id,
        Role(row.role),
        row.email,
        row.made_by,
        maker,
        row.uses_left,
        row.created_at,
        row.expires_at,
        proves_address,
    )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
