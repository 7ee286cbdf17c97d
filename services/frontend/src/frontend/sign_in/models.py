"""The tables of signing in: sessions, sign-ins elsewhere, mailed links and second factors."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime


class SessionRow(Base):
    """A sign-in that holds. What the browser has and what Redis keeps is worth nothing without it."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_person_id", "person_id"),
        Index("ix_sessions_issuer_provider_sid", "issuer", "provider_sid"),
    )

    session_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the session's key."""
    person_id: Mapped[str] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    """In which it began."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """A few minutes behind, so that not every request writes."""
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str | None] = mapped_column(String(64))
    """From which it began."""
    user_agent: Mapped[str] = mapped_column(String(300))
    method: Mapped[str] = mapped_column(String(40))
    """password, link, or the name of a provider."""
    issuer: Mapped[str | None] = mapped_column(String(300))
    """Of the provider, where one signed the person in."""
    subject: Mapped[str | None] = mapped_column(String(255))
    provider_sid: Mapped[str | None] = mapped_column(String(255))
    """The provider's own session (`sid`), by which it may end ours."""


class IdentityRow(Base):
    """A sign-in elsewhere that is somebody's here. Only issuer and subject say who it is, never an address."""

    __tablename__ = "identities"
    __table_args__ = (Index("ix_identities_person_id", "person_id"),)

    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.person_id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(40))
    """Its name in the settings when it was connected."""
    email: Mapped[str] = mapped_column(String(320))
    """As the provider told it then, to be recognised by; may be empty."""
    connected_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MailLinkRow(Base):
    """A one-time link that was mailed to an address. Only its hash is stored."""

    __tablename__ = "mail_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[str | None] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE")
    )
    """None: of somebody who has no account yet."""
    email: Mapped[str] = mapped_column(String(320))
    """Where it was sent."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What it will do, by purpose."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SecondFactorRow(Base):
    """Somebody's authenticator app (TOTP, RFC 6238)."""

    __tablename__ = "second_factors"

    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    secret_sealed: Mapped[str] = mapped_column(String(300))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None: shown, but not yet answered with a code, so not asked for either."""
    last_step: Mapped[int] = mapped_column(BigInteger)
    """The time step of the last code that was taken: it and those before are used up."""


class RecoveryCodeRow(Base):
    """A code for the day the authenticator is lost. Only its hash is stored; used ones are deleted."""

    __tablename__ = "recovery_codes"

    person_id: Mapped[str] = mapped_column(
        ForeignKey("people.person_id", ondelete="CASCADE"), primary_key=True
    )
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
