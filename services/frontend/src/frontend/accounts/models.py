"""The tables of people and tenants."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime


class TenantRow(Base):
    """An organisation. `is_first` holds for one row only, so that two first sign-ups cannot both win."""

    __tablename__ = "tenants"
    __table_args__ = (CheckConstraint("is_first", name="first_or_null"),)

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    is_first: Mapped[bool | None] = mapped_column(Boolean, unique=True)
    """True for the installation's first tenant, None for all others."""
    tier: Mapped[str] = mapped_column(String(16), default="free", server_default="free")
    """free or paid."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delete_after: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Its owner wants it gone; until then that can be taken back."""


class PersonRow(Base):
    """Somebody who can sign in."""

    __tablename__ = "people"

    person_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    """None: signs in by link or with another provider only."""
    is_verified: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Showed once that mail to the address reaches them."""
    is_disabled: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Cannot sign in, and open sessions, keys and grants of theirs are of no use."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MembershipRow(Base):
    """A person's role in a tenant."""

    __tablename__ = "memberships"

    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    tenant_id: Mapped[str] = mapped_column(
        ForeignKey("tenants.tenant_id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(String(32))
    joined_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None: before this was kept."""


class SignInLinkRow(Base):
    """A one-time link. Only its hash is stored."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE")
    )
    """None: made before there was an owner; its opener becomes the owner."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SecurityEventRow(Base):
    """Something about sign-in and rights that an administrator should see. Outlives whom it names."""

    __tablename__ = "security_events"
    __table_args__ = (
        Index("ix_security_events_tenant_id_at", "tenant_id", "at"),
        Index("ix_security_events_at", "at"),
    )

    event_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(40))
    tenant_id: Mapped[str | None] = mapped_column(String(64))
    """None: of no tenant, such as a try at an account that does not exist."""
    person_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
