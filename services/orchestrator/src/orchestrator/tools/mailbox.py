"""Looking into a person's embedded mailbox through the mail server's own reading tools: no turn, no model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from pydantic import BaseModel, JsonValue

from orchestrator.tools.catalogue import Catalogue, CatalogueTool, partition
from orchestrator.tools.own_tools import KINDS, OwnServer, ask_own_tool, find_own_tool
from shared.errors import ExpectedError, NotFound
from shared.service_tokens import Principal
from shared.wire.mail import MailboxAccount

MAIL_SERVER = OwnServer("email", "The mail server")
READ_TIMEOUT_S = 15.0
ACCOUNTS_KEPT_S = 60.0
MAX_PERSONS_KEPT = 5_000
EMBEDDED = "embedded"

Answer = TypeVar("Answer", bound=BaseModel)


class _Account(BaseModel):
    """What the server says of an account; more than this page needs is passed over."""

    name: str
    kind: str
    address: str


class _Accounts(BaseModel):
    accounts: list[_Account]


class NoMailbox(NotFound):
    """There is no mail server, or no embedded mailbox of that name for this person."""

    code: ClassVar[str] = "no_mailbox"


@dataclass(frozen=True, slots=True)
class Look:
    """One reading call that is about to be made."""

    tool: CatalogueTool
    account: str
    arguments: dict[str, JsonValue]


@dataclass(slots=True)
class MailboxReader:
    """Reads mailboxes in a person's name. Only our own server is believed, and only its embedded accounts are shown."""

    catalogue: Catalogue
    _known: dict[str, tuple[float, list[MailboxAccount]]] = field(
        default_factory=dict[str, tuple[float, list[MailboxAccount]]]
    )
    """Person → when it was asked, and their embedded accounts: each page asks, and the server counts calls."""

    async def accounts(self, person: Principal) -> list[MailboxAccount]:
        """The person's embedded mailboxes; none when there is no mail server of ours. Raises like `answer`."""
        key, now = partition(person), time.monotonic()
        asked_at, accounts = self._known.get(key, (0.0, []))
        if key in self._known and now - asked_at < ACCOUNTS_KEPT_S:
            return accounts
        try:
            tool = await self._tool("list_accounts", person)
        except NoMailbox:
            return []
        said = await self.answer(Look(tool, "", {}), person, _Accounts)
        embedded = [
            MailboxAccount(name=one.name, address=one.address)
            for one in said.accounts
            if one.kind == EMBEDDED
        ]
        while len(self._known) >= MAX_PERSONS_KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = (now, embedded)
        return embedded

    async def look(
        self, tool: str, person: Principal, account: str, arguments: Mapping[str, JsonValue]
    ) -> Look:
        """Prepare a reading call for one embedded account; members that are None are left out.

        Raises:
            NoMailbox: the person has no embedded account of that name.
            Conflict: the tool's definition is not the one that was accepted.
        """
        if account not in {one.name for one in await self.accounts(person)}:
            raise NoMailbox("There is no such mailbox.")
        given = {name: value for name, value in arguments.items() if value is not None}
        return Look(await self._tool(tool, person), account, {**given, "account": account})

    async def answer(self, look: Look, person: Principal, shape: type[Answer]) -> Answer:
        """Make the call and read its answer.

        Raises:
            NotFound, InvalidInput, NotAllowed, TooManyRequests, Unavailable: the server says so.
            UpstreamFailed: it refused for another reason, or its answer cannot be read.
            ServerUnavailable, SignInRefused, CallTimedOut, BadAnswer, CallRefused: as with every call.
        """
        return await ask_own_tool(
            self.catalogue,
            look.tool,
            person,
            look.arguments,
            shape,
            label=MAIL_SERVER.label,
            timeout_s=READ_TIMEOUT_S,
            kinds=_KINDS,
        )

    async def _tool(self, name: str, person: Principal) -> CatalogueTool:
        tool = await find_own_tool(self.catalogue, person, MAIL_SERVER, name)
        if tool is None or not tool.reads_only:
            raise NoMailbox("There is no mailbox to look into.")
        return tool


_KINDS: dict[str, type[ExpectedError]] = {**KINDS, "unknown_account": NoMailbox}
