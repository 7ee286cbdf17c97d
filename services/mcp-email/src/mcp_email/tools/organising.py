"""The tools that keep a mailbox in order, and the one that takes files for mails."""

import asyncio
import base64
import binascii
from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import Field

from mcp_email.accounts import OpenAccount
from mcp_email.errors import BadContent
from mcp_email.mail import Flag
from mcp_email.parts import Parts
from mcp_email.results import AttachmentAdded, Change, MailPreview, MailsChanged
from mcp_email.tools.arguments import (
    HIDDEN_META,
    KEEPS,
    PREVIEW_META,
    READS,
    AccountName,
    MailIds,
)
from shared.mcp_server import InvalidArguments, note_in_audit
from shared.scopes import MAIL_DRAFT, needs

MAX_UPLOAD = 1024 * 1024
SHOWN = 20
"""Mails that a preview names."""

_KEEPING = needs(MAIL_DRAFT)
_Flags = Annotated[
    list[Flag], Field(description="seen (read), flagged (starred), answered.", max_length=3)
]
_NO_FLAGS: list[Flag] = []


def add_organising_tools(server: MCPServer[Any], parts: Parts) -> None:
    """Add all of them."""
    _add_flags(server, parts)
    _add_move(server, parts)
    _add_upload(server, parts)


def _add_flags(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(
        title="Mark mails", annotations=KEEPS, meta=_KEEPING | {PREVIEW_META: "preview_set_flags"}
    )
    async def set_flags(
        ids: MailIds,
        add: _Flags = _NO_FLAGS,
        remove: _Flags = _NO_FLAGS,
        account: AccountName = None,
    ) -> MailsChanged:
        """Mark mails as read, starred or answered, or take such marks away."""
        _check_flags(add, remove)
        chosen = await parts.accounts.choose(parts.caller(), account)
        await chosen.mailbox.set_flags(ids, add=add, remove=remove)
        note_in_audit(account=chosen.name, mails=len(ids))
        return MailsChanged(
            account=chosen.name, summary=f"{_count(ids)}: {_marks(add, remove)}.", ids=ids
        )

    @server.tool(
        title="Preview: Mark mails", annotations=READS, meta=_KEEPING | {HIDDEN_META: True}
    )
    async def preview_set_flags(
        ids: MailIds,
        add: _Flags = _NO_FLAGS,
        remove: _Flags = _NO_FLAGS,
        account: AccountName = None,
    ) -> MailPreview:
        """Which marks set_flags would change. Nothing is changed."""
        _check_flags(add, remove)
        chosen = await parts.accounts.choose(parts.caller(), account)
        return MailPreview(
            summary=f"Mark {_count(ids)}: {_marks(add, remove)}",
            changes=[
                Change(
                    item=subject,
                    field="marks",
                    old=", ".join(sorted(flags)),
                    new=", ".join(sorted((flags | set(add)) - set(remove))),
                )
                for subject, _, flags in await _named(chosen, ids)
            ],
        )

    del set_flags, preview_set_flags  # registered by their decorators


def _check_flags(add: list[Flag], remove: list[Flag]) -> None:
    if not add and not remove:
        raise InvalidArguments("Give at least one flag in add or remove.")
    if set(add) & set(remove):
        raise InvalidArguments("A flag cannot be both in add and in remove.")


def _add_move(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(
        title="Move mails to the trash",
        annotations=KEEPS,
        meta=_KEEPING | {PREVIEW_META: "preview_move_email"},
    )
    async def move_email(ids: MailIds, account: AccountName = None) -> MailsChanged:
        """Move mails to the trash. Nothing is ever deleted for good; the person can take them back out."""
        chosen = await parts.accounts.choose(parts.caller(), account)
        await chosen.mailbox.move_to_trash(ids)
        note_in_audit(account=chosen.name, mails=len(ids))
        return MailsChanged(
            account=chosen.name, summary=f"{_count(ids)} moved to the trash.", ids=ids
        )

    @server.tool(
        title="Preview: Move mails to the trash",
        annotations=READS,
        meta=_KEEPING | {HIDDEN_META: True},
    )
    async def preview_move_email(ids: MailIds, account: AccountName = None) -> MailPreview:
        """Which mails move_email would move. Nothing is moved."""
        chosen = await parts.accounts.choose(parts.caller(), account)
        return MailPreview(
            summary=f"Move {_count(ids)} to the trash",
            changes=[
                Change(item=subject, field="folder", old=folder, new="Trash")
                for subject, folder, _ in await _named(chosen, ids)
            ],
        )

    del move_email, preview_move_email  # registered by their decorators


async def _named(account: OpenAccount, ids: list[str]) -> list[tuple[str, str, set[Flag]]]:
    """Subject, folder and flags of the first few."""
    outlines = [await account.mailbox.outline(one) for one in ids[:SHOWN]]
    return [
        (one.summary.subject or "(no subject)", one.summary.folder, set(one.summary.flags))
        for one in outlines
    ]


def _count(ids: list[str]) -> str:
    return "1 mail" if len(ids) == 1 else f"{len(ids)} mails"


def _marks(add: list[Flag], remove: list[Flag]) -> str:
    return ", ".join([*add, *(f"not {one}" for one in remove)])


def _add_upload(server: MCPServer[Any], parts: Parts) -> None:
    @server.tool(
        title="Add a file to send",
        annotations=KEEPS.model_copy(update={"open_world_hint": False, "idempotent_hint": False}),
        meta=_KEEPING,
    )
    async def add_attachment(
        name: Annotated[
            str, Field(description="File name, such as report.csv.", min_length=1, max_length=200)
        ],
        text: Annotated[
            str | None,
            Field(description="What it says: CSV, Markdown, plain text.", max_length=MAX_UPLOAD),
        ] = None,
        content_base64: Annotated[
            str | None,
            Field(description="Or its octets.", max_length=MAX_UPLOAD * 4 // 3 + 4),
        ] = None,
        media_type: Annotated[
            str | None, Field(description="By the name when it is not given.", max_length=120)
        ] = None,
    ) -> AttachmentAdded:
        """Keep a file of at most 1 MB for a day and give a handle for `attachments`. Nothing is sent.

        Programs are refused. Files of this machine cannot be named: write what is to be in it.
        """
        content = _content(text, content_base64)
        attached = await asyncio.to_thread(
            parts.sender.attachments.add, parts.caller(), name, content, media_type
        )
        return AttachmentAdded(
            handle=attached.handle,
            name=attached.name,
            media_type=attached.media_type,
            size=attached.size,
            expires_in_s=parts.sender.attachments.keep_s,
        )

    del add_attachment  # registered by its decorator


def _content(text: str | None, content_base64: str | None) -> bytes:
    if (text is None) == (content_base64 is None):
        raise InvalidArguments("Give one of text and content_base64.")
    if text is not None:
        try:
            content = text.encode()
        except UnicodeEncodeError:
            raise BadContent("text is not Unicode text.", field="text") from None
    else:
        try:
            content = base64.b64decode(content_base64 or "", validate=True)
        except (binascii.Error, ValueError):
            raise BadContent("content_base64 is not base64.", field="content_base64") from None
    if len(content) > MAX_UPLOAD:
        raise BadContent(f"A file is at most {MAX_UPLOAD:,} bytes.", field="content")
    return content
