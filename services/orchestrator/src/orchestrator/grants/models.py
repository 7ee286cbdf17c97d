"""The table of standing grants."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class GrantRow(Base):
    """What was allowed, by whom, until when. Never deleted: calls refer to it."""

    __tablename__ = "grants"
    __table_args__ = (Index(None, "tenant_id", "owner_id", "created_at"),)

    grant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    """The person who gave it, and for whose calls alone it counts."""
    owner_name: Mapped[str] = mapped_column(String(200))
    server: Mapped[str] = mapped_column(String(64))
    tool: Mapped[str] = mapped_column(String(256))
    title: Mapped[str] = mapped_column(String(256))
    definition_hash: Mapped[str] = mapped_column(String(64))
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As it was then, to be shown beside a later one."""
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Name → the one field of an `ArgumentPattern` that is set."""
    call_id: Mapped[str] = mapped_column(String(64))
    """The call it was given with."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    uses: Mapped[int] = mapped_column(Integer)
