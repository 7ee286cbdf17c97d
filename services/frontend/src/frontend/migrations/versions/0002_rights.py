"""Tiers, verified addresses, disabled accounts and security events."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "tenants", sa.Column("tier", sa.String(16), nullable=False, server_default="free")
    )
    op.add_column("tenants", sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "people", sa.Column("is_verified", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "people", sa.Column("is_disabled", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("memberships", sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "security_events",
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=True),
        sa.Column("person_id", sa.String(64), nullable=True),
        sa.Column("address", sa.String(64), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_security_events"),
    )
    op.create_index("ix_security_events_tenant_id_at", "security_events", ["tenant_id", "at"])
    op.create_index("ix_security_events_at", "security_events", ["at"])


def downgrade() -> None:
    op.drop_table("security_events")
    op.drop_column("memberships", "joined_at")
    op.drop_column("people", "is_disabled")
    op.drop_column("people", "is_verified")
    op.drop_column("tenants", "delete_after")
    op.drop_column("tenants", "tier")
