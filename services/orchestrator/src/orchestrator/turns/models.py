"""The tables of turns and their events."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class TurnRow(Base):
    """One question and everything up to its end. Whoever holds the lease is the only one who appends."""

    __tablename__ = "turns"
    __table_args__ = (
        UniqueConstraint("conversation_id", "client_id"),
        UniqueConstraint("conversation_id", "position"),
        Index(None, "state", "lease_until"),
        Index(None, "conversation_id", "parent_turn_id"),
    )

    turn_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.conversation_id", ondelete="CASCADE")
    )
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(String(64))
    position: Mapped[int] = mapped_column(Integer)
    """Order of asking within the conversation, from 1: always above the parent's."""
    parent_turn_id: Mapped[str | None] = mapped_column(String(64))
    """The turn this one follows; turns with the same one are versions of the same question. None: the first.
    No foreign key: turns go only together with their conversation."""
    question: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Name, roles, tier, locale and time zone as the token said when the question was asked."""
    state: Mapped[str] = mapped_column(String(16))
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(Integer)
    """Grows with each claim; an append with an older one fails."""
    last_n: Mapped[int] = mapped_column(BigInteger)
    """Number of the last stored event."""
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    news: Mapped[int] = mapped_column(Integer, server_default="0")
    """Counts decisions and answers, so that a turn is never laid down over one it has not seen."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TurnEventRow(Base):
    """One stored event. Text deltas are never stored: `text_finished` covers them."""

    __tablename__ = "turn_events"

    turn_id: Mapped[str] = mapped_column(
        ForeignKey("turns.turn_id", ondelete="CASCADE"), primary_key=True
    )
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
