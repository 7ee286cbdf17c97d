"""The tables of other agents: who they are, what people allowed them, and their codes and refresh tokens."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from frontend.database import Base
from shared.sql import UtcDateTime

CLIENT_ID = 500
"""Characters."""


class ClientRow(Base):
    """An agent: set up by the administrators of a tenant, or one that says itself who it is."""

    __tablename__ = "oauth_clients"

    client_id: Mapped[str] = mapped_column(String(CLIENT_ID), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """registered, document or dynamic."""
    name: Mapped[str] = mapped_column(String(100))
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    tenant_id: Mapped[str | None] = mapped_column(
        ForeignKey("tenants.tenant_id", ondelete="CASCADE"), index=True
    )
    """Whose people alone may let it in; None: everybody."""
    secret_sha256: Mapped[str] = mapped_column(String(64), default="")
    """Empty: a public client."""
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the document was read, the agent registered, or was set up."""
    fresh_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """The document is read again afterwards; None: never."""


class ConsentRow(Base):
    """What a person, in a tenant, allowed an agent at one tool server. Ends with the membership."""

    __tablename__ = "oauth_consents"
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "tenant_id"],
            ["memberships.person_id", "memberships.tenant_id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("tenant_id", "person_id", "client_id", "resource"),
    )

    consent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(String(CLIENT_ID))
    client_name: Mapped[str] = mapped_column(String(100))
    resource: Mapped[str] = mapped_column(String(500))
    rights: Mapped[list[str]] = mapped_column(JSON)
    redirect_hosts: Mapped[list[str]] = mapped_column(JSON)
    """Where the person agreed to be sent back to."""
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CodeRow(Base):
    """An authorization code. Kept after its use, to tell when it comes a second time."""

    __tablename__ = "oauth_codes"
    __table_args__ = (Index("ix_oauth_codes_expires_at", "expires_at"),)

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    consent_id: Mapped[str] = mapped_column(
        ForeignKey("oauth_consents.consent_id", ondelete="CASCADE"), index=True
    )
    family_id: Mapped[str] = mapped_column(String(64))
    """Of the refresh tokens that come of it."""
    redirect_uri: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str] = mapped_column(String(128))
    rights: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshTokenRow(Base):
    """One of a family of refresh tokens, of which the latest is good. Earlier ones tell of a theft."""

    __tablename__ = "oauth_refresh_tokens"
    __table_args__ = (
        Index("ix_oauth_refresh_tokens_family_id", "family_id"),
        Index("ix_oauth_refresh_tokens_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    consent_id: Mapped[str] = mapped_column(
        ForeignKey("oauth_consents.consent_id", ondelete="CASCADE"), index=True
    )
    family_id: Mapped[str] = mapped_column(String(64))
    rights: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    successor: Mapped[str | None] = mapped_column(Text)
    """The token that replaced it, sealed: told again to who did not get the answer. Gone once that one was used."""
