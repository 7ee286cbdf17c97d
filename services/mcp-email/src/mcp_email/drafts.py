"""Keeps letters as drafts in the person's own mailbox: as often as a call is repeated, one draft."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mcp_email.accounts import OpenAccount
from mcp_email.letters import Letter
from mcp_email.mailbox import Mailbox
from mcp_email.sending.compose import compose_draft
from mcp_email.sending.plan import Sending, message_id_for, planned
from mcp_email.sending.sender import Sender
from shared.service_tokens import Principal


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that is kept."""

    id: str
    message_id: str
    repeated: bool = False
    """An earlier call with this key kept it."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Writes drafts of all accounts."""

    sender: Sender
    now_s: Callable[[], float]

    def planned(self, letter: Letter) -> Sending:
        """The draft as it would be kept. Raises BadAddress, BadContent, MailTooLarge."""
        account = letter.account.sending
        return planned(
            letter.wanted, account.sender, account.reply_to, account.limits, is_draft=True
        )

    async def keep(self, caller: Principal, letter: Letter, key: str | None) -> Draft:
        """Put it into the drafts folder, in place of the one that it replaces.

        Under the same key the same content is kept once. Drafts may be to anybody: nothing leaves.

        Raises:
            BadAddress, BadContent, MailTooLarge: it could not be sent like this either.
            NoSuchMail: an attachment, or the draft to replace. MailboxAway: nothing was kept.
        """
        account = letter.account
        sending = self.planned(letter)
        message_id = await self._message_id(caller, account, sending, key)
        if key is not None:
            known = await _draft_with(account.mailbox, message_id)
            if known is not None:
                return Draft(known, message_id, repeated=True)
        contents = await self._contents(caller, sending)
        date = datetime.fromtimestamp(self.now_s(), UTC)
        raw = await asyncio.to_thread(compose_draft, sending.plan(message_id, date), contents)
        return Draft(await account.mailbox.save_draft(raw, letter.draft_id), message_id)

    async def _message_id(
        self, caller: Principal, account: OpenAccount, sending: Sending, key: str | None
    ) -> str:
        secret = await asyncio.to_thread(self.sender.ledger.message_key)
        told = f"draft:{key or secrets.token_hex(16)}:{sending.digest}"
        return message_id_for(
            secret, sending.sender, caller.tenant, caller.subject, account.name, told
        )

    async def _contents(self, caller: Principal, sending: Sending) -> Mapping[str, bytes]:
        return {
            one.handle: await asyncio.to_thread(self.sender.attachments.read, caller, one.handle)
            for one in sending.wanted.attachments
        }


async def _draft_with(mailbox: Mailbox, message_id: str) -> str | None:
    drafts = {folder.name for folder in await mailbox.folders() if folder.role == "drafts"}
    found = await mailbox.find(message_id)
    return next((mail.id for mail in found if mail.folder in drafts), None)
