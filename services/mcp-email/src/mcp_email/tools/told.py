"""Turns mails, folders and outcomes into what the tools answer."""

from collections.abc import Sequence

from mcp_email.accounts import OpenAccount
from mcp_email.confirmation import shown
from mcp_email.letters import Letter
from mcp_email.mail import Address, Rejection, Summary, Warnings
from mcp_email.results import (
    AddressTold,
    AttachmentShown,
    MailOutcome,
    MailShown,
    MailSummary,
    Origin,
    Rejected,
)
from mcp_email.sending.outcome import SendResult
from mcp_email.sending.plan import Sending

MAX_TOLD = 50
"""Addresses of one field of a mail that was received."""
MAX_LISTED = 5
"""The same of a mail in a list."""
MAX_SUBJECT = 300
"""Characters of a subject in a list."""


def origin(account: OpenAccount) -> Origin:
    return Origin(source=account.name)


def addresses(all_of_them: Sequence[Address]) -> list[AddressTold]:
    return [AddressTold(name=one.name, spec=one.spec) for one in all_of_them]


def address(one: Address | None) -> AddressTold | None:
    return None if one is None else AddressTold(name=one.name, spec=one.spec)


def summary(mail: Summary) -> MailSummary:
    return MailSummary(
        id=mail.id,
        folder=mail.folder,
        sender=address(mail.sender),
        to=addresses(mail.to[:MAX_LISTED]),
        to_count=len(mail.to),
        subject=mail.subject[:MAX_SUBJECT],
        date=mail.date.isoformat() if mail.date else None,
        received=mail.received.isoformat(),
        size=mail.size,
        flags=sorted(mail.flags),
        has_attachments=mail.has_attachments,
        snippet=mail.snippet,
    )


def mail_shown(sending: Sending, warnings: Warnings, letter: Letter) -> MailShown:
    """As it will be sent: from the very plan, not from the arguments."""
    wanted = sending.wanted
    return MailShown(
        sender=AddressTold(name=sending.sender.name, spec=sending.sender.spec),
        to=addresses(wanted.to),
        cc=addresses(wanted.cc),
        bcc=addresses(wanted.bcc),
        reply_to=address(sending.reply_to),
        subject=wanted.subject,
        body=wanted.body,
        html=wanted.html is not None,
        attachments=[
            AttachmentShown(name=one.name, size=one.size, media_type=one.media_type)
            for one in wanted.attachments
        ],
        warnings=[*warnings.sentences(), *letter.warnings],
    )


def to_whom(sending: Sending) -> str:
    """The recipients in a few words."""
    wanted = sending.wanted
    everybody = (*wanted.to, *wanted.cc, *wanted.bcc)
    named = ", ".join(shown(one) for one in everybody[:3])
    more = len(everybody) - 3
    return f"{named} and {more} more" if more > 0 else named or "nobody yet"


def rejected(all_of_them: Sequence[Rejection]) -> list[Rejected]:
    return [Rejected(address=one.address, code=one.code, reason=one.reason) for one in all_of_them]


def outcome(letter: Letter, result: SendResult) -> MailOutcome:
    """What became of a mail that was handed over."""
    assert result.status != "failed"  # noqa: S101 - raised as an error by whoever calls
    said = {
        "sent": f"Sent to {', '.join(result.accepted)}.",
        "partial": f"Sent to {', '.join(result.accepted)}; refused: "
        f"{', '.join(one.address for one in result.rejected)}.",
        "unknown": "The mail server did not answer after the mail was handed over: it may have gone out. It is not "
        "sent again. get_send_status looks whether it did.",
    }
    return MailOutcome(
        status=result.status,
        account=letter.account.name,
        summary=("Done by an earlier call. " if result.replayed else "") + said[result.status],
        message_id=result.message_id,
        accepted=list(result.accepted),
        rejected=rejected(result.rejected),
        unknown=list(result.unknown),
        replayed=result.replayed,
        sent_copy=result.sent_copy,
        warnings=list(letter.warnings),
    )
