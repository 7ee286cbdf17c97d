"""Sessions, sign-ins elsewhere, mailed links and second factors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _person(table: str, *, nullable: bool = False) -> tuple[sa.Column[str], sa.Constraint]:
    return (
        sa.Column("person_id", sa.String(64), nullable=nullable),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.person_id"],
            name=f"fk_{table}_person_id_people",
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.String(64), nullable=False),
        *_person("sessions"),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(64), nullable=True),
        sa.Column("user_agent", sa.String(300), nullable=False),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("issuer", sa.String(300), nullable=True),
        sa.Column("subject", sa.String(255), nullable=True),
        sa.Column("provider_sid", sa.String(255), nullable=True),
        sa.PrimaryKeyConstraint("session_hash", name="pk_sessions"),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_issuer_provider_sid", "sessions", ["issuer", "provider_sid"])
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(300), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        *_person("identities"),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
    )
    op.create_index("ix_identities_person_id", "identities", ["person_id"])
    op.create_table(
        "mail_links",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        *_person("mail_links", nullable=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_mail_links"),
    )
    op.create_table(
        "second_factors",
        *_person("second_factors"),
        sa.Column("secret_sealed", sa.String(300), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_second_factors"),
    )
    op.create_table(
        "recovery_codes",
        *_person("recovery_codes"),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "code_hash", name="pk_recovery_codes"),
    )


def downgrade() -> None:
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_table("mail_links")
    op.drop_table("identities")
    op.drop_table("sessions")
