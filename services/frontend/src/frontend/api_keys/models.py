"""The table of API keys."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime


class ApiKeyRow(Base):
    """A key of a tenant. Revoked and expired ones stay in the list until the tenant goes."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "tenant_id", "created_at"),)

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id", ondelete="CASCADE"))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    """Visible: by it people tell keys apart, and we find them."""
    key_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the whole key. Its secret has 256 random bits, so that nothing slower is needed."""
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(32))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    made_by: Mapped[str | None] = mapped_column(ForeignKey("people.person_id", ondelete="SET NULL"))
    """The key is of no use without them, and may never do more than they may."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None: never."""
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """A few minutes behind, so that not every request writes."""
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
