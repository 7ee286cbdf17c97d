"""What the tools work with, put together from settings and configuration. Nothing is connected before it starts."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from mcp_email.accounts import Accounts, Opening
from mcp_email.attachments import AttachmentStore
from mcp_email.config import Config
from mcp_email.drafts import Drafts
from mcp_email.errors import LedgerAway, TooManyCalls
from mcp_email.letters import Writer
from mcp_email.sending.ledger import Ledger
from mcp_email.sending.sender import Sender
from mcp_email.sending.spool import Spool
from mcp_email.sending.store import open_store
from mcp_email.settings import Settings
from mcp_email.templates import Template, load_templates
from shared.errors import BadSetup, TooManyRequests
from shared.local_rate_limit import LocalRateLimit
from shared.mcp_server import current_principal, signed_in
from shared.service_tokens import Principal

COPIES_EVERY_S = 300.0
CLOSE_WITHIN_S = 3.0

log = structlog.get_logger()


@dataclass(slots=True)
class Parts:
    """All of it. Belongs to one event loop."""

    settings: Settings
    accounts: Accounts
    sender: Sender
    writer: Writer
    drafts: Drafts
    templates: Mapping[str, Template]
    rate: LocalRateLimit
    """Of a person's reading."""
    local: Principal | None = None
    """The caller when there is no token: the local user over stdio."""
    _copies: "asyncio.Task[None] | None" = field(default=None, init=False)

    async def start(self) -> None:
        """Connect, and begin to mend what a crash left; once. Raises BadSetup."""
        if self._copies is not None:
            return
        await self.accounts.start()
        self._copies = asyncio.create_task(self._keep_copies())

    async def close(self) -> None:
        """Stop what has not left, and let go."""
        if self._copies is not None:
            self._copies.cancel()
            await asyncio.gather(self._copies, return_exceptions=True)
            self._copies = None
        await self.sender.close(CLOSE_WITHIN_S)
        await self.accounts.close()

    async def problems(self) -> Mapping[str, str | None]:
        """What the server cannot work without → why it does not work right now."""
        return {"ledger": await asyncio.to_thread(self._ledger_problem)} | dict(
            await self.accounts.problems()
        )

    async def remove_tenant(self, tenant: str) -> bool:
        """Delete a part of what is kept of a tenant. Whether nothing is left. Raises MailboxAway, LedgerAway.

        Mail on a server of the organisation's own is not ours to delete.
        """
        if not await self.accounts.remove_tenant(tenant):
            return False
        await asyncio.to_thread(self.sender.remove_tenant, tenant)
        return True

    def principal(self) -> Principal | None:
        return current_principal(self.local)

    def caller(self) -> Principal:
        """Raises Refused: nobody is signed in."""
        return signed_in(self.principal())

    def reader(self) -> Principal:
        """The caller of a tool that reads, counted. Raises Refused, TooManyCalls."""
        caller = self.caller()
        try:
            self.rate.take((caller.tenant, caller.subject))
        except TooManyRequests as error:
            raise TooManyCalls(
                f"More than {self.rate.per_minute} calls in a minute.",
                hint=f"Wait {error.retry_after_s:g} s.",
                retry_after_s=error.retry_after_s,
                limit="reads_per_minute",
            ) from None
        return caller

    def _ledger_problem(self) -> str | None:
        try:
            self.sender.ledger.message_key()
        except LedgerAway as error:
            return error.message
        return None

    async def _keep_copies(self) -> None:
        while True:
            try:
                await self.sender.keep_copies(self.accounts.opened_for)
            except LedgerAway:
                log.warning("copies_not_kept")  # Tried again; sending says so, too.
            await asyncio.sleep(COPIES_EVERY_S)


def make_parts(
    settings: Settings, config: Config, opening: Opening, local: Principal | None = None
) -> Parts:
    """Open what is configured. Raises BadSetup: with the sentence to show."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetup(f"MCP_EMAIL_DATA_DIR, {folder}: {error.strerror}.") from None
    attachments = AttachmentStore(folder / "attachments", time.time)
    spool = Spool(folder / "spool")
    attachments.prepare()
    spool.prepare()
    store = open_store(settings.ledger_url or folder / "ledger.db")
    sender = Sender(Ledger(store), attachments, spool, time.time)
    return Parts(
        settings=settings,
        accounts=Accounts(config, opening),
        sender=sender,
        writer=Writer(attachments),
        drafts=Drafts(sender, time.time),
        templates=load_templates(config.templates) if config.templates else {},
        rate=LocalRateLimit(settings.reads_per_minute),
        local=local,
    )
