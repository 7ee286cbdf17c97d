"""What Steward itself wrote to people who have no mailbox here: for whoever runs it, on their own terminal."""

from email import message_from_bytes, policy

from mcp_email.embedded.store import EmbeddedStore, OutsideMail
from mcp_email.opening import MAILBOXES, system_mailbox
from mcp_email.settings import Settings
from shared.errors import BadSetup

SHOWN = 10


async def outbox(settings: Settings) -> str:
    """The latest ones, the newest last. Raises BadSetup."""
    if settings.system_sender is None:
        raise BadSetup("MCP_EMAIL_SYSTEM_SENDER is not set, so no such mail is kept here.")
    store = EmbeddedStore(settings.data_dir / MAILBOXES)
    store.start()
    try:
        mailbox = await system_mailbox(store, settings.system_sender)
        mails = await store.sent_outside(mailbox, SHOWN)
    finally:
        store.close()
    return "\n\n".join(_shown(mail) for mail in reversed(mails)) or "Nothing was sent yet."


def _shown(mail: OutsideMail) -> str:
    message = message_from_bytes(mail.raw, policy=policy.default)
    body = message.get_body(("plain",))
    text = str(body.get_content()).strip() if body else ""
    at = f"{mail.received:%Y-%m-%d %H:%M} UTC"
    return f"{at}  to {', '.join(mail.recipients)}: {message['Subject']}\n\n{text}"
