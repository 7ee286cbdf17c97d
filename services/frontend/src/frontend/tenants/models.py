"""The tables of invitations, and of who has left."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime


class InvitationRow(Base):
    """A link that lets people join a tenant. Only hashes of it are stored; deleted when it is withdrawn."""

    __tablename__ = "invitations"
    __table_args__ = (Index(None, "tenant_id", "created_at"),)

    invitation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.tenant_id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Of the link that its maker was shown."""
    mailed_token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    """Of the link that was sent to `email` and shown to nobody: whoever has it reads that mailbox."""
    role: Mapped[str] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(320))
    """Only whoever has shown that this address is theirs can join. None: whoever has the link."""
    made_by: Mapped[str] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    """Good only as long as this person may give the role."""
    uses_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DepartureRow(Base):
    """Somebody left a tenant, and what they were signed in to in its name is not ended yet."""

    __tablename__ = "departures"

    tenant_id: Mapped[str] = mapped_column(
        ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Perhaps of an account that is gone."""
    left_at: Mapped[datetime] = mapped_column(UtcDateTime)
