"""What an invitation looks like, as a link and as a mail."""

import structlog

from frontend.accounts.queries import Person
from frontend.accounts.security_events import SecurityEvent, record
from frontend.parts import parts
from frontend.tenants.invitations import NewInvitation, Wish
from frontend.tenants.queries import get_tenant
from shared.errors import TooManyRequests, Unavailable

log = structlog.get_logger()


def link_of(token: str) -> str:
    return f"{parts().settings.origin}/invitation/{token}"


def deliver_invitation(actor: Person, wish: Wish, made: NewInvitation) -> tuple[str | None, str]:
    """Mail it where it is bound to an address, unless that was mailed too often already (FRONTEND_MAILS_AN_HOUR).

    Gives to whom (None: nobody), and the link for its maker.
    """
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
        parts().mail_limit.take(wish.email)
        parts().mailer.send(wish.email, f"{actor.name} invites you to {tenant.name}", text)
    except TooManyRequests:
        record(SecurityEvent.MAIL_HELD_BACK, person=actor, email=wish.email)
        return None, link
    except Unavailable:
        log.warning("invitation_not_mailed")
        return None, link
    return wish.email, link
