"""Making and revoking keys, each with its security event."""

from frontend.accounts.queries import Person
from frontend.accounts.roles import Role
from frontend.accounts.security_events import SecurityEvent, add_event
from frontend.api_keys import queries
from frontend.api_keys.queries import ApiKey, KeyWish
from frontend.api_keys.scopes import is_scope
from frontend.parts import parts
from frontend.tenants.queries import held_role, require_power_over
from shared.errors import InvalidInput, NotAllowed

MAX_NAME_CHARACTERS = 100


def make_key(actor: Person, wish: KeyWish) -> tuple[ApiKey, str]:
    """The key as it is listed, and the key itself: shown now and never again.

    Raises:
        InvalidInput: no name, no scope, or an unknown one. NotAllowed: more than the maker may. Conflict.
    """
    _check(wish)
    now = parts().now()
    with parts().database.transaction() as session:
        acting = held_role(session, actor)
        require_power_over(acting, Role.ADMIN)
        require_power_over(acting, wish.role)
        if actor.scopes is not None:
            raise NotAllowed("A key cannot make keys.")
        key_id, key = queries.add_key(session, actor, wish, now)
        made = queries.get_key(session, actor.tenant_id, key_id)
        facts = {"key": made.prefix, "role": made.role, "scopes": " ".join(made.scopes)}
        add_event(session, SecurityEvent.KEY_MADE, now, person=actor, **facts)
    return made, key


def revoke_key(actor: Person, key_id: str) -> None:
    """It is refused from the next request on. Raises NotFound; NotAllowed."""
    now = parts().now()
    with parts().database.transaction() as session:
        require_power_over(held_role(session, actor), Role.ADMIN)
        key = queries.get_key(session, actor.tenant_id, key_id)
        if queries.revoke_key(session, actor.tenant_id, key_id, now):
            add_event(session, SecurityEvent.KEY_REVOKED, now, person=actor, key=key.prefix)


def _check(wish: KeyWish) -> None:
    if not wish.name or not wish.name.isprintable() or len(wish.name) > MAX_NAME_CHARACTERS:
        raise InvalidInput(f"Say in up to {MAX_NAME_CHARACTERS} characters what the key is for.")
    if not wish.scopes:
        raise InvalidInput("Choose at least one thing that the key may be used for.")
    unknown = [scope for scope in wish.scopes if not is_scope(scope)]
    if unknown:
        raise InvalidInput("There is no such scope.", scopes=[*sorted(unknown)[:10]])
