"""The tables of added servers and of people's sign-ins there."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class RemoteServerRow(Base):
    """A tool server that an admin has added. Removed ones stay, so that nobody ever inherits their key."""

    __tablename__ = "remote_servers"
    __table_args__ = (Index(None, "tenant_id"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Our name for it, the only one of its kind in the whole installation."""
    tenant_id: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(Text)
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    added_by: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OAuthClientRow(Base):
    """As whom we are known to one issuer, for one server: what is known there is never told to another issuer."""

    __tablename__ = "oauth_clients"

    server: Mapped[str] = mapped_column(
        ForeignKey("remote_servers.key", ondelete="CASCADE"), primary_key=True
    )
    issuer: Mapped[str] = mapped_column(String(1024), primary_key=True)
    client_id: Mapped[str] = mapped_column(Text)
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    auth_method: Mapped[str] = mapped_column(String(64))
    """How the secret is told: none, client_secret_basic or client_secret_post."""
    is_registered: Mapped[bool] = mapped_column(Boolean)
    """An admin has registered it there by hand. Otherwise the issuer gave it to us (RFC 7591)."""


class ConnectionRow(Base):
    """One person's sign-in at one server, or that the server wants one."""

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("tenant_id", "owner_id", "server"),
        Index(None, "server"),
    )

    connection_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    server: Mapped[str] = mapped_column(ForeignKey("remote_servers.key", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(16))
    """A ConnectionState."""
    issuer: Mapped[str] = mapped_column(String(1024))
    """Who gave the tokens; they go back to nobody else. Empty before the first sign-in."""
    token_endpoint: Mapped[str] = mapped_column(Text)
    revocation_endpoint: Mapped[str | None] = mapped_column(Text)
    resource: Mapped[str] = mapped_column(Text)
    """What the tokens are for (RFC 8707)."""
    client_id: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    """What was granted, with spaces between."""
    sealed_tokens: Mapped[str | None] = mapped_column(Text)
    """Access and refresh token."""
    token_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """None: the issuer did not say."""
    generation: Mapped[int] = mapped_column(Integer)
    """Counts sets of tokens. Whoever stores new ones names the generation they replace."""
    refresh_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until then one replica alone may ask for new tokens."""
    wanted_scopes: Mapped[str] = mapped_column(Text)
    """What the server's last challenge asked for."""
    metadata_url: Mapped[str | None] = mapped_column(Text)
    """Where it said that its resource metadata is (RFC 9728)."""
    problem: Mapped[str] = mapped_column(Text)
    """Why it cannot be used, or why its tokens could not be renewed; in words for the person."""
    connected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refreshed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInRow(Base):
    """A sign-in under way: everything that its end needs, on whichever replica that comes. Taken out when it ends."""

    __tablename__ = "sign_ins"
    __table_args__ = (Index(None, "expires_at"),)

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the state that went along with the browser."""
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    session: Mapped[str] = mapped_column(String(64))
    """Which of the person's sessions began it."""
    server: Mapped[str] = mapped_column(ForeignKey("remote_servers.key", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(1024))
    says_issuer: Mapped[bool] = mapped_column(Boolean)
    """The issuer promises to name itself in its answer (RFC 9207)."""
    token_endpoint: Mapped[str] = mapped_column(Text)
    revocation_endpoint: Mapped[str | None] = mapped_column(Text)
    resource: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    scopes: Mapped[str] = mapped_column(Text)
    sealed_verifier: Mapped[str] = mapped_column(Text)
    """Of PKCE (RFC 7636)."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
