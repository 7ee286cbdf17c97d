"""A mail server's tools for tests: a small mailbox to look into, and a send with a preview. Real MCP over HTTP."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from mcp.types import CallToolResult, TextContent, ToolAnnotations
from starlette.applications import Starlette

from shared.mcp_server import Problem, ToolServer
from shared.scopes import RESOURCES

READS = ToolAnnotations(read_only_hint=True, open_world_hint=True)
SENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
Json = dict[str, Any]

ADA: Json = {"name": "Ada Lovelace", "spec": "ada@acme.example"}
LEE: Json = {"name": "Lee", "spec": "lee@other.example"}
LINK: Json = {"text": "acme.example", "url": "https://acme-example.test/in", "host_mismatch": True}
WARNING = "Outside your organisation: lee@other.example."


def mail(mail_id: str, **changes: Any) -> Json:
    """A mail as `search_email` lists it."""
    return {
        "id": mail_id,
        "folder": "INBOX",
        "from": LEE,
        "to": [ADA],
        "subject": f"Subject of {mail_id}",
        "date": "2026-11-20T08:15:00+00:00",
        "received": "2026-11-20T08:15:02+00:00",
        "size": 2_000,
        "flags": [],
        "has_attachments": False,
        "snippet": "Dear Ada, …",
        **changes,
    }


class NoSuchMail(Problem):
    code: ClassVar[str] = "not_found"


class TooMany(Problem):
    code: ClassVar[str] = "rate_limited"


@dataclass
class Letterbox:
    """What the tools answer, and what they were called with."""

    kinds: dict[str, str] = field(default_factory=lambda: {"first-run": "embedded"})
    """Kind of each account."""
    mails: list[Json] = field(default_factory=lambda: [mail("m2"), mail("m1", flags=["seen"])])
    calls: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    shown: Json = field(default_factory=dict[str, Any])
    """What the preview says of the mail instead."""
    garbled: bool = False
    """Answers with something else than it should."""
    refuses: Problem | None = None
    reads: ToolAnnotations = field(default_factory=lambda: READS)

    def app(self) -> Starlette:
        server = ToolServer(
            "email", caller=lambda: None, resource=RESOURCES["mcp-email"], subscriptions=False
        )
        self._add_reading(server)
        self._add_sending(server)
        return server.streamable_http_app()

    def _note(self, tool: str, **arguments: Any) -> None:
        self.calls.append((tool, {k: v for k, v in arguments.items() if v is not None}))

    def _add_reading(self, server: Any) -> None:
        def tool() -> Any:
            return server.tool(annotations=self.reads)

        @tool()
        async def list_accounts() -> CallToolResult:
            """Mailboxes."""
            self._note("list_accounts")
            accounts = [
                {"name": name, "kind": kind, "address": f"{name}@acme.example", "can_send": True}
                for name, kind in self.kinds.items()
            ]
            return _answer({"accounts": accounts})

        @tool()
        async def list_folders(account: str) -> CallToolResult:
            """Folders."""
            self._note("list_folders", account=account)
            folders = [{"name": "INBOX", "role": "inbox", "total": 2, "unread": 1}]
            return _answer({"account": account, "folders": folders})

        @tool()
        async def search_email(
            account: str,
            folder: str | None = None,
            text: str | None = None,
            unread: bool | None = None,
            limit: int = 20,
            cursor: str | None = None,
        ) -> CallToolResult:
            """Mails."""
            self._note(
                "search_email",
                account=account,
                folder=folder,
                text=text,
                unread=unread,
                limit=limit,
                cursor=cursor,
            )
            if self.refuses:
                raise self.refuses
            if self.garbled:
                return _answer({"mails": [{"id": "m1"}]})
            origin = {"kind": "mail", "source": account, "trusted": False}
            page = {"account": account, "origin": origin, "mails": self.mails, "row_count": 2}
            return _answer({**page, "truncated": True, "next_cursor": "page-2"})

        @tool()
        async def read_email(
            id: str,  # noqa: A002 - the tool's argument
            account: str,
            offset: int = 0,
            max_chars: int = 10_000,
        ) -> CallToolResult:
            """One mail."""
            self._note("read_email", id=id, account=account, offset=offset, max_chars=max_chars)
            found = next((one for one in self.mails if one["id"] == id), None)
            if found is None:
                raise NoSuchMail("There is no such mail.")
            read = {
                **found,
                "cc": [],
                "reply_to": [],
                "message_id": "1@other.example",
                "warnings": ["lookalike_host"],
                "text": "Dear Ada,\n<b>see</b> the link.\n",
                "offset": offset,
                "total_chars": 31,
                "truncated": False,
                "links": [LINK],
                "attachments": [
                    {
                        "attachment_id": "2",
                        "name": "plan.pdf",
                        "media_type": "application/pdf",
                        "size": 99,
                    }
                ],
            }
            return _answer(read)

        del list_accounts, list_folders, search_email, read_email

    def _add_sending(self, server: Any) -> None:
        @server.tool(annotations=READS, meta={"io.steward/hidden": True})
        async def preview_send_email(to: list[str], subject: str, body: str) -> CallToolResult:
            """What send_email would send."""
            shown = {
                "from": ADA,
                "to": [{"name": "", "spec": one} for one in to],
                "cc": [],
                "bcc": [{"name": "", "spec": "archive@acme.example"}],
                "reply_to": None,
                "subject": subject,
                "body": body,
                "html": False,
                "attachments": [{"name": "plan.pdf", "size": 99, "media_type": "application/pdf"}],
                "warnings": [WARNING],
                **self.shown,
            }
            return _answer({"summary": f"Send to {', '.join(to)}", "changes": [], "mail": shown})

        @server.tool(annotations=SENDS, meta={"io.steward/preview": "preview_send_email"})
        async def send_email(to: list[str], subject: str, body: str) -> CallToolResult:
            """Send a mail."""
            self._note("send_email", to=to, subject=subject, body=body)
            return _answer({"status": "sent", "accepted": to})

        del preview_send_email, send_email


def _answer(structured: Json) -> CallToolResult:
    text = TextContent(type="text", text="see the structured content")
    return CallToolResult(content=[text], structured_content=structured)
