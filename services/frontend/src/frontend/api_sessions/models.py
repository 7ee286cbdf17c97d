"""The table of sign-ins without a browser."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime


class ApiSessionRow(Base):
    """One sign-in: the access token and the refresh token that are good now. Deleted when it ends."""

    __tablename__ = "api_sessions"
    __table_args__ = (Index(None, "person_id"),)

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id", ondelete="CASCADE"))
    """In which the person is."""
    access_hash: Mapped[str] = mapped_column(String(64))
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """However often it is refreshed."""
