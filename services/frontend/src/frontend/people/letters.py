"""How somebody whose sign-in was reset gets in again."""

import structlog

from frontend.parts import parts
from frontend.people.acts import Reset
from shared.errors import Unavailable

log = structlog.get_logger()


def deliver_reset(reset: Reset) -> tuple[str | None, str | None]:
    """To whom the link was mailed, and the link itself where it could not be: one of both is None."""
    link = f"{parts().settings.origin}/sign-in/link/{reset.token}"
    if not parts().mailer.is_ready:
        return None, link
    text = (
        "An administrator of your organisation has reset your sign-in at Steward.\n\n"
        f"Open this link within a day to sign in, and set a new password then:\n{link}\n"
    )
    try:
        parts().mailer.send(reset.member.email, "Sign in again", text)
    except Unavailable:
        log.warning("reset_not_mailed")
        return None, link
    return reset.member.email, None
