"""A mail server's desk: people who call the tools of mcp-email over the real protocol, in memory."""

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, cast

from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.server import MCPServer
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    RequestParamsMeta,
    TextContent,
)

from mcp_email.accounts import OpenAccount
from mcp_email.config import Account, Config, Limits, Policy, Server, embedded_config
from mcp_email.errors import NoSuchMail
from mcp_email.mail import Address, Flag, Folder, Outline, Page, Search, Summary
from mcp_email.mailbox import Mailbox
from mcp_email.parts import Parts, make_parts
from mcp_email.reading.attachment import RawMail
from mcp_email.reading.outline import outline_of
from mcp_email.sending.policy import AllowList
from mcp_email.sending.sender import SendingAccount
from mcp_email.server import build_server
from mcp_email.settings import Settings
from mcp_email.smtp import SmtpTransport
from shared.service_tokens import Principal

HOST = "https://host.example.org"
"""An issuer whose callers were asked by their host."""
ADA = Principal(subject="ada", tenant="acme", name="Ada Lovelace")
BOB = Principal(subject="bob", tenant="acme", name="Bob")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
GENEROUS: dict[str, float] = {
    "sends_a_minute": 1000,
    "a_day_to_one": 1000,
    "new_domains_a_day": 1000,
}
FOLDERS = {"INBOX": "inbox", "Sent": "sent", "Drafts": "drafts", "Trash": "trash"}


@dataclass
class _Kept:
    folder: str
    raw: bytes
    flags: set[Flag]
    number: int


@dataclass
class StandInMailbox:
    """A mailbox in memory that holds to the port."""

    owner: str
    mails: dict[str, _Kept] = field(default_factory=dict[str, _Kept])
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def put(self, raw: bytes, folder: str = "INBOX", flags: Collection[Flag] = ()) -> str:
        number = next(self._numbers)
        mail_id = f"{self.owner}-{number}"
        self.mails[mail_id] = _Kept(folder, raw, set(flags), number)
        return mail_id

    def in_folder(self, folder: str) -> list[bytes]:
        return [one.raw for one in self.mails.values() if one.folder == folder]

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def problem(self) -> str | None:
        return None

    async def folders(self) -> list[Folder]:
        return [
            Folder(name, cast("Any", role), len(self.in_folder(name)))
            for name, role in FOLDERS.items()
        ]

    def _kept(self, mail_id: str) -> _Kept:
        if mail_id not in self.mails:
            raise NoSuchMail("There is no such mail.")
        return self.mails[mail_id]

    def _outline(self, mail_id: str) -> Outline:
        kept = self._kept(mail_id)
        return outline_of(
            kept.raw,
            mail_id=mail_id,
            folder=kept.folder,
            received=NOON,
            flags=frozenset(kept.flags),
        )

    async def search(self, search: Search, limit: int, cursor: str | None) -> Page:
        start = int(cursor or 0)
        found = [
            mail
            for one in reversed(self.mails)
            if _fits(mail := self._outline(one).summary, self.mails[one].raw, search)
        ]
        more = str(start + limit) if len(found) > start + limit else None
        return Page(found[start : start + limit], more)

    async def outline(self, mail_id: str) -> Outline:
        return self._outline(mail_id)

    async def part(self, mail_id: str, number: str, max_bytes: int) -> tuple[bytes, bool]:
        return await RawMail(self._kept(mail_id).raw).part(mail_id, number, max_bytes)

    async def thread(self, mail_id: str, limit: int) -> list[Summary]:
        ids = _ids(self._outline(mail_id).summary)
        summaries = [self._outline(one).summary for one in self.mails]
        return [one for one in summaries if ids & _ids(one)][-limit:]

    async def find(self, message_id: str) -> list[Summary]:
        summaries = [self._outline(one).summary for one in self.mails]
        return [one for one in summaries if one.message_id == message_id]

    async def written_to(self, addresses: Collection[str]) -> frozenset[str]:
        sent = [
            self._outline(one).summary for one, kept in self.mails.items() if kept.folder == "Sent"
        ]
        return frozenset(to.spec for one in sent for to in one.to) & frozenset(addresses)

    async def save_draft(self, raw: bytes, replaces: str | None) -> str:
        if replaces is not None:
            await self.discard_draft(replaces)
        return self.put(raw, "Drafts")

    async def discard_draft(self, mail_id: str) -> None:
        if self._kept(mail_id).folder != "Drafts":
            raise NoSuchMail("There is no such draft.")
        del self.mails[mail_id]

    async def keep_sent(self, raw: bytes) -> None:
        if raw not in self.in_folder("Sent"):
            self.put(raw, "Sent", {"seen"})

    async def set_flags(
        self, mail_ids: Sequence[str], *, add: Collection[Flag], remove: Collection[Flag]
    ) -> None:
        for kept in [self._kept(one) for one in mail_ids]:
            kept.flags |= set(add)
            kept.flags -= set(remove)

    async def move_to_trash(self, mail_ids: Sequence[str]) -> None:
        for kept in [self._kept(one) for one in mail_ids]:
            kept.folder = "Trash"


def _fits(mail: Summary, raw: bytes, search: Search) -> bool:
    sender = f"{mail.sender.name} {mail.sender.spec}" if mail.sender else ""
    wanted = [
        (search.text, raw.decode("utf-8", "replace")),
        (search.subject, mail.subject),
        (search.sender, sender),
    ]
    is_there = mail.folder == search.folder if search.folder else mail.folder != "Trash"
    return is_there and all(text is None or text.lower() in where.lower() for text, where in wanted)


def _ids(mail: Summary) -> set[str]:
    return {mail.message_id, mail.in_reply_to, *mail.references} - {""}


def a_mail(
    sender: str = "Bob <bob@example.com>",
    to: str = "Ada Lovelace <ada@acme.example>",
    subject: str = "Lunch",
    text: str = "At noon?\n",
    html: str | None = None,
    files: Mapping[str, bytes] | None = None,
    **headers: str,
) -> bytes:
    """A mail as another program writes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = "Fri, 20 Nov 2026 09:00:00 +0000"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    if "Message_ID" not in headers:
        mail["Message-ID"] = f"<{abs(hash((sender, subject, text)))}@example.com>"
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for name, content in (files or {}).items():
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes().replace(b"\n", b"\r\n")


Answer = Callable[[str], ElicitResult]
"""What a person answers to a question's text."""


def says(*, send: bool) -> Answer:
    return lambda _: ElicitResult(action="accept", content={"send": send})


def closes(_: str) -> ElicitResult:
    return ElicitResult(action="cancel")


def declines(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


@dataclass
class Desk:
    """One person who calls the tools."""

    client: Client
    parts: Parts
    principal: Principal
    questions: list[str]

    async def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, key: str | None = None
    ) -> CallToolResult:
        meta = cast("RequestParamsMeta", {"io.steward/idempotency-key": key}) if key else None
        result = await self.client.call_tool(tool, dict(arguments or {}), meta=meta)
        assert isinstance(result, CallToolResult)
        return result

    async def ask(self, tool: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
        return answer(await self.call(tool, arguments, key))

    async def refused(self, tool: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
        return problem(await self.call(tool, arguments, key))


def answer(result: CallToolResult) -> dict[str, Any]:
    """What a call that worked gave."""
    assert not result.is_error, said(result)
    return cast("dict[str, Any]", result.structured_content)


def problem(result: CallToolResult) -> dict[str, Any]:
    """What was told of a call that did not."""
    assert result.is_error, result.structured_content
    return cast("dict[str, Any]", result.structured_content)


def said(result: CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def mailbox_of(desk: Desk, account: str = "mailbox") -> StandInMailbox:
    opened = desk.parts.accounts._opened  # pyright: ignore[reportPrivateUsage]
    person = (account, desk.principal.tenant, desk.principal.subject)
    return cast("StandInMailbox", opened[person].mailbox)


def stand_in(port: int, allow: list[str] | None) -> Callable[..., Awaitable[OpenAccount]]:
    """Opens a mailbox in memory for each person, whose mails go to a server on this port."""

    async def opened(name: str, account: Account, caller: Principal | None) -> OpenAccount:
        assert caller is not None
        server = Server(host="127.0.0.1", port=port, security="plain", timeout_s=5)
        sending = SendingAccount(
            name=name,
            sender=Address(f"{caller.subject}@acme.example", caller.name),
            mailbox=cast("Mailbox", StandInMailbox(caller.subject)),
            transport=SmtpTransport(server),
            limits=Limits.model_validate({**Limits().model_dump(), **GENEROUS}),
            allowed=None if allow is None else AllowList.of(allow),
        )
        config = account.model_copy(update={"policy": Policy(allow=allow)})
        return OpenAccount(config, sending)

    return opened


@asynccontextmanager
async def mail_desk(
    folder: Path,
    port: int,
    *,
    person: Principal = ADA,
    mode: Literal["auto", "legacy"] = "auto",
    person_says: Answer | None = None,
    allow: list[str] | None = None,
    config: Config | None = None,
    server: MCPServer[Any] | None = None,
    **settings: Any,
) -> AsyncGenerator[Desk]:
    """A server over mailboxes in memory. Without `person_says` the client cannot show questions."""
    chosen = Settings(data_dir=folder / "mail", confirming_issuers=[HOST], **settings)
    parts = make_parts(chosen, config or embedded_config(), stand_in(port, allow), person)
    questions: list[str] = []

    async def on_question(_: Any, params: ElicitRequestParams) -> ElicitResult:
        assert person_says is not None
        questions.append(params.message)
        return person_says(params.message)

    callback = cast("ElicitationFnT", on_question) if person_says else None
    made = server or build_server(chosen, parts)
    async with Client(made, mode=mode, elicitation_callback=callback) as client:
        desk = Desk(client, parts, person, questions)
        await desk.ask("list_accounts")  # so that the mailbox is there
        yield desk


def of_host(person: Principal) -> Principal:
    """The same person, calling through a host that asks."""
    return replace(person, issuer=HOST)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as another program reads it."""
    from email import policy
    from email.parser import BytesParser

    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)
