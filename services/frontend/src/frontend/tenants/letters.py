"""What an invitation looks like, as a link and as a mail."""

import structlog

from frontend.accounts.queries import Person
from frontend.parts import parts
from frontend.tenants.invitations import NewInvitation, Wish
from frontend.tenants.queries import get_tenant
from shared.errors import Unavailable

log = structlog.get_logger()


def link_of(token: str) -> str:
    return f"{parts().settings.origin}/invitation/{token}"


def deliver_invitation(actor: Person, wish: Wish, made: NewInvitation) -> tuple[str | None, str]:
    """Mail it where it is bound to an address. Gives to whom (None: nobody), and the link for its maker."""
    link = link_of(made.token)
    if wish.email is None or made.mailed_token is None:
        return None, link
    with parts().database.transaction() as session:
        tenant = get_tenant(session, actor.tenant_id)
    text = (
        f"{actor.name} invites you to join {tenant.name} at Steward as {wish.role}.\n\n"
        f"Open this link until {made.expires_at:%d %B %Y} (UTC):\n{link_of(made.mailed_token)}\n\n"
        "If you do not know what this is about, you need not do anything.\n"
    )
    try:
        parts().mailer.send(wish.email, f"{actor.name} invites you to {tenant.name}", text)
    except Unavailable:
        log.warning("invitation_not_mailed")
        return None, link
    return wish.email, link
