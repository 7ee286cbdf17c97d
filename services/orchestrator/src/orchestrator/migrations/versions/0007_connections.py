"""Tool servers that admins add, people's sign-ins there, and whose admin has accepted a tool."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "remote_servers",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.Column("removed_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_remote_servers"),
    )
    op.create_index("ix_remote_servers_tenant_id", "remote_servers", ["tenant_id"])
    op.create_table(
        "oauth_clients",
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=1024), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=True),
        sa.Column("auth_method", sa.String(length=64), nullable=False),
        sa.Column("is_registered", sa.Boolean(), nullable=False),
        _to_server("oauth_clients"),
        sa.PrimaryKeyConstraint("server", "issuer", name="pk_oauth_clients"),
    )
    op.create_table(
        "connections",
        sa.Column("connection_id", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=1024), nullable=False),
        sa.Column("token_endpoint", sa.Text(), nullable=False),
        sa.Column("revocation_endpoint", sa.Text(), nullable=True),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("sealed_tokens", sa.Text(), nullable=True),
        sa.Column("token_expires_at", _TIME, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("refresh_until", _TIME, nullable=True),
        sa.Column("wanted_scopes", sa.Text(), nullable=False),
        sa.Column("metadata_url", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("connected_at", _TIME, nullable=True),
        sa.Column("refreshed_at", _TIME, nullable=True),
        sa.Column("last_used_at", _TIME, nullable=True),
        _to_server("connections"),
        sa.PrimaryKeyConstraint("connection_id", name="pk_connections"),
        sa.UniqueConstraint(
            "tenant_id", "owner_id", "server", name="uq_connections_tenant_id_owner_id_server"
        ),
    )
    op.create_index("ix_connections_server", "connections", ["server"])
    op.create_table(
        "sign_ins",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=1024), nullable=False),
        sa.Column("says_issuer", sa.Boolean(), nullable=False),
        sa.Column("token_endpoint", sa.Text(), nullable=False),
        sa.Column("revocation_endpoint", sa.Text(), nullable=True),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("sealed_verifier", sa.Text(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        _to_server("sign_ins"),
        sa.PrimaryKeyConstraint("state_hash", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"])
    # What was accepted before goes on holding for everybody.
    with op.batch_alter_table("tool_definitions") as definitions:
        definitions.add_column(
            sa.Column("tenant_id", sa.String(length=64), nullable=False, server_default="")
        )
        definitions.drop_constraint("pk_tool_definitions", type_="primary")
        definitions.create_primary_key("pk_tool_definitions", ["tenant_id", "server", "tool"])
    with op.batch_alter_table("tool_definitions") as definitions:
        definitions.alter_column("tenant_id", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM tool_definitions WHERE tenant_id <> ''")
    with op.batch_alter_table("tool_definitions") as definitions:
        definitions.drop_constraint("pk_tool_definitions", type_="primary")
        definitions.create_primary_key("pk_tool_definitions", ["server", "tool"])
        definitions.drop_column("tenant_id")
    for table in ("sign_ins", "connections", "oauth_clients", "remote_servers"):
        op.drop_table(table)


def _to_server(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["server"],
        ["remote_servers.key"],
        name=f"fk_{table}_server_remote_servers",
        ondelete="CASCADE",
    )
