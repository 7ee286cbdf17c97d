"""Opens the accounts of the configuration: mailboxes on mail servers, and those that are kept here."""

import re
import unicodedata
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx

from mcp_email.accounts import OpenAccount
from mcp_email.addresses import looks_like_address, parse_address
from mcp_email.config import Account, Config, Server
from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.seed import seed
from mcp_email.embedded.store import EmbeddedStore, Seed
from mcp_email.errors import BadAddress, BadContent
from mcp_email.header_text import header_text
from mcp_email.imap.mailbox import ImapMailbox
from mcp_email.mail import Address
from mcp_email.oauth import AccessTokens
from mcp_email.sending.policy import AllowList
from mcp_email.sending.sender import SendingAccount
from mcp_email.settings import Settings
from mcp_email.smtp import SmtpTransport
from shared.errors import BadSetup
from shared.service_tokens import Principal
from shared.untrusted.characters import clean_line

EMBEDDED_DOMAIN = "tidewater.example"
"""The sample agency's, so that its people are not strangers. Nobody else can have it (RFC 2606)."""

MAILBOXES = "mailboxes.db"
"""In the data folder."""

MAX_NAME = 100
"""Characters of a person's name."""


@dataclass(slots=True)
class Opener:
    """Belongs to one event loop."""

    settings: Settings
    config: Config
    seeded: Seed = seed
    """What an embedded mailbox begins with."""
    _store: EmbeddedStore | None = field(default=None, init=False)
    _resources: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _http: httpx.AsyncClient | None = field(default=None, init=False)

    async def start(self) -> None:
        """Let the embedded mailboxes take mail in, where there are any. Raises BadSetup."""
        if any(account.kind == "embedded" for account in self.config.accounts.values()):
            store = EmbeddedStore(self.settings.data_dir / MAILBOXES, self.seeded)
            store.start()
            self._resources.callback(store.close)
            if self.settings.system_sender is not None:
                await system_mailbox(store, self.settings.system_sender)
            listener = store.listen(self.settings.listen_host, self.settings.listen_port)
            await self._resources.enter_async_context(listener)
            self._store = store

    async def close(self) -> None:
        """Let go."""
        await self._resources.aclose()
        self._store = self._http = None

    async def open(self, name: str, account: Account, caller: Principal | None) -> OpenAccount:
        """This account; of this person, where each has a mailbox of their own. Raises BadSetup, MailboxAway."""
        if account.kind == "embedded":
            assert caller is not None  # noqa: S101 - belongs to somebody
            return await self._embedded(name, account, caller)
        return self._server(name, account)

    async def remove_tenant(self, tenant: str) -> bool:
        """A part of its embedded mailboxes. Whether there is none. Raises MailboxAway."""
        return self._store is None or await self._store.remove_part(tenant)

    async def _embedded(self, name: str, account: Account, caller: Principal) -> OpenAccount:
        assert self._store is not None  # noqa: S101 - started
        address = account.address or f"{_local_part(caller)}@{EMBEDDED_DOMAIN}"
        wanted = _own(name, address, account.name or _name_of(caller))
        mailbox = await self._store.mailbox(
            caller.tenant, caller.subject, name, wanted.spec, wanted.name
        )
        sender = Address(mailbox.address, mailbox.name)
        return OpenAccount(
            account,
            SendingAccount(
                name=name,
                sender=sender,
                mailbox=mailbox,
                transport=self._store.transport(),
                **self._rules(name, account),
            ),
        )

    def _server(self, name: str, account: Account) -> OpenAccount:
        assert account.address is not None  # noqa: S101 - checked with the configuration
        assert account.imap is not None  # noqa: S101 - checked with the configuration
        limits, imap = self.config.limits_of(name), account.imap
        smtp = account.smtp or imap
        tokens = self._tokens(imap)
        sending = SendingAccount(
            name=name,
            sender=_own(name, account.address, account.name),
            mailbox=ImapMailbox(name, account, limits, tokens),
            transport=SmtpTransport(
                smtp, tokens=tokens if smtp.oauth == imap.oauth else self._tokens(smtp)
            ),
            **self._rules(name, account),
        )
        return OpenAccount(account, sending, can_send=account.smtp is not None)

    def _rules(self, name: str, account: Account) -> dict[str, Any]:
        policy = account.policy
        return {
            "limits": self.config.limits_of(name),
            "reply_to": _own(name, account.reply_to) if account.reply_to else None,
            "allowed": None if policy.allow is None else AllowList.of(policy.allow),
            "own_domains": frozenset(policy.own_domains),
            "keep_sent": account.keep_sent,
        }

    def _tokens(self, server: Server) -> AccessTokens | None:
        if server.oauth is None:
            return None
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=server.timeout_s)
            self._resources.push_async_callback(self._http.aclose)
        return AccessTokens(server.oauth, self._http)


async def system_mailbox(store: EmbeddedStore, sender: str) -> EmbeddedMailbox:
    """That of Steward itself, which is nobody's: no tenant has its name."""
    return await store.mailbox("", "", "system", sender, "Steward")


def _own(account: str, address: str, name: str = "") -> Address:
    """The owner's address in the form in which mails name it, as strictly read as any other. Raises BadSetup."""
    try:
        spec = parse_address(address, "address").spec
        return Address(spec, " ".join(header_text(name, "name").split()))
    except (BadAddress, BadContent) as error:
        raise BadSetup(f"accounts.{account}: {error.message}") from None


def _name_of(caller: Principal) -> str:
    """As the sign-in service tells it, where it can stand in a header."""
    name = clean_line(caller.name, MAX_NAME)
    return "" if "=?" in name or looks_like_address(name) else name


def _local_part(caller: Principal) -> str:
    """Of the person's name: ada.lovelace."""
    plain = unicodedata.normalize("NFKD", caller.name or caller.subject)
    words = re.findall(r"[a-z0-9]+", plain.encode("ascii", "ignore").decode().lower())
    return ".".join(words)[:40].strip(".") or "me"
