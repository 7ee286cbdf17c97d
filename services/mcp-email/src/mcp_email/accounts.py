"""Whose mailbox is whose: finds a caller's accounts and keeps them open."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from mcp_email.config import Account, Config
from mcp_email.errors import MailboxAway, NoSuchAccount
from mcp_email.mailbox import Mailbox
from mcp_email.sending.sender import SendingAccount
from shared.mcp_server import InvalidArguments
from shared.service_tokens import Principal

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account of a caller, ready to be used."""

    config: Account
    sending: SendingAccount
    can_send: bool = True

    @property
    def name(self) -> str:
        return self.sending.name

    @property
    def mailbox(self) -> Mailbox:
        return self.sending.mailbox


class Opening(Protocol):
    """Opens accounts."""

    async def start(self) -> None:
        """Before anything is opened. Raises BadSetup."""
        ...

    async def open(self, name: str, account: Account, caller: Principal | None) -> OpenAccount:
        """The account of this name; for the person, where each has a mailbox of their own."""
        ...

    async def remove_tenant(self, tenant: str) -> bool:
        """Delete a part of the mailboxes that are kept here for a tenant. Whether there is none. Raises MailboxAway."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Accounts:
    """All accounts of the configuration. Belongs to one event loop."""

    config: Config
    opening: Opening
    _opened: dict[tuple[str, ...], OpenAccount] = field(
        default_factory=dict[tuple[str, ...], OpenAccount], init=False
    )
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def start(self) -> None:
        """Connect to the mail servers once. Raises BadSetup: one refuses us, with what to change.

        One that cannot be reached stops nobody: it may come back, and `problems` says so.
        """
        await self.opening.start()
        for name, account in self.config.accounts.items():
            if account.kind == "server":
                opened = await self._get(name, account, None)
                try:
                    await opened.mailbox.start()
                except MailboxAway as error:
                    log.warning("mail_server_away", account=name, problem=error.message)

    async def close(self) -> None:
        """Let connections go."""
        for opened in self._opened.values():
            await opened.mailbox.close()
        self._opened.clear()
        await self.opening.close()

    def names_of(self, caller: Principal) -> list[str]:
        """The caller's accounts, in the order of the file."""
        return [name for name, one in self.config.accounts.items() if one.belongs_to(caller)]

    async def choose(self, caller: Principal, name: str | None) -> OpenAccount:
        """The account of this name, or the only one.

        Raises:
            NoSuchAccount: it is not there, or not this caller's.
            InvalidArguments: several, and none is named.
        """
        names = self.names_of(caller)
        if name is None and len(names) > 1:
            raise InvalidArguments(f"You have several accounts; name one: {', '.join(names)}.")
        chosen = name or next(iter(names), "")
        if chosen not in names:
            raise NoSuchAccount(
                f"You have no account {chosen!r}." if chosen else "You have no mail account.",
                hint=f"Yours: {', '.join(names)}." if names else None,
            )
        return await self._get(chosen, self.config.accounts[chosen], caller)

    async def all_of(self, caller: Principal) -> list[OpenAccount]:
        """Every account of the caller."""
        return [await self.choose(caller, name) for name in self.names_of(caller)]

    def opened_for(self, person: str, name: str) -> SendingAccount | None:
        """An account that is open, by the person's directory name and its own: for copies that are still due."""
        tenant, _, subject = person.partition("/")
        is_clear = "/" not in subject  # Else two persons share the directory name.
        opened = self._opened.get((name, tenant, subject)) if is_clear else None
        opened = opened or self._opened.get((name,))
        return opened.sending if opened else None

    async def remove_tenant(self, tenant: str) -> bool:
        """As `Opening.remove_tenant`. What was open of it is not any more."""
        async with self._lock:
            for key in [key for key in self._opened if len(key) > 1 and key[1] == tenant]:
                await self._opened.pop(key).mailbox.close()
        return await self.opening.remove_tenant(tenant)

    async def problems(self) -> Mapping[str, str | None]:
        """Server accounts → why their mailbox cannot be used right now."""
        return {
            f"account {opened.name}": await _problem(opened)
            for opened in list(self._opened.values())
            if opened.config.kind == "server"
        }

    async def _get(self, name: str, account: Account, caller: Principal | None) -> OpenAccount:
        is_personal = account.kind == "embedded" and caller is not None
        key = (name, caller.tenant, caller.subject) if is_personal and caller else (name,)
        async with self._lock:
            if key not in self._opened:
                self._opened[key] = await self.opening.open(name, account, caller)
            return self._opened[key]


async def _problem(opened: OpenAccount) -> str | None:
    try:
        return await opened.mailbox.problem() or (
            await opened.sending.transport.problem() if opened.can_send else None
        )
    except MailboxAway as error:
        return error.message
