"""The table of questions that are neither a yes nor a no."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class InputRow(Base):
    """What was asked and what was answered. Needs no running process. Answered once."""

    __tablename__ = "inputs"
    __table_args__ = (Index(None, "state", "expires_at"), Index(None, "turn_id"))

    input_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """outcome, form, url or sign_in."""
    call_id: Mapped[str] = mapped_column(String(64))
    turn_id: Mapped[str] = mapped_column(String(64))
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    """pending, or the answer: an OutcomeChoice for outcomes, an InputAction for a server's questions."""
    server_key: Mapped[str] = mapped_column(String(256))
    """The server's own name for its question; of a sign-in, our name for the server."""
    request_state: Mapped[str | None] = mapped_column(Text)
    """What the server wants back together with the answers. Opaque, and never shown."""
    answer_schema: Mapped[dict[str, Any]] = mapped_column(JSON)
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What the person filled in, kept until the call has ended. Of a sign-in, what they had filled in before."""
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What the server said about a lost outcome, each time it was asked."""
    answered_by_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
