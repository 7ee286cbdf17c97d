"""How a send ended, as callers hear it and as the ledger keeps it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import orjson

from mcp_email.mail import Delivery, Rejection
from mcp_email.sending.ledger import Entry, SentCopy

Status = Literal["sent", "partial", "unknown", "failed"]


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of a send. Every recipient is in exactly one of accepted, rejected and unknown, or nobody got it."""

    status: Status
    message_id: str
    accepted: tuple[str, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    unknown: tuple[str, ...] = ()
    """Who may have it: the mail server did not answer."""
    stage: str = "done"
    smtp_code: int | None = None
    reason: str = ""
    is_transient: bool = False
    replayed: bool = False
    """An earlier call did it; this one did nothing."""
    sent_copy: SentCopy = "none"

    @classmethod
    def made(cls, entry: Entry, delivery: Delivery, recipients: Sequence[str]) -> "SendResult":
        """Of a transport's answer."""
        return cls(
            status=delivery.state,
            message_id=entry.message_id,
            accepted=delivery.accepted,
            rejected=delivery.rejected,
            unknown=tuple(sorted(recipients)) if delivery.state == "unknown" else (),
            stage=delivery.stage,
            smtp_code=delivery.smtp_code,
            reason=delivery.reason,
            is_transient=delivery.is_transient,
        )

    @classmethod
    def of(cls, entry: Entry, *, is_replayed: bool) -> "SendResult":
        """As the ledger keeps it."""
        kept = orjson.loads(entry.result or "{}")
        kept |= {
            "accepted": tuple(kept["accepted"]),
            "unknown": tuple(kept["unknown"]),
            "rejected": tuple(Rejection(**one) for one in kept["rejected"]),
            "replayed": is_replayed,
            "sent_copy": entry.sent_copy,
        }
        return cls(**kept)

    def as_json(self) -> str:
        """For the ledger."""
        return orjson.dumps(asdict(self)).decode()


@dataclass(frozen=True, slots=True)
class SendStatus:
    """What is known of a send."""

    state: Status | Literal["under_way"]
    result: SendResult | None
    found_in: tuple[str, ...]
    """Folders of the sender's mailbox that hold the mail. Empty proves nothing: copies may be late or not kept."""

    @classmethod
    def of(cls, entry: Entry, found_in: tuple[str, ...]) -> "SendStatus":
        """Of a send that has ended."""
        result = SendResult.of(entry, is_replayed=True)
        return cls(result.status, result, found_in)
