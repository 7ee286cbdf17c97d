"""The ledger of tool calls and the accepted tool definitions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from orchestrator.database import Base
from shared.sql import UtcDateTime


class ToolCallRow(Base):
    """What was proposed, what was sent and what came of it. Outlives its conversation."""

    __tablename__ = "tool_calls"
    __table_args__ = (Index(None, "tenant_id", "owner_id", "proposed_at"), Index(None, "turn_id"))

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    turn_id: Mapped[str] = mapped_column(String(64))
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    server: Mapped[str] = mapped_column(String(64))
    tool: Mapped[str] = mapped_column(String(256))
    definition_hash: Mapped[str] = mapped_column(String(64))
    """Of the definition the call was judged by; empty when there is no such tool."""
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As proposed, then as approved: always what is sent."""
    arguments_hash: Mapped[str] = mapped_column(String(64))
    idempotency_key: Mapped[str] = mapped_column(String(64))
    repeatable: Mapped[bool] = mapped_column(Boolean)
    """Read-only or idempotent by a trusted server's word: may be sent again after a crash."""
    retry_of: Mapped[str | None] = mapped_column(String(64))
    """The call with an unknown outcome that the person had tried again by this one."""
    state: Mapped[str] = mapped_column(String(32))
    rule: Mapped[str] = mapped_column(String(64))
    error: Mapped[str | None] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WholeResultRow(Base):
    """A result that is larger than an event may be. Goes with its turn."""

    __tablename__ = "whole_results"
    __table_args__ = (Index(None, "turn_id"),)

    call_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.turn_id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(String(64))
    owner_id: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)
    """JSON, as the server answered."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ToolDefinitionRow(Base):
    """The definition of a tool that was last accepted."""

    __tablename__ = "tool_definitions"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Whose admin has accepted it. Empty: it came with a server that the operator has configured, and holds for every
    tenant that has not accepted another one."""
    server: Mapped[str] = mapped_column(String(64), primary_key=True)
    tool: Mapped[str] = mapped_column(String(256), primary_key=True)
    definition_hash: Mapped[str] = mapped_column(String(64))
    definition: Mapped[dict[str, Any]] = mapped_column(JSON)
    accepted_by: Mapped[str] = mapped_column(String(64))
    """Person id, or `first_seen`."""
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime)
