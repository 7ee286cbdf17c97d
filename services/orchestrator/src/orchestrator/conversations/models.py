"""The table of conversations."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class ConversationRow(Base):
    """A conversation of one person in one tenant. Deleting it deletes its turns."""

    __tablename__ = "conversations"
    __table_args__ = (Index(None, "tenant_id", "owner_id", "updated_at", "conversation_id"),)

    conversation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    head_turn_id: Mapped[str | None] = mapped_column(String(64))
    """The last turn of the path that is shown and that the next question follows. None: nothing was asked."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
