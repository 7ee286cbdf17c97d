"""Asks a person before a mail is sent: by their host's dialog, or by a question of ours; else nothing is sent.

The question is made of the mail alone, so that it reads the same each time it is put, and ends with a fingerprint of
all of it: an answer to one mail fits no other. An answer is used up by the ledger.
"""

import hashlib
import json
import secrets
from collections.abc import Collection
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from pydantic import BaseModel, Field

from mcp_email.errors import NotConfirmed
from mcp_email.header_text import unsafe_character
from mcp_email.mail import Address
from mcp_email.sending.sender import Confirm, Confirmation, Preview
from shared.service_tokens import Principal

SHOWN_CHARACTERS = 500


class Yes(BaseModel):
    """What a person answers."""

    send: bool = Field(description="Send this mail?")


@dataclass(frozen=True, slots=True)
class AlreadyEnded:
    """This send has ended before: there is nothing left to agree to."""


def question(preview: Preview, more_warnings: Collection[str]) -> str:
    """The mail, for a person who decides on it. Deterministic."""
    sending, wanted = preview.sending, preview.sending.wanted
    lines = ["Send this mail?", "", f"From: {shown(sending.sender)}"]
    for name, addresses in (("To", wanted.to), ("Cc", wanted.cc), ("Bcc", wanted.bcc)):
        if addresses:
            lines.append(f"{name}: {', '.join(map(shown, addresses))}")
    if sending.reply_to:
        lines.append(f"Reply-To: {shown(sending.reply_to)}")
    lines.append(f"Subject: {wanted.subject}")
    lines += [f"Attachment: {one.name} ({one.size:,} bytes)" for one in wanted.attachments]
    lines += [f"Warning: {one}" for one in (*preview.warnings.sentences(), *more_warnings)]
    more = len(wanted.body) - SHOWN_CHARACTERS
    body = wanted.body[:SHOWN_CHARACTERS].rstrip("\n")
    lines += ["", *(f"| {_as_seen(line)}".rstrip() for line in body.splitlines() or [""])]
    if more > 0:
        lines.append(f"[… {more:,} more characters]")
    if wanted.html is not None:
        lines.append("[There is a formatted text, too.]")
    return "\n".join([*lines, "", f"Fingerprint: {sending.digest[:16]}"])


def _as_seen(line: str) -> str:
    """What could reorder or hide the line's letters stands for itself, so that no line passes for one of ours."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if c != "\t" and unsafe_character(c) else c for c in line
    )


def shown(address: Address) -> str:
    """As people write it."""
    return f"{address.name} <{address.spec}>" if address.name else address.spec


_sealed: ContextVar[str | None] = ContextVar("sealed_confirmation", default=None)


async def note_sealed_state(
    ctx: ServerRequestContext[Any, Any], call_next: CallNext
) -> HandlerResult:
    """Remember which sealed question the request answers, before the SDK opens the seal: what is inside repeats."""
    state: object = (ctx.params or {}).get("requestState")
    digest = hashlib.sha256(state.encode()).hexdigest() if isinstance(state, str) else None
    noting = _sealed.set(digest)
    try:
        return await call_next(ctx)
    finally:
        _sealed.reset(noting)


def confirm_by_question(answer: Yes | None) -> Confirm:
    """A person's answer, None when they closed the question."""

    async def confirm(_: Preview) -> Confirmation:
        token = _sealed.get() or secrets.token_hex(32)  # Older protocols ask on the open call.
        return Confirmation(answer is not None and answer.send, f"question:{token}")

    return confirm


def confirm_by_host(caller: Principal, key: str | None) -> Confirm:
    """The host's dialog was answered with yes, for the call with this key."""

    async def confirm(preview: Preview) -> Confirmation:
        who = (caller.issuer, caller.tenant, caller.subject, preview.sending.wanted.account)
        told = json.dumps([*who, key or secrets.token_hex()])
        return Confirmation(True, f"host:{hashlib.sha256(told.encode()).hexdigest()}")

    return confirm


async def refuse(_: Preview) -> Confirmation:
    """For calls that are only to hear how an earlier one ended."""
    raise NotConfirmed("Nobody was asked, so nothing was sent.", hint="Call again.")
