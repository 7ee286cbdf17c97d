"""What administrators do to accounts. Only to those that are their organisation's alone.

Somebody who belongs to another organisation, too, could otherwise be locked out of it, or into it, from here.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from frontend.accounts.queries import Person, add_sign_in_link
from frontend.accounts.roles import Role
from frontend.accounts.security_events import SecurityEvent, add_event
from frontend.api_sessions.queries import remove_api_sessions
from frontend.parts import parts
from frontend.people.queries import forget_sign_in
from frontend.sign_in.sessions import end_sessions_of
from frontend.tenants import queries
from frontend.tenants.queries import Member
from shared.errors import Conflict


@dataclass(frozen=True, slots=True)
class Reset:
    """A way back in for somebody who had to be locked out."""

    member: Member
    token: str
    """Signs them in once."""


def disable(actor: Person, person_id: str) -> Member:
    """Nobody can sign in with the account, and what is signed in ends.

    Raises:
        NotFound: not in this tenant. NotAllowed: the actor may not. LastOwner.
        Conflict: it is the actor's own account, or belongs to another tenant, too.
    """
    with parts().database.transaction() as session:
        member = _manageable(session, actor, person_id)
        if member.role is Role.OWNER:
            queries.require_another_owner(session, actor.tenant_id, person_id)
        queries.set_disabled(session, person_id, is_disabled=True)
        remove_api_sessions(session, person_id)
        _note(session, SecurityEvent.PERSON_DISABLED, actor, person_id)
        member = queries.get_member(session, actor.tenant_id, person_id)
    end_sessions_of(person_id)
    return member


def enable(actor: Person, person_id: str) -> Member:
    """Raises like `disable`."""
    with parts().database.transaction() as session:
        _manageable(session, actor, person_id)
        queries.set_disabled(session, person_id, is_disabled=False)
        _note(session, SecurityEvent.PERSON_ENABLED, actor, person_id)
        return queries.get_member(session, actor.tenant_id, person_id)


def reset_sign_in(actor: Person, person_id: str) -> Reset:
    """Make password and second factor worthless, end what is signed in, and make a link that signs in once.

    Raises like `disable`; Conflict: the account is disabled.
    """
    with parts().database.transaction() as session:
        member = _manageable(session, actor, person_id)
        if member.is_disabled:
            raise Conflict("The account is disabled. Enable it first.")
        forget_sign_in(session, person_id)
        remove_api_sessions(session, person_id)
        token = add_sign_in_link(session, person_id, parts().now())
        _note(session, SecurityEvent.SIGN_IN_RESET, actor, person_id)
    end_sessions_of(person_id)
    return Reset(member, token)


def _manageable(session: Session, actor: Person, person_id: str) -> Member:
    acting = queries.held_role(session, actor)
    queries.require_power_over(acting, Role.ADMIN)
    member = queries.get_member(session, actor.tenant_id, person_id)
    queries.require_power_over(acting, member.role)
    if person_id == actor.person_id:
        raise Conflict("This is your own account. Ask another administrator.")
    queries.hold_person(session, person_id)
    if queries.belongs_elsewhere(session, actor.tenant_id, person_id):
        raise Conflict(
            "This account belongs to another organisation, too. You can remove the person from yours."
        )
    return member


def _note(session: Session, kind: SecurityEvent, actor: Person, person_id: str) -> None:
    add_event(session, kind, parts().now(), person=actor, of=person_id)
