"""Turns as a tree."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("parent_turn_id", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_turns_conversation_id_parent_turn_id", "turns", ["conversation_id", "parent_turn_id"]
    )
    op.add_column("conversations", sa.Column("head_turn_id", sa.String(length=64), nullable=True))
    _put_turns_in_a_row()


def _put_turns_in_a_row() -> None:
    """Until now every turn followed the one asked before it."""
    op.execute(
        "UPDATE turns SET parent_turn_id = (SELECT earlier.turn_id FROM turns AS earlier"
        " WHERE earlier.conversation_id = turns.conversation_id"
        " AND earlier.position = turns.position - 1)"
    )
    op.execute(
        "UPDATE conversations SET head_turn_id = (SELECT turns.turn_id FROM turns"
        " WHERE turns.conversation_id = conversations.conversation_id"
        " ORDER BY turns.position DESC LIMIT 1)"
    )


def downgrade() -> None:
    op.drop_column("conversations", "head_turn_id")
    op.drop_index("ix_turns_conversation_id_parent_turn_id", "turns")
    op.drop_column("turns", "parent_turn_id")
