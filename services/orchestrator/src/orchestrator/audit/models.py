"""The tables of the audit chain. Rows are added and never changed; they outlive what they are about."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class AuditKind(StrEnum):
    """What a row is about."""

    CALL_PROPOSED = "call_proposed"
    APPROVAL_SHOWN = "approval_shown"
    DECISION = "decision"
    CALL_SENT = "call_sent"
    CALL_ENDED = "call_ended"
    OUTCOME_CHECKED = "outcome_checked"
    """Its server was asked whether a call was done whose answer was lost."""
    OUTCOME_DECIDED = "outcome_decided"
    INPUT_ANSWERED = "input_answered"
    """What a person let a tool server know that asked in the midst of a call."""
    KEEP_SENT = "keep_sent"
    """A person has a server keep a call of theirs under a name."""
    KEEP_ENDED = "keep_ended"
    MAILBOX_READ = "mailbox_read"
    """A person looks into a mailbox of theirs, by a click and without a model."""
    KNOWLEDGE_READ = "knowledge_read"
    """A person opens a passage or a file of the knowledge base, by a click and without a model."""
    KNOWLEDGE_CHANGED = "knowledge_changed"
    DEFINITION_ACCEPTED = "definition_accepted"
    GRANT_GIVEN = "grant_given"
    GRANT_WITHDRAWN = "grant_withdrawn"
    SERVER_ADDED = "server_added"
    """An admin has added a tool server of somebody else's by its address."""
    SERVER_ENABLED = "server_enabled"
    SERVER_DISABLED = "server_disabled"
    SERVER_REMOVED = "server_removed"
    SERVER_CLIENT_SET = "server_client_set"
    """An admin has said as whom we are registered with a server's sign-in service."""
    CONNECTED = "connected"
    """A person has signed in at a server that was added."""
    DISCONNECTED = "disconnected"
    CONNECTION_REFRESH_REFUSED = "connection_refresh_refused"
    """A sign-in could not be renewed: its service said no."""


class AuditRow(Base):
    """One decision or side effect. No foreign keys: a deleted conversation takes nothing from here."""

    __tablename__ = "audit_rows"
    __table_args__ = (Index(None, "tenant_id", "turn_id"),)

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """From 1 on, without gaps, for each tenant."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[str | None] = mapped_column(String(64))
    """Who decided, or in whose name it was done; None when nobody did."""
    turn_id: Mapped[str | None] = mapped_column(String(64))
    call_id: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    """Canonical JSON, exactly as it was hashed."""
    prev_hash: Mapped[str] = mapped_column(String(64))
    row_hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The end of each tenant's chain. Whoever appends locks it first, so a chain cannot fork."""

    __tablename__ = "audit_heads"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    row_hash: Mapped[str] = mapped_column(String(64))
