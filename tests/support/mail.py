"""People who call the tools of mcp-email over the real protocol, in memory, on embedded mailboxes."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Literal, cast

from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.types import (
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
)
from support.tool_calls import answer, call_tool, problem
from typing_extensions import override

from mcp_email.accounts import OpenAccount
from mcp_email.config import Account, Config, Limits, Policy, Server
from mcp_email.embedded.mailbox import EmbeddedMailbox
from mcp_email.embedded.seed import Seeded
from mcp_email.embedded.store import EmbeddedStore, Seed
from mcp_email.mail import Address, Search, Summary
from mcp_email.opening import Opener
from mcp_email.parts import Parts, make_parts
from mcp_email.reading.outline import outline_of
from mcp_email.server import build_server
from mcp_email.settings import Settings
from mcp_email.smtp import SmtpTransport
from shared.service_tokens import Principal

HOST = "https://host.example.org"
"""An issuer whose callers were asked by their host."""
ADA = Principal(subject="ada", tenant="acme", name="Ada Lovelace")
BOB = Principal(subject="bob", tenant="acme", name="Bob")
TIMEOUT_S = 5.0
GENEROUS: dict[str, float] = {
    "sends_a_minute": 1000,
    "a_day_to_one": 1000,
    "new_domains_a_day": 1000,
}


def nothing(_: Address, __: datetime) -> Sequence[Seeded]:
    """An empty mailbox to begin with."""
    return []


NOTHING: Seed = nothing


def a_mail(
    sender: str = "Bob <bob@example.com>",
    to: str = "Ada Lovelace <ada.lovelace@tidewater.example>",
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
        mail["Message-ID"] = f"<{_digest(sender, subject, text)}@example.com>"
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for name, content in (files or {}).items():
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes().replace(b"\n", b"\r\n")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:20]


Answer = Callable[[str], ElicitResult]
"""What a person answers to a question's text."""


def says(*, send: bool) -> Answer:
    return lambda _: ElicitResult(action="accept", content={"send": send})


def closes(_: str) -> ElicitResult:
    return ElicitResult(action="cancel")


def declines(_: str) -> ElicitResult:
    return ElicitResult(action="decline")


@dataclass(slots=True)
class PostOffice(Opener):
    """Opens embedded mailboxes whose mails leave over the port given, where one is."""

    smtp_port: int | None = None
    limits: Mapping[str, float] = field(default_factory=dict[str, float])

    @override
    async def open(self, name: str, account: Account, caller: Principal | None) -> OpenAccount:
        opened = await Opener.open(self, name, account, caller)
        limits = {**opened.sending.limits.model_dump(), **GENEROUS, **self.limits}
        sending = replace(opened.sending, limits=Limits.model_validate(limits))
        if self.smtp_port is not None:
            server = Server(
                host="127.0.0.1", port=self.smtp_port, security="plain", timeout_s=TIMEOUT_S
            )
            sending = replace(sending, transport=SmtpTransport(server))
        return replace(opened, sending=sending)

    @property
    def store(self) -> EmbeddedStore:
        assert self._store is not None
        return self._store


@dataclass
class Desk:
    """A person who calls the tools."""

    client: Client
    parts: Parts
    office: PostOffice
    questions: list[str]

    def sits_down(self, person: Principal) -> None:
        """From now on another person calls."""
        self.parts.local = person

    async def mailbox(self) -> EmbeddedMailbox:
        """The caller's own."""
        opened = await self.parts.accounts.choose(self.parts.caller(), None)
        return cast("EmbeddedMailbox", opened.mailbox)

    async def receives(self, raw: bytes) -> str:
        """A mail arrives from outside; its id."""
        mailbox = await self.mailbox()
        await self.office.store.deliver("outside@example.com", [mailbox.address], raw)
        message_id = outline_of(raw).summary.message_id
        return next(one.id for one in await mailbox.find(message_id) if one.folder == "Inbox")

    async def left(self) -> list[EmailMessage]:
        """What went to people outside, the newest first."""
        sent = await self.office.store.sent_outside(await self.mailbox(), 100)
        return [parsed(one.raw) for one in sent]

    async def in_folder(self, name: str) -> list[Summary]:
        return (await (await self.mailbox()).search(Search(folder=name), 100, None)).mails

    async def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, key: str | None = None
    ) -> CallToolResult:
        return await call_tool(self.client, tool, arguments, key)

    async def ask(self, tool: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
        return answer(await self.call(tool, arguments, key))

    async def refused(self, tool: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
        return problem(await self.call(tool, arguments, key))


@asynccontextmanager
async def mail_desk(
    folder: Path,
    *,
    person: Principal = ADA,
    mode: Literal["auto", "legacy"] = "auto",
    person_says: Answer | None = None,
    allow: list[str] | None = None,
    smtp_port: int | None = None,
    templates: Path | None = None,
    limits: Mapping[str, float] | None = None,
    seeded: Seed = NOTHING,
    **settings: Any,
) -> AsyncGenerator[Desk]:
    """A server over embedded mailboxes. Without `person_says` the client cannot show questions.

    `smtp_port`: mails leave to a server of the test's, not to the embedded one.
    """
    chosen = Settings(data_dir=folder / "mail", confirming_issuers=[HOST], **settings)
    account = Account(kind="embedded", policy=Policy(allow=allow))
    config = Config(accounts={"mailbox": account}, templates=templates)
    office = PostOffice(chosen, config, seeded, smtp_port, limits or {})
    parts = make_parts(chosen, config, office, person)
    questions: list[str] = []

    async def on_question(_: Any, params: ElicitRequestParams) -> ElicitResult:
        assert person_says is not None
        questions.append(params.message)
        return person_says(params.message)

    callback = cast("ElicitationFnT", on_question) if person_says else None
    server = build_server(chosen, parts)
    async with Client(server, mode=mode, elicitation_callback=callback) as client:
        yield Desk(client, parts, office, questions)


def of_host(person: Principal) -> Principal:
    """The same person, calling through a host that asks."""
    return replace(person, issuer=HOST)


def parsed(raw: bytes) -> EmailMessage:
    """A mail as another program reads it."""
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)


def text_in(mail: EmailMessage, kind: Literal["plain", "html"] = "plain") -> str:
    """Its text of this kind, with plain ends of lines."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")
