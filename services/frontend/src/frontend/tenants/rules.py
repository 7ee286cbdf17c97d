"""What a role may do to another, how long a deletion can be taken back, and what it then waits for."""

from datetime import timedelta

from frontend.accounts.roles import Role

GRACE = timedelta(days=14)
SETTLED = timedelta(minutes=10)
"""After nobody is let in any more, tokens that were given out before have ended: they are good for 5 minutes."""
MAX_NAME_CHARACTERS = 100


def may_manage(actor: Role, role: Role) -> bool:
    """Whether somebody may change people who have a role, and give it to others."""
    return actor is Role.OWNER or (actor is Role.ADMIN and role is not Role.OWNER)


def manageable_by(actor: Role) -> list[Role]:
    """From the one who may do most to the one who may do least."""
    return [role for role in Role if may_manage(actor, role)]


def lesser(one: Role, other: Role) -> Role:
    """Whichever of two may do less."""
    order = list(Role)
    return max(one, other, key=order.index)


def problem_with_tenant_name(name: str) -> str | None:
    """What is wrong with a name without spaces around; None when nothing is."""
    if not name or not name.isprintable():
        return "Please say what the organisation is called."
    if len(name) > MAX_NAME_CHARACTERS:
        return f"The name can have at most {MAX_NAME_CHARACTERS} characters."
    return None
