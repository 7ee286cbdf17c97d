"""Agents of other makers: who they are, what people allowed them, their codes and refresh tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "oauth_clients",
        sa.Column("client_id", sa.String(500), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=True),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fresh_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.tenant_id"],
            name="fk_oauth_clients_tenant_id_tenants",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("client_id", name="pk_oauth_clients"),
    )
    op.create_index("ix_oauth_clients_tenant_id", "oauth_clients", ["tenant_id"])
    op.create_table(
        "oauth_consents",
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(500), nullable=False),
        sa.Column("client_name", sa.String(100), nullable=False),
        sa.Column("resource", sa.String(500), nullable=False),
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("redirect_hosts", sa.JSON(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id", "tenant_id"],
            ["memberships.person_id", "memberships.tenant_id"],
            name="fk_oauth_consents_person_id_tenant_id_memberships",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("consent_id", name="pk_oauth_consents"),
        sa.UniqueConstraint(
            "tenant_id",
            "person_id",
            "client_id",
            "resource",
            name="uq_oauth_consents_tenant_id_person_id_client_id_resource",
        ),
    )
    op.create_table(
        "oauth_codes",
        sa.Column("code_hash", sa.String(64), nullable=False),
        *_grant_columns(),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("code_challenge", sa.String(128), nullable=False),
        *_use_columns(),
        sa.ForeignKeyConstraint(
            ["consent_id"],
            ["oauth_consents.consent_id"],
            name="fk_oauth_codes_consent_id_oauth_consents",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name="pk_oauth_codes"),
    )
    op.create_index("ix_oauth_codes_consent_id", "oauth_codes", ["consent_id"])
    op.create_index("ix_oauth_codes_expires_at", "oauth_codes", ["expires_at"])
    op.create_table(
        "oauth_refresh_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        *_grant_columns(),
        *_use_columns(),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["consent_id"],
            ["oauth_consents.consent_id"],
            name="fk_oauth_refresh_tokens_consent_id_oauth_consents",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_oauth_refresh_tokens"),
    )
    for column in ("consent_id", "family_id", "expires_at"):
        op.create_index(f"ix_oauth_refresh_tokens_{column}", "oauth_refresh_tokens", [column])


def _grant_columns() -> list[sa.Column[str]]:
    return [
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("family_id", sa.String(64), nullable=False),
    ]


def _use_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("rights", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
    ]


def downgrade() -> None:
    for table in ("oauth_refresh_tokens", "oauth_codes", "oauth_consents", "oauth_clients"):
        op.drop_table(table)
