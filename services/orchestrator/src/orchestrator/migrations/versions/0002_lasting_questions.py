"""Lost outcomes, tool servers' questions, second persons."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inputs",
        sa.Column("input_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("server_key", sa.String(length=256), nullable=False),
        sa.Column("request_state", sa.Text(), nullable=True),
        sa.Column("answer_schema", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("answered_by_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("input_id", name="pk_inputs"),
    )
    op.create_index("ix_inputs_state_expires_at", "inputs", ["state", "expires_at"])
    op.create_index("ix_inputs_turn_id", "inputs", ["turn_id"])
    op.add_column("turns", sa.Column("news", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("tool_calls", sa.Column("retry_of", sa.String(length=64), nullable=True))
    op.add_column("approvals", sa.Column("proposed", sa.JSON(), nullable=True))
    op.add_column(
        "approvals",
        sa.Column("requested_by_name", sa.String(length=200), nullable=False, server_default=""),
    )
    op.add_column(
        "approvals", sa.Column("approver_roles", sa.JSON(), nullable=False, server_default="[]")
    )
    op.create_index("ix_approvals_tenant_id_state", "approvals", ["tenant_id", "state"])


def downgrade() -> None:
    op.drop_index("ix_approvals_tenant_id_state", "approvals")
    op.drop_column("approvals", "approver_roles")
    op.drop_column("approvals", "requested_by_name")
    op.drop_column("approvals", "proposed")
    op.drop_column("tool_calls", "retry_of")
    op.drop_column("turns", "news")
    op.drop_table("inputs")
