"""The table of approvals: one row a question, decided once."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class ApprovalRow(Base):
    """What was shown, what was decided, by whom. Needs no running process. Outlives its conversation."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index(None, "state", "expires_at"),
        Index(None, "turn_id"),
        Index(None, "tenant_id", "state"),
    )

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    turn_id: Mapped[str] = mapped_column(String(64))
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    """pending, approved, rejected, expired or cancelled."""
    proposed: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """The `call_proposed` event; None for questions asked before it was kept here."""
    requested_by_name: Mapped[str] = mapped_column(String(200), server_default="")
    approver_roles: Mapped[list[str]] = mapped_column(JSON, server_default="[]")
    """Empty: the person who asked decides. Otherwise somebody else with one of these roles must."""
    shown: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The `approval_needed` event as the person saw it."""
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As shown, then as decided."""
    edited: Mapped[list[str]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_by_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    grant_id: Mapped[str | None] = mapped_column(String(64))
    """The standing grant that was given together with the yes."""
