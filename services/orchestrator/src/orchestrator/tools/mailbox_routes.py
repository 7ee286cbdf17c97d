"""A person's embedded mailbox over HTTP, to be read. The person's click asks; no model sees any of it.

Every look is audited before it is made, with a digest of what was asked.
"""

from typing import Annotated, TypeVar, cast

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, JsonValue

from orchestrator.audit.canonical import digest
from orchestrator.audit.models import AuditKind
from orchestrator.audit.queries import record
from orchestrator.deps import Caller, Db, Now
from orchestrator.policy.rules import Policy
from orchestrator.tools.mailbox import MailboxReader
from orchestrator.tools.own_tools import require_allowed
from shared.wire.mail import MailboxList, MailEntries, MailFolders, MailRead

MAILS_OF_A_PAGE = 30
CHARACTERS_OF_A_PAGE = 40_000

router = APIRouter(prefix="/v1/mailbox", tags=["mailbox"])


def _reader(request: Request) -> MailboxReader:
    return cast(MailboxReader, request.app.state.mailbox_reader)


def _policy(request: Request) -> Policy:
    return cast(Policy, request.app.state.policy)


Reader = Annotated[MailboxReader, Depends(_reader)]
Rules = Annotated[Policy, Depends(_policy)]
Account = Annotated[str, Query(min_length=1, max_length=200)]
Folder = Annotated[str | None, Query(min_length=1, max_length=500)]
Words = Annotated[str | None, Query(min_length=1, max_length=200)]

Answer = TypeVar("Answer", bound=BaseModel)


class _Looker:
    """Whoever makes one request, and all that a look on their behalf needs."""

    def __init__(self, caller: Caller, reader: Reader, rules: Rules, db: Db, now: Now) -> None:
        self._caller, self._reader, self._rules = caller, reader, rules
        self._db, self._now = db, now

    async def read(
        self, tool: str, account: str, shape: type[Answer], **arguments: JsonValue
    ) -> Answer:
        """Judge, note and make one reading call."""
        look = await self._reader.look(tool, self._caller, account, arguments)
        require_allowed(look.tool, look.arguments, self._caller, self._rules)
        async with self._db.writing() as session:
            await record(
                session,
                self._caller.tenant,
                AuditKind.MAILBOX_READ,
                self._now,
                person=self._caller.subject,
                body={
                    "server": look.tool.server.key,
                    "tool": look.tool.tool.name,
                    "definition_hash": look.tool.definition_hash,
                    "account": look.account,
                    "arguments_sha256": digest(look.arguments),
                    "session": self._caller.session,
                },
            )
        return await self._reader.answer(look, self._caller, shape)


Looker = Annotated[_Looker, Depends(_Looker)]


@router.get("")
async def list_mailboxes(caller: Caller, reader: Reader) -> MailboxList:
    """Your mailboxes that live on this machine. None when there is no mail server of ours, or it sends for real.

    Not audited: it tells no mail, and pages ask it to know whether they link to the mailbox.
    """
    return MailboxList(accounts=await reader.accounts(caller))


@router.get("/folders")
async def list_folders(looker: Looker, account: Account) -> MailFolders:
    """The folders of a mailbox, the inbox first."""
    return await looker.read("list_folders", account, MailFolders)


@router.get("/mails")
async def list_mails(
    looker: Looker,
    account: Account,
    folder: Folder = None,
    text: Words = None,
    unread: bool = False,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
) -> MailEntries:
    """Mails of a folder (without one: all but trash and junk), the newest first, at most 30."""
    return await looker.read(
        "search_email",
        account,
        MailEntries,
        folder=folder,
        text=text,
        unread=True if unread else None,
        cursor=cursor,
        limit=MAILS_OF_A_PAGE,
    )


@router.get("/mail")
async def read_mail(
    looker: Looker,
    account: Account,
    id: Annotated[str, Query(min_length=1, max_length=1_000)],  # noqa: A002 - the query's name
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> MailRead:
    """A mail as text, from `offset` on. It stays unread, and nothing is loaded from elsewhere."""
    return await looker.read(
        "read_email", account, MailRead, id=id, offset=offset, max_chars=CHARACTERS_OF_A_PAGE
    )
