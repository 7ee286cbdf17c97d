"""The tables of conversations, of what search finds in them, and of links to them."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class ConversationRow(Base):
    """A conversation of one person in one tenant. Deleting it deletes its turns."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(None, "tenant_id", "owner_id", "updated_at", "conversation_id"),
        Index(None, "temporary", "updated_at"),
    )

    conversation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(200))
    head_turn_id: Mapped[str | None] = mapped_column(String(64))
    """The last turn of the path that is shown and that the next question follows. None: nothing was asked."""
    temporary: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """Not listed, not searched, not shared, and deleted some time after its last activity."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class MessageTextRow(Base):
    """A question, or all that was said in answer to one, as search finds it. Goes with its conversation.

    `words` is what the index of either database is made of; that index belongs to the migrations.
    """

    __tablename__ = "message_texts"
    __table_args__ = (UniqueConstraint("turn_id", "role"), Index(None, "conversation_id"))

    message_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True
    )
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.conversation_id", ondelete="CASCADE")
    )
    turn_id: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    """person or assistant."""
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ShareRow(Base):
    """A link to a conversation as it was at one moment. Gone when it is withdrawn.

    The token stands here as it is: its owner must be able to see the link again, and whoever can read this table can
    read the conversation itself in the same database, so that a hash would protect nothing.
    """

    __tablename__ = "shares"
    __table_args__ = (UniqueConstraint("token"),)

    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.conversation_id", ondelete="CASCADE"), primary_key=True
    )
    token: Mapped[str] = mapped_column(String(64))
    """256 random bits."""
    title: Mapped[str] = mapped_column(String(200))
    last_turn_id: Mapped[str] = mapped_column(String(64))
    """The end of the path that is shown. Finished turns never change, so naming it is a snapshot."""
    turns: Mapped[int] = mapped_column(Integer)
    shared_at: Mapped[datetime] = mapped_column(UtcDateTime)
