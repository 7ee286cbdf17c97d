"""The tools that write mails: each with a hidden preview made by the same function, so that both are of one mail."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, cast

from mcp.server import MCPServer
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, Elicit, Resolve
from pydantic import Field

from mcp_email.accounts import OpenAccount
from mcp_email.confirmation import (
    AlreadyEnded,
    Yes,
    confirm_by_host,
    confirm_by_question,
    question,
    refuse,
)
from mcp_email.errors import BadContent, MailboxAway, NobodyToAsk, NoSuchMail
from mcp_email.letters import Letter, Text
from mcp_email.mail import Warnings
from mcp_email.parts import Parts
from mcp_email.results import MailOutcome, MailPreview
from mcp_email.sending.sender import Confirm, failure
from mcp_email.tools import told
from mcp_email.tools.arguments import (
    HIDDEN_META,
    IDEMPOTENCY_ARGUMENT_META,
    IDEMPOTENCY_META,
    KEEPS,
    KNOWS,
    NO_VARIABLES,
    NONE,
    PREVIEW_META,
    SENDS,
    STATUS_META,
    AccountName,
    Bcc,
    Body,
    Cc,
    DraftId,
    Handles,
    Html,
    Key,
    MailId,
    Subject,
    To,
)
from shared.asking import AskedByHost, NobodyAsks, can_be_asked, is_asked_by_host
from shared.mcp_server import note_in_audit
from shared.scopes import MAIL_DRAFT, MAIL_READ, MAIL_SEND, needs

STATUS_TOOL = "send_status"
Write = Callable[..., Awaitable[Letter]]
"""Makes the letter of a tool's arguments; its signature is the tool's, without the key."""
Mode = Annotated[
    Literal["draft", "send"],
    Field(description="draft: keep it, for the person to look at. send: send it after their yes."),
]


@dataclass(frozen=True, slots=True)
class _WritingTool:
    """A tool that writes a mail."""

    title: str
    write: Write
    scopes: tuple[str, ...]

    @property
    def sends(self) -> bool:
        """Or only keeps a draft."""
        return MAIL_SEND in self.scopes


def add_writing_tools(server: MCPServer[Any], parts: Parts) -> None:
    """Add all of them, in the order in which they are of use."""
    for name, tool in _tools(parts).items():
        _add(server, parts, name, tool)


def _tools(parts: Parts) -> dict[str, _WritingTool]:
    async def choose(account: str | None) -> OpenAccount:
        return await parts.accounts.choose(parts.caller(), account)

    async def create_draft(
        to: To = NONE,
        subject: Subject = "",
        body: Body = "",
        cc: Cc = NONE,
        bcc: Bcc = NONE,
        html: Html = None,
        attachments: Handles = NONE,
        in_reply_to: Annotated[
            str | None,
            Field(description="Id of a mail, to keep the draft in its thread.", max_length=500),
        ] = None,
        account: AccountName = None,
    ) -> Letter:
        """Keep a draft in the drafts folder. Nothing is sent; the person can look at it and change it there.

        send_draft sends it. For an answer use reply_email, which finds recipients, subject and thread by itself.
        """
        text = Text(to, cc, bcc, subject, body, html, attachments)
        letter = await parts.writer.new(parts.caller(), await choose(account), text, in_reply_to)
        return _as_draft(letter)

    async def update_draft(
        draft_id: DraftId,
        to: To | None = None,
        subject: Subject | None = None,
        body: Body | None = None,
        cc: Cc | None = None,
        bcc: Bcc | None = None,
        html: Html = None,
        attachments: Handles | None = None,
        account: AccountName = None,
    ) -> Letter:
        """Change a draft: what is given takes the place of what it says, the rest stays. It gets a new id.

        A new body without html takes the formatted text away, which would say the old.
        """
        caller = parts.caller()
        old = await parts.writer.draft(caller, await choose(account), draft_id)
        given = Text(
            to or (), cc or (), bcc or (), subject or "", body or "", html, attachments or ()
        )
        new = await parts.writer.new(caller, old.account, given)
        return _as_draft(_changed(old, new, {
            "to": to, "cc": cc, "bcc": bcc, "subject": subject, "body": body, "attachments": attachments,
            "html": html if html is not None else body,
        }))  # fmt: skip

    async def send_email(
        to: To,
        subject: Subject,
        body: Body,
        cc: Cc = NONE,
        bcc: Bcc = NONE,
        html: Html = None,
        attachments: Handles = NONE,
        account: AccountName = None,
    ) -> Letter:
        """Send a mail, once, after the person has seen it and said yes.

        It goes to all recipients or to nobody; `status` says what came of it, for each of them. `unknown` means that
        it may have gone out: do not send it again, ask get_send_status. Who may be written to and how much:
        get_mail_policy. For an answer use reply_email.
        """
        text = Text(to, cc, bcc, subject, body, html, attachments)
        return await parts.writer.new(parts.caller(), await choose(account), text)

    async def send_draft(draft_id: DraftId, account: AccountName = None) -> Letter:
        """Send a draft as it is, once, after the person has seen it and said yes. Then the draft is gone."""
        return await parts.writer.draft(parts.caller(), await choose(account), draft_id)

    async def reply_email(
        id: MailId,  # noqa: A002 - the tool's argument
        body: Body,
        reply_all: Annotated[
            bool, Field(description="Also to all who got the mail, as Cc.")
        ] = False,
        cc: Cc = NONE,
        bcc: Bcc = NONE,
        attachments: Handles = NONE,
        quote: Annotated[bool, Field(description="Put the original below.")] = True,
        mode: Mode = "draft",
        account: AccountName = None,
    ) -> Letter:
        """Answer a mail, in its thread: as a draft, or sent after the person's yes.

        Recipients and subject come from the original: it goes to its sender, even where the mail asks for answers
        elsewhere (a warning says so). Write only the new text.
        """
        text = Text((), cc, bcc, "", body, None, attachments)
        chosen = await choose(account)
        letter = await parts.writer.reply(
            parts.caller(), chosen, id, text, reply_all=reply_all, quote=quote
        )
        return _as_draft(letter) if mode == "draft" else letter

    async def forward_email(
        id: MailId,  # noqa: A002 - the tool's argument
        to: To,
        body: Annotated[
            str, Field(description="Your own words above it.", max_length=1_048_576)
        ] = "",
        cc: Cc = NONE,
        bcc: Bcc = NONE,
        include_attachments: Annotated[bool, Field(description="Its files, too.")] = True,
        attachments: Handles = NONE,
        mode: Mode = "draft",
        account: AccountName = None,
    ) -> Letter:
        """Pass a mail's text and files on: as a draft, or sent after the person's yes. Hidden text is left out."""
        text = Text(to, cc, bcc, "", body, None, attachments)
        chosen = await choose(account)
        letter = await parts.writer.forward(
            parts.caller(), chosen, id, text, with_attachments=include_attachments
        )
        return _as_draft(letter) if mode == "draft" else letter

    async def send_template(
        name: Annotated[str, Field(description="From list_templates.", max_length=61)],
        to: To,
        variables: Annotated[
            dict[str, Annotated[str, Field(max_length=10_000)]],
            Field(description="A text for each of the template's variables.", max_length=100),
        ] = NO_VARIABLES,
        cc: Cc = NONE,
        bcc: Bcc = NONE,
        attachments: Handles = NONE,
        account: AccountName = None,
    ) -> Letter:
        """Send a template with its blanks filled, once, after the person has seen it and said yes."""
        template = parts.templates.get(name)
        if template is None:
            raise BadContent(
                f"There is no template {name!r}.", hint="list_templates names them.", field="name"
            )
        text = Text(to, cc, bcc, attachments=attachments)
        return await parts.writer.from_template(
            parts.caller(), await choose(account), template, variables, text
        )

    return {
        "create_draft": _WritingTool("Write a draft", create_draft, (MAIL_DRAFT,)),
        "update_draft": _WritingTool("Change a draft", update_draft, (MAIL_DRAFT,)),
        "send_email": _WritingTool("Send a mail", send_email, (MAIL_SEND,)),
        "send_draft": _WritingTool("Send a draft", send_draft, (MAIL_SEND,)),
        "reply_email": _WritingTool("Answer a mail", reply_email, (MAIL_READ, MAIL_SEND)),
        "forward_email": _WritingTool("Forward a mail", forward_email, (MAIL_READ, MAIL_SEND)),
        "send_template": _WritingTool("Send a template", send_template, (MAIL_SEND,)),
    }


def _as_draft(letter: Letter) -> Letter:
    return replace(letter, mode="draft")


def _changed(old: Letter, new: Letter, given: Mapping[str, object]) -> Letter:
    """The old draft with the fields that were given."""
    fields = {name: getattr(new.wanted, name) for name, value in given.items() if value is not None}
    return replace(old, wanted=replace(old.wanted, **fields))


def _add(server: MCPServer[Any], parts: Parts, name: str, tool: _WritingTool) -> None:
    preview_name = f"preview_{name}"
    description = inspect.getdoc(tool.write) or ""
    server.add_tool(
        _sending(parts, tool.write) if tool.sends else _keeping(parts, tool.write),
        name=name,
        title=tool.title,
        description=description,
        annotations=SENDS if tool.sends else KEEPS,
        meta=needs(*tool.scopes)
        | {PREVIEW_META: preview_name, IDEMPOTENCY_ARGUMENT_META: "idempotency_key"}
        | ({STATUS_META: STATUS_TOOL} if tool.sends else {}),
    )
    server.add_tool(
        _previewing(parts, tool.write),
        name=preview_name,
        title=f"Preview: {tool.title}",
        description=f"The mail that {name} would write with these arguments. Nothing is sent or kept.",
        annotations=KNOWS,
        meta=needs(*tool.scopes) | {HIDDEN_META: True},
    )


def _sending(parts: Parts, write: Write) -> Callable[..., Awaitable[MailOutcome]]:
    async def build(ctx: Context[Any, Any], **arguments: Any) -> Letter:
        key = _key(ctx, arguments.pop("idempotency_key", None))
        try:
            return await write(**arguments)
        except NoSuchMail as error:
            if key is not None:
                await _say_what_was_sent(parts, arguments.get("account"), key, error)
            raise

    _sign(build, write, Letter, key=True, ctx=Context)

    async def ask(
        ctx: Context[Any, Any],
        letter: Annotated[Letter, Resolve(build)],
        idempotency_key: str | None,
    ) -> AskedByHost | NobodyAsks | AlreadyEnded | Elicit[Yes]:
        return await _ask(parts, ctx, letter, _key(ctx, idempotency_key))

    async def tool(ctx: Context[Any, Any], **arguments: Any) -> MailOutcome:
        letter, answer = arguments["letter"], arguments["answer"]
        key = _key(ctx, arguments["idempotency_key"])
        if letter.mode == "draft":
            return await _keep(parts, letter, key)
        return await _send(parts, letter, answer, key)

    _sign(
        tool,
        write,
        MailOutcome,
        key=True,
        ctx=Context,
        letter=Annotated[Letter, Resolve(build)],
        answer=Annotated[ElicitationResult[Yes], Resolve(ask)],
    )
    return tool


async def _say_what_was_sent(
    parts: Parts, account: str | None, key: str, error: NoSuchMail
) -> None:
    """A draft is gone when it was sent: who repeats the call has to hear that, or would write it anew."""
    chosen = await parts.accounts.choose(parts.caller(), account)
    with suppress(NoSuchMail):
        known = await parts.sender.status(parts.caller(), chosen.sending, key=key)
        if known.state != "failed":
            error.details["status"] = known.state
            error.add_hint(
                f"A mail was sent under this key before, with the status {known.state}: do not write it again, "
                "get_send_status tells the rest."
            )


def _keeping(parts: Parts, write: Write) -> Callable[..., Awaitable[MailOutcome]]:
    async def tool(ctx: Context[Any, Any], **arguments: Any) -> MailOutcome:
        key = _key(ctx, arguments.pop("idempotency_key"))
        return await _keep(parts, await write(**arguments), key)

    _sign(tool, write, MailOutcome, key=True, ctx=Context)
    return tool


def _previewing(parts: Parts, write: Write) -> Callable[..., Awaitable[MailPreview]]:
    async def tool(**arguments: Any) -> MailPreview:
        arguments.pop("idempotency_key")
        return await _preview(parts, await write(**arguments))

    _sign(tool, write, MailPreview, key=True)
    return tool


def _sign(
    function: Callable[..., Any], write: Write, result: Any, *, key: bool, **more: Any
) -> None:
    """Give a function the signature of a tool's arguments, which is what the SDK makes the schema of."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
        for name, annotation in more.items()
    ] + [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in inspect.signature(write).parameters.values()
    ]
    if key:
        parameters.append(
            inspect.Parameter(
                "idempotency_key", inspect.Parameter.KEYWORD_ONLY, annotation=Key, default=None
            )
        )
    signature = inspect.Signature(parameters, return_annotation=result)
    function.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]
    function.__annotations__ = {
        **{one.name: one.annotation for one in parameters},
        "return": result,
    }


def _key(ctx: Context[Any, Any], argument: str | None) -> str | None:
    """The argument, or what the host put beside the call."""
    if argument:
        return argument
    meta: Mapping[str, Any] = dict(ctx.request_context.meta or {})
    key = meta.get(IDEMPOTENCY_META)
    return key if isinstance(key, str) and key else None


async def _ask(
    parts: Parts, ctx: Context[Any, Any], letter: Letter, key: str | None
) -> AskedByHost | NobodyAsks | AlreadyEnded | Elicit[Yes]:
    """Whether the person agrees, where that is not known yet. Asks only for what could be sent."""
    caller, account = parts.caller(), letter.account.sending
    if letter.mode == "draft":
        return NobodyAsks()
    _require_transport(letter)
    if key is not None and await parts.sender.has_ended(caller, account, letter.wanted, key):
        return AlreadyEnded()
    if is_asked_by_host(caller, parts.settings.confirming_issuers):
        return AskedByHost()
    preview = await parts.sender.preview(caller, account, letter.wanted)
    if not can_be_asked(ctx):
        return NobodyAsks()
    return Elicit(question(preview, letter.warnings), Yes)


def _require_transport(letter: Letter) -> None:
    if not letter.account.can_send:
        raise BadContent(
            f"The account {letter.account.name} can only be read: it has no mail server to send by.",
            hint="create_draft keeps the mail instead.",
            field="account",
        )


async def _send(parts: Parts, letter: Letter, answer: object, key: str | None) -> MailOutcome:
    caller = parts.caller()
    given = cast("object", answer.data) if isinstance(answer, AcceptedElicitation) else None
    if isinstance(given, NobodyAsks):
        await _leave_a_draft(parts, letter, key)
    result = await parts.sender.send(
        caller,
        letter.account.sending,
        letter.wanted,
        key,
        _confirm(parts, given, key),
    )
    _note(letter, result.message_id, result.status)
    if result.status == "failed":
        raise failure(result)
    if letter.draft_id is not None and result.status != "unknown":
        with suppress(NoSuchMail, MailboxAway):  # The mail is out; a draft too many does no harm.
            await letter.account.mailbox.discard_draft(letter.draft_id)
    return told.outcome(letter, result)


def _confirm(parts: Parts, given: object, key: str | None) -> Confirm:
    if isinstance(given, AskedByHost):
        return confirm_by_host(parts.caller(), key)
    if isinstance(given, AlreadyEnded):
        return refuse
    return confirm_by_question(given if isinstance(given, Yes) else None)


async def _leave_a_draft(parts: Parts, letter: Letter, key: str | None) -> None:
    """Raises NobodyToAsk: always."""
    draft_id = letter.draft_id
    if draft_id is None:
        sending = parts.drafts.planned(letter)
        draft = await parts.drafts.keep(parts.caller(), letter, key or sending.digest)
        draft_id = draft.id
    raise NobodyToAsk(
        "Not sent: this client cannot ask the person, and nothing is sent without their yes. "
        "The mail is in the drafts folder.",
        hint="Tell the person to look at it there and send it themselves.",
        draft_id=draft_id,
    )


async def _keep(parts: Parts, letter: Letter, key: str | None) -> MailOutcome:
    draft = await parts.drafts.keep(parts.caller(), letter, key)
    _note(letter, draft.message_id, "draft")
    whom = told.to_whom(parts.drafts.planned(letter))
    return MailOutcome(
        status="draft",
        account=letter.account.name,
        summary=f"Kept as a draft to {whom}. Nothing was sent.",
        message_id=draft.message_id,
        draft_id=draft.id,
        replayed=draft.repeated,
        warnings=list(letter.warnings),
    )


async def _preview(parts: Parts, letter: Letter) -> MailPreview:
    caller, account = parts.caller(), letter.account.sending
    if letter.mode == "draft":
        sending, warnings = parts.drafts.planned(letter), Warnings()
        what = f"Keep a draft to {told.to_whom(sending)}: {sending.wanted.subject}"
    else:
        _require_transport(letter)
        preview = await parts.sender.preview(caller, account, letter.wanted)
        sending, warnings = preview.sending, preview.warnings
        what = f"Send to {told.to_whom(sending)}: {sending.wanted.subject}"
    return MailPreview(
        summary=what[:300], changes=[], mail=told.mail_shown(sending, warnings, letter)
    )


def _note(letter: Letter, message_id: str, status: str) -> None:
    wanted = letter.wanted
    note_in_audit(
        account=letter.account.name,
        message_id=message_id,
        outcome=status,
        recipients=len(wanted.to) + len(wanted.cc) + len(wanted.bcc),
    )
