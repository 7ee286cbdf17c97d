"""Looking into a person's embedded mailbox through the mail server's own reading tools: no turn, no model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

import orjson
from mcp.types import CallToolResult
from pydantic import BaseModel, JsonValue, ValidationError

from orchestrator.tools.calls import without_question
from orchestrator.tools.catalogue import Catalogue, CatalogueTool, partition
from orchestrator.tools.results import outcome_of
from shared.errors import (
    Conflict,
    ExpectedError,
    InvalidInput,
    NotAllowed,
    NotFound,
    TooManyRequests,
    Unavailable,
    UpstreamFailed,
)
from shared.service_tokens import Principal
from shared.wire.mail import MailboxAccount

MAIL_SERVER = "email"
"""The name under which operators configure our mail server."""
READ_TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 2 * 1024 * 1024
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
        server = look.tool.server
        answer = without_question(
            await server.call(
                partition(person),
                self.catalogue.token_for(server, person),
                look.tool.tool.name,
                look.arguments,
                timeout_s=READ_TIMEOUT_S,
            )
        )
        if answer.is_error:
            raise _refusal(answer)
        said = answer.structured_content
        try:
            if len(orjson.dumps(said)) <= MAX_ANSWER_BYTES:
                return shape.model_validate(said)
        except ValidationError:
            pass
        raise UpstreamFailed("The mail server's answer cannot be read.")

    async def _tool(self, name: str, person: Principal) -> CatalogueTool:
        toolbox = await self.catalogue.toolbox(person)
        for server, problem in toolbox.problems:
            if server == MAIL_SERVER:
                raise Unavailable(problem.message)
        tool = toolbox.find(MAIL_SERVER, name)
        if tool is None or not tool.reads_only:
            raise NoMailbox("There is no mailbox to look into.")
        if tool.is_changed:
            raise Conflict(
                "The mail server's tools have changed since they were accepted. An administrator can look at the "
                "difference on the tools page."
            )
        return tool


_KINDS: dict[str, type[ExpectedError]] = {
    "not_found": NotFound,
    "unknown_account": NoMailbox,
    "invalid_argument": InvalidInput,
    "permission_denied": NotAllowed,
    "upstream_unavailable": Unavailable,
    "limit_exceeded": InvalidInput,
}
"""What the server's refusal is to whoever looks, by its code."""


def _refusal(answer: CallToolResult) -> ExpectedError:
    """In the server's own words, which are for people as well."""
    said = cast("dict[str, Any]", answer.structured_content or {})
    error = outcome_of(answer).error
    words = error.message if error else "The mail server did not answer."
    wait_s = said.get("retry_after_s")
    if isinstance(wait_s, int | float):
        return TooManyRequests(words, retry_after_s=float(wait_s))
    return _KINDS.get(str(said.get("code")), UpstreamFailed)(words)
