"""A mail's outline out of its octets: for mailboxes that hold them, and for servers whose own structure is broken."""

from datetime import UTC, datetime

from mcp_email.mail import Flag, Outline, Summary
from mcp_email.reading.envelope import envelope_of
from mcp_email.reading.headers import fields_of
from mcp_email.reading.structure import Structure, structure_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def outline_of(
    raw: bytes,
    *,
    mail_id: str = "",
    folder: str = "",
    received: datetime | None = None,
    flags: frozenset[Flag] = frozenset(),
) -> Outline:
    """The outline of a mail. Never raises: a mail may be anything.

    Without `received`, the date that its header tells counts.
    """
    return outline_from(
        structure_of(raw),
        len(raw),
        mail_id=mail_id,
        folder=folder,
        received=received,
        flags=flags,
    )


def outline_from(
    structure: Structure,
    size: int,
    *,
    mail_id: str,
    folder: str,
    received: datetime | None,
    flags: frozenset[Flag],
) -> Outline:
    """The same of a structure that is known."""
    envelope = envelope_of(fields_of(structure.headers))
    parts = tuple(leaf.part for leaf in structure.leaves)
    summary = Summary(
        id=mail_id,
        folder=folder,
        message_id=envelope.message_id,
        sender=envelope.sender,
        to=envelope.to,
        subject=envelope.subject,
        date=envelope.date,
        received=received or envelope.date or EPOCH,
        size=size,
        flags=flags,
        has_attachments=any(part.is_attachment for part in parts),
        in_reply_to=envelope.in_reply_to,
        references=envelope.references,
    )
    return Outline(summary, structure.headers, parts, structure.is_cut)
