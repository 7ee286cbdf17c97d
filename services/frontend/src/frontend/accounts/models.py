"""The tables of people and tenants."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, String
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
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PersonRow(Base):
    """Somebody who can sign in."""

    __tablename__ = "people"

    person_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(300))
    """None: signs in by link only."""
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


class SignInLinkRow(Base):
    """A one-time link. Only its hash is stored."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE")
    )
    """None: made before there was an owner; its opener becomes the owner."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
